"""Who may ask for a code, and what a caller or a reader of the store can learn of others."""

from __future__ import annotations

import json

import pytest

from tests.sandbox.cams_gateway import Behaviour
from tests.support.admission import Turn, ask_as, event, number
from tests.support.function_under_test import NUMBER, FunctionUnderTest
from tests.support.valkey import SECRET, Valkey


@pytest.mark.parametrize("headers", [{}, {"X_Caller": ""}, {"X_Caller": " "}, {"X_Caller": "a,b"}])
@pytest.mark.parametrize("setting", ["CALLER_HEADER", "CUST_SPACE_HEADER"])
def test_an_unknown_caller(
    function: FunctionUnderTest, setting: str, headers: dict[str, str]
) -> None:
    """An HTTP request without the caller's header, or with two values in it, is refused."""
    function.set(**{setting: "X-Caller"}, CUST_SPACE_IDS="*")
    reply = ask_as(function, **headers)
    assert (reply.status, reply.result["code"]) == (403, "CallerUnknown")
    assert reply.result["retryable"] is False
    assert ask_as(function, None, **headers).status == 422
    assert function.gateway.requests_seen == 0
    # Who invokes directly or sends events is known to the platform.
    assert function.ask(cust_space_id="cams-one")["sent"] == "yes"


def test_two_headers_of_one_name(function: FunctionUnderTest) -> None:
    """A second header that differs only in upper and lower case makes the caller unknown."""
    function.set(CALLER_HEADER="X-Caller")
    headers = {"X-Caller": "app-1", "x-caller": "app-2"}
    request = {"httpMethod": "POST", "path": "/", "headers": headers}
    answer = function.handle({**request, "body": json.dumps({"phone_number": NUMBER})})
    assert json.loads(answer["body"])["code"] == "CallerUnknown"


@pytest.mark.parametrize(
    ("spaces", "callers", "asked", "used"),
    [
        ("cams-one,cams-two", "cams-two", None, "cams-two"),
        ("cams-one,cams-two", "cams-two", "cams-two", "cams-two"),
        ("cams-one,cams-two", "cams-two", "cams-one", None),
        ("cams-one,cams-two", "cams-three", None, None),
        ("*", "cams-three", None, "cams-three"),
        ("*", "cams-three", "cams-one", None),
        ("*", "*", "cams-one", None),
    ],
)
def test_the_callers_space(
    function: FunctionUnderTest, spaces: str, callers: str, asked: str | None, used: str | None
) -> None:
    """The space in the caller's header is the default, and the only one that the caller may use."""
    function.set(CUST_SPACE_HEADER="X-Space", CUST_SPACE_IDS=spaces)
    body = {"phone_number": NUMBER, "cust_space_id": asked}
    reply = function.post(body, headers={"X-Space": callers})
    assert reply.result["code"] == ("OK" if used else "CustSpaceNotAllowed")
    seen = [message.cust_space_id for message in function.gateway.messages]
    assert seen == ([used] if used else [])


def test_a_key_belongs_to_its_caller(function: FunctionUnderTest, turn: Turn) -> None:
    """The same Idempotency-Key with another caller or other fields is another request."""
    function.set(CALLER_HEADER="X-Caller", SEND_LIMITS_PER_NUMBER="9/hour")
    asked = [("a", NUMBER), ("b", NUMBER), ("a", NUMBER), ("a", number(1))]
    first, second, again, other = (
        ask_as(function, number, Idempotency_Key="k", X_Caller=caller).result
        for caller, number in asked
    )
    assert again["replayed"] is True
    assert [result["replayed"] for result in (first, second, other)] == [False] * 3
    assert again["request_id"] == first["request_id"] != second["request_id"]


def test_a_test_number(function: FunctionUnderTest, turn: Turn) -> None:
    """A test number gets the usual answer without a call, and the rate limits count it."""
    function.set(TEST_NUMBERS="+86 100 0000 0001, +15005550006")
    answer = function.ask(phone_number="+8610000000001", idempotency_key="k")
    assert (answer["sent"], answer["code"], answer["request_id"]) == ("yes", "OK", None)
    assert answer["phone_number"] == "+86*******01"
    assert 50 < answer["retry_after_seconds"] <= 60
    assert function.ask(phone_number="+8610000000001")["code"] == "TooSoon"
    again = function.ask(phone_number="+8610000000001", idempotency_key="k")
    assert (again["replayed"], again["code"]) == (True, "OK")
    assert function.ask(phone_number="+1 500 555 0006")["sent"] == "yes"
    function.set(ALLOWED_COUNTRIES="CN")
    assert function.ask(phone_number="+15005550006")["code"] == "CountryNotAllowed"
    assert function.ask(phone_number="+8610000000002")["code"] == "InvalidRequest"
    assert function.gateway.requests_seen == 0


# --- what others can learn ---------------------------------------------------------------------


def test_a_refusal_tells_nothing_of_others(function: FunctionUnderTest, turn: Turn) -> None:
    """`TooSoon` doesn't tell who asked before, or how."""
    function.set(CALLER_HEADER="X-Caller")
    first = function.post({"phone_number": NUMBER, "method": "voice"}, headers={"X-Caller": "a"})
    assert first.status == 200
    result = ask_as(function, X_Caller="b").result
    told = {key for key, value in result.items() if value not in (None, [], False)}
    assert told == {
        "sent",
        "code",
        "message",
        "invocation_id",
        "retryable",
        "retry_after_seconds",
        "phone_number",
        "method",
        "locale",
    }
    assert result["method"] == "sms"
    assert not any(character.isdigit() for character in result["message"])


def test_the_store_holds_no_plain_text(over_valkey: FunctionUnderTest, valkey: Valkey) -> None:
    """The store's keys and values contain no number, caller, key, id or space in plain text."""
    over_valkey.set(CALLER_HEADER="X-Caller")
    refusal = Behaviour.says(200, Code="136024", Message=f"no code for {number(1)[3:]}")
    over_valkey.gateway.will(Behaviour(takes_effect=True), refusal)
    ask_as(over_valkey, X_Caller="caller-7f", Idempotency_Key="key-7f")
    over_valkey.raised(event("event-7f", number(1)))
    with valkey.client() as client:
        reads = {"hash": client.hgetall, "zset": client.zscan, "string": client.get}
        stored = [(key, reads[client.type(key)](key)) for key in client.scan_iter()]
    assert "136024" in str(stored)
    for secret in ("138000", "caller-7f", "key-7f", "event-7f", "invocation-", "cams-one", SECRET):
        assert secret not in str(stored)
    over_valkey.set(STORE_SECRET=SECRET[::-1])  # with another secret the record isn't found
    assert over_valkey.handle(event("event-7f", number(1)))["replayed"] is False
