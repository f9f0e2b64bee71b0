"""The operation `verify`: a code registers a number once, is rarely guessed and never shown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sandbox.cams_gateway import Behaviour
from tests.support.function_under_test import NUMBER, FunctionUnderTest, HttpReply, log_lines
from tests.support.valkey import Valkey
from verify_code.masking import mask
from verify_code.request import VerifyRequest
from verify_code.validation import validate

WRONG = "975318"  # no part of any other number here


@pytest.fixture(params=["memory", "valkey"])
def sent(function: FunctionUnderTest, request: pytest.FixtureRequest) -> str:
    """The code that the function sent, over each of the stores."""
    store = request.getfixturevalue("valkey").settings if request.param == "valkey" else {}
    function.set(OPERATIONS="send,status,verify", **store)
    function.ask()
    return function.gateway.messages[-1].code


def hand_in(function: FunctionUnderTest, code: str, key: str = "", **fields: Any) -> HttpReply:
    headers = {"Idempotency-Key": key} if key else {}
    return function.post(
        {"phone_number": NUMBER, "code": code, **fields}, headers=headers, path="/verify"
    )


def verify_calls(function: FunctionUnderTest) -> int:
    return len(function.gateway.calls["ChatappVerifyAndRegister"])


def status(function: FunctionUnderTest) -> str:
    told: str = function.ask(operation="status")["verification_status"]
    return told


def test_the_whole_way(function: FunctionUnderTest, sent: str) -> None:
    """A number is verified after its code is handed in."""
    assert status(function) == "NOT_VERIFIED"
    reply = hand_in(function, f"{sent[:3]}-{sent[3:]}")
    assert (reply.status, reply.result["code"]) == (200, "OK")
    assert (reply.result["registered"], reply.result["success"]) == ("yes", True)
    assert reply.result["phone_number"] == "+86*******34"
    assert status(function) == "VERIFIED"
    assert function.gateway.registrations == [("8613800001234", sent)]


def test_a_wrong_code_does_not_end_the_flow(function: FunctionUnderTest, sent: str) -> None:
    """A wrong code is refused with the API's own code, and the right code still registers."""
    wrong = WRONG if sent != WRONG else "111111"
    reply = hand_in(function, wrong)
    assert (reply.status, reply.result["code"]) == (424, "ERR-FB-001")
    assert (reply.result["registered"], reply.result["retryable"]) == ("no", False)
    direct = function.ask(operation="verify", code=wrong)
    assert "136025" in direct["message"]
    assert hand_in(function, sent).result["registered"] == "yes"


@pytest.mark.parametrize(
    "text", ["123456", "123-456", " 123 456 ", "1 2 3-4 5 6", "12\u00a03456", "\t123456\n"]
)
def test_a_code_as_people_copy_it(function: FunctionUnderTest, text: str) -> None:
    """Hyphens and spaces in a code are removed."""
    function.monkeypatch.setattr("random.randrange", lambda _: 123456)
    function.set(OPERATIONS="send,verify")
    function.ask()
    assert function.ask(operation="verify", VerifyCode=text)["registered"] == "yes"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "12345",
        "1234567",
        "12345a",
        "\uff11\uff12\uff13\uff14\uff15\uff16",
        "+123456",
        "123.456",
        123456,
        True,
        ["123456"],
    ],
)
def test_what_is_no_code(function: FunctionUnderTest, value: Any) -> None:
    """An invalid code is refused without a call, and isn't shown in the answer."""
    function.set(OPERATIONS="verify")
    result = function.ask(operation="verify", code=value)
    assert (result["code"], result["registered"]) == ("InvalidRequest", "no")
    assert [(each["field"], each["code"]) for each in result["errors"]] == [("code", "invalid")]
    assert verify_calls(function) == 0


