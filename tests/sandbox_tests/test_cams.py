"""The sandbox's API by itself: its numbers, its three actions, and a call's effect."""

from __future__ import annotations

import contextlib
import http.client
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from tests.sandbox.acs3 import sign
from tests.sandbox.cams_api import SEND, STATUS, VERIFY
from tests.sandbox.cams_gateway import Behaviour, CamsGateway
from tests.sandbox.function_compute import new_credentials

DAY = 86400
WRONG = "(#136025) Verify code error: the code is wrong."
VERIFIED = "Phone number ownership is already verified."
TOO_OFTEN = "(#133016) Account register deregister rate limit exceeded."


@dataclass
class Caller:
    """Calls the API for one number, as the SDK would; turns the API's clock."""

    now: float = 0.0

    def __post_init__(self) -> None:
        self.gateway = CamsGateway(clock=lambda: self.now)
        self.credentials = new_credentials()
        self.gateway.accept(self.credentials)

    def call(self, action: str, **query: str) -> tuple[int, dict[str, Any]]:
        query = {"PhoneNumber": "6581234567", "CustSpaceId": "cams-one", **query}
        headers = {
            "host": urlsplit(self.gateway.endpoint).netloc,
            "x-acs-action": action,
            "x-acs-version": "2020-06-06",
            "x-acs-date": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": str(uuid.uuid4()),
            "x-acs-content-sha256": sha256(b"").hexdigest(),
            "x-acs-security-token": self.credentials.security_token,
        }
        signature = sign(self.credentials.access_key_secret, "POST", "/", query, headers)
        credential = f"Credential={self.credentials.access_key_id}"
        names = f"SignedHeaders={';'.join(sorted(headers))}"
        authorization = f"ACS3-HMAC-SHA256 {credential},{names},Signature={signature}"
        address = urlsplit(self.gateway.endpoint).netloc
        with contextlib.closing(http.client.HTTPConnection(address, timeout=5)) as connection:
            target = f"/?{urlencode(query)}"
            connection.request("POST", target, headers={**headers, "Authorization": authorization})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def send(self) -> str:
        """Asks for a code; what the API says."""
        return str(self.call(SEND, Method="sms", Locale="en")[1]["Message"])

    def verify(self, code: str) -> str:
        """Hands in a code; what the API says."""
        return str(self.call(VERIFY, VerifyCode=code)[1]["Message"])

    def status(self) -> str:
        return str(self.call(STATUS)[1]["Data"]["CodeVerificationStatus"])

    @property
    def code(self) -> str:
        """The code that was sent last."""
        return self.gateway.messages[-1].code

    @property
    def wrong_code(self) -> str:
        return f"{(int(self.code) + 1) % 10**6:06}"


@pytest.fixture
def caller() -> Iterator[Caller]:
    under_test = Caller()
    with under_test.gateway:
        yield under_test


def test_a_number_is_verified_for_fourteen_days(caller: Caller) -> None:
    """The last code verifies a number, which then gets no other until its verification expires."""
    assert caller.status() == "NOT_VERIFIED"
    assert caller.verify("000000") == WRONG
    assert caller.send() == "OK"
    first_code = caller.code
    assert caller.status() == "NOT_VERIFIED"
    while caller.code == first_code:
        caller.send()
    assert caller.verify(first_code) == WRONG
    assert caller.verify(caller.code) == "OK"
    assert caller.status() == "VERIFIED"
    assert caller.verify(caller.code) == WRONG
    assert caller.send() == VERIFIED
    caller.now += 14 * DAY - 1
    assert caller.status() == "VERIFIED"
    caller.now += 1
    assert caller.status() == "EXPIRED"
    assert caller.send() == "OK"
    assert caller.status() == "EXPIRED"
    assert caller.verify(caller.code) == "OK"
    assert caller.status() == "VERIFIED"
    assert {each.phone_number for each in caller.gateway.registrations} == {"6581234567"}
    assert caller.gateway.registrations[-1].code == caller.code
    assert len(caller.gateway.registrations) == 2


def test_ten_registrations_in_three_days(caller: Caller) -> None:
    """The API refuses the eleventh attempt within 72 hours, even with the right code."""
    caller.send()
    for _ in range(10):
        assert caller.verify(caller.wrong_code) == WRONG
        caller.now += 60
    assert caller.verify(caller.code) == TOO_OFTEN
    caller.now += 3 * DAY - 601
    assert caller.verify(caller.code) == TOO_OFTEN
    caller.now += 1
    assert caller.verify(caller.code) == "OK"


def test_a_refusal(caller: Caller) -> None:
    """What WhatsApp refuses, and what is missing or unknown, is an error of status 400 or 404."""
    status, answer = caller.call(VERIFY, VerifyCode="000000")
    assert (status, answer["Code"], answer["Message"]) == (400, "ERR-FB-001", WRONG)
    for action, name in [(SEND, "Method"), (VERIFY, "VerifyCode"), (STATUS, "CustSpaceId")]:
        status, answer = caller.call(action, **{name: ""})
        assert (status, answer["Code"]) == (400, f"Missing{name}")
    status, answer = caller.call("ChatappPhoneNumberRegister")
    assert (status, answer["Code"]) == (404, "InvalidApi.NotFound")


def test_an_effect_whose_answer_is_lost(caller: Caller) -> None:
    """A code goes out, and the right code registers, although the answer is lost."""
    lost = Behaviour(fault="close", takes_effect=True)
    failed = Behaviour.says(500, Code="InternalError")
    caller.gateway.will(lost)
    with pytest.raises(http.client.RemoteDisconnected):
        caller.send()
    for code in (caller.wrong_code, caller.code):
        caller.gateway.will(Behaviour(fault="close"), lost)
        for _ in range(2):
            with pytest.raises(http.client.RemoteDisconnected):
                caller.verify(code)
    assert caller.gateway.registrations == [("6581234567", caller.code)]
    caller.gateway.will(failed)
    assert caller.call(STATUS)[0] == 500
    assert caller.status() == "VERIFIED"


def test_each_action_has_its_own_rate(caller: Caller) -> None:
    """The eleventh call of one action within a second is throttled; other actions aren't."""
    caller.now = 5.0
    answers = [caller.call(STATUS)[1]["Code"] for _ in range(12)]
    assert answers == ["OK"] * 10 + ["Throttling.User"] * 2
    assert caller.send() == "OK"
    assert caller.verify(caller.code) == "OK"
    caller.now += 1
    assert caller.status() == "VERIFIED"
    gateway = caller.gateway
    assert (gateway.throttled, len(gateway.call_times)) == (2, 1)
    assert [gateway.worst_second(action) for action in (SEND, STATUS, VERIFY)] == [1, 12, 1]
    assert gateway.worst_second() == 12