def test_fields_that_are_missing_or_misspelt(function: FunctionUnderTest) -> None:
    """A missing, misspelt or contradictory code is an error of its field."""
    function.set(OPERATIONS="verify")
    for fields, told in (
        ({}, ("code", "missing")),
        ({"code": None}, ("code", "missing")),
        ({"otp": "123456"}, ("otp", "unknown")),
        ({"verification_code": "123456"}, ("verification_code", "unknown")),
        ({"code": "123456", "VerifyCode": "654321"}, ("code", "conflicting")),
    ):
        (error,) = function.ask(operation="verify", **fields)["errors"]
        assert (error["field"], error["code"]) == told
    assert verify_calls(function) == 0


def test_the_same_code_under_the_same_key(function: FunctionUnderTest, sent: str) -> None:
    """The same code with the same key gets the first answer, good or bad, without a call."""
    wrong = WRONG if sent != WRONG else "111111"
    for code, outcome in ((wrong, "no"), (sent, "yes")):
        first, second = hand_in(function, code, "tap-1"), hand_in(function, code, "tap-1")
        assert (first.status, first.result["registered"]) == (second.status, outcome)
        assert (first.result["replayed"], second.result["replayed"]) == (False, True)
    assert verify_calls(function) == 2


def test_one_code_in_two_spellings_is_one_request(function: FunctionUnderTest, sent: str) -> None:
    """With one key, the same code and number in another spelling are the same request."""
    first = hand_in(function, sent, "tap-1")
    again = {"PhoneNumber": "+86 138 0000 1234", "VerifyCode": f"{sent[:3]}-{sent[3:]}"}
    headers = {"Idempotency-Key": "tap-1"}
    second = function.post(again, headers=headers, path="/verify")
    direct = function.ask(operation="verify", code=f" {sent} ", idempotency_key="tap-1")
    assert [each["registered"] for each in (first.result, second.result, direct)] == ["yes"] * 3
    assert second.result["replayed"]
    assert direct["replayed"]
    assert verify_calls(function) == 1


@pytest.mark.parametrize("depth", range(7))
def test_what_is_escaped_often(function: FunctionUnderTest, depth: int) -> None:
    """The number and the code are masked, however often the API has escaped them."""
    function.set(OPERATIONS="verify")
    echo = "".join(f"%{'25' * depth}{ord(digit):02x}" for digit in NUMBER[1:] + " " + WRONG)
    function.gateway.standing = Behaviour.says(400, Code="X", Message=echo)
    message = function.ask(operation="verify", code=WRONG)["message"]
    assert NUMBER[-7:] not in message
    assert WRONG not in message


def test_guesses_are_limited(function: FunctionUnderTest, sent: str) -> None:
    """A number may try five codes an hour, because WhatsApp locks it after too many."""
    replies = [hand_in(function, f"{guess:06}") for guess in range(6)]
    assert [reply.result["code"] for reply in replies[:5]] == ["ERR-FB-001"] * 5
    last = replies[5]
    assert (last.status, last.result["code"]) == (429, "TooSoon")
    assert (last.result["registered"], last.result["retryable"]) == ("no", True)
    assert 3500 < last.result["retry_after_seconds"] <= 3600
    assert verify_calls(function) == 5
    assert sent


def test_the_limits_of_codes_and_guesses_are_apart(function: FunctionUnderTest, sent: str) -> None:
    """The rate limits of `verify` are separate from those of `send`."""
    function.set(
        CALLER_HEADER="X-Claim-Sub",
        SEND_LIMITS_PER_CALLER="1/hour",
        VERIFY_LIMITS_PER_CALLER="2/hour",
        VERIFY_LIMITS_TOTAL="3/hour",
    )

    def hand_in_as(caller: str) -> str:
        body = {"phone_number": NUMBER, "code": WRONG}
        reply = function.post(body, headers={"X-Claim-Sub": caller}, path="/verify")
        return str(reply.result["code"])

    codes = [hand_in_as(caller) for caller in ("a", "a", "a", "b", "c")]
    assert [codes[2], codes[4]] == ["TooManyRequests", "TotalLimitReached"]
    assert function.post(headers={"X-Claim-Sub": "a"}).result["sent"] == "yes"
    assert sent


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (Behaviour(fault="close", takes_effect=True), "UpstreamDisconnected"),
        (Behaviour(fault="close"), "UpstreamDisconnected"),
        (Behaviour(500, b'{"Code": "InternalError"}', takes_effect=True), "InternalError"),
        (Behaviour(200, b'{"Code": "OK", "Success": false}'), "InvalidUpstreamAnswer"),
    ],
)
def test_an_answer_that_is_lost(
    function: FunctionUnderTest, sent: str, behaviour: Behaviour, code: str
) -> None:
    """If the answer is lost, `registered` is `unknown`, and no other call is made."""
    function.gateway.will(behaviour)
    reply = hand_in(function, sent, "tap-1")
    assert (reply.status, reply.result["code"]) == (202, code)
    assert (reply.result["registered"], reply.result["retryable"]) == ("unknown", False)
    assert hand_in(function, sent, "tap-1").result["registered"] == "unknown"
    assert verify_calls(function) == 1
    assert status(function) == ("VERIFIED" if behaviour.takes_effect else "NOT_VERIFIED")


@pytest.mark.parametrize("code", ["Throttling.User", "Ram.PermissionDeny", "Product.Unsubscript"])
def test_what_was_not_looked_at_is_no_guess(
    function: FunctionUnderTest, sent: str, code: str
) -> None:
    """A code that the API didn't check may be handed in again, and isn't counted."""
    function.set(VERIFY_LIMITS_PER_NUMBER="1/hour")
    function.gateway.will(*[Behaviour.says(400, Code=code)] * 3)
    assert hand_in(function, sent, "tap-1").result["code"] == code
    function.gateway.behaviours.clear()
    assert hand_in(function, sent, "tap-1").result["registered"] == "yes"


@pytest.mark.parametrize("spelled", ["{0}", "{1}-{2}", "{1} {2}", "\\u0039{3}", "%39{3}"])
def test_the_code_is_shown_nowhere(
    function: FunctionUnderTest, capsys: pytest.CaptureFixture[str], spelled: str
) -> None:
    """A code that the API repeats in any spelling is masked in answers and in the log."""
    function.set(OPERATIONS="verify")
    echo = spelled.format(WRONG, WRONG[:3], WRONG[3:], WRONG[1:])
    body = b'{"Code": "Wrong", "Message": "code %s is wrong", "RequestId": "R-%s"}'
    function.gateway.standing = Behaviour(400, body % (echo.encode(), WRONG.encode()))
    direct = function.ask(operation="verify", code=WRONG)
    assert direct["message"] == "code ****** is wrong"
    answers = [direct, hand_in(function, WRONG).result, log_lines(capsys)]
    shown = json.dumps(answers)
    assert WRONG not in shown
    assert echo not in shown


def test_the_code_is_in_no_exception(function: FunctionUnderTest) -> None:
    """The text of the request's model doesn't show the code."""
    fields = {"phone_number": NUMBER, "code": WRONG, "cust_space_id": "cams-one"}
    request = validate(VerifyRequest, fields, {"locale": "en"}, frozenset())
    assert WRONG not in repr(request) + str(request)
    assert request.query()["VerifyCode"] == WRONG


def test_the_code_is_not_in_the_store(function: FunctionUnderTest, valkey: Valkey) -> None:
    """The store's keys and values contain neither the code nor the number."""
    function.set(OPERATIONS="verify", **valkey.settings)
    hand_in(function, WRONG, "tap-1")
    with valkey.client() as client:
        keys = list(client.scan_iter())
        records = [client.hgetall(key) for key in keys if "record" in key]
        members = [client.zrange(key, 0, -1) for key in keys if "limit" in key]
    shown = json.dumps([keys, records, members])
    assert (len(records), len(members)) == (1, 2)
    assert WRONG not in shown
    assert NUMBER[3:] not in shown


@given(st.text(max_size=30), st.from_regex(r"\A[0-9]{6}\Z"), st.text(max_size=30))
def test_no_text_shows_a_code(before: str, code: str, after: str) -> None:
    """A code is masked wherever it stands in a text."""
    assert code not in mask(f"{before}{code}{after}", {code: "******"})
