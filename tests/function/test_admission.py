"""Idempotency records and rate limits, tested through the whole function."""

from __future__ import annotations

import contextlib
import itertools
from typing import Any

import pytest

from tests.sandbox.cams_gateway import Behaviour
from tests.support.admission import DEFAULT_RATE_LIMITS, Turn, ask_as, event, number
from tests.support.faulty_transport import FaultyTransport
from tests.support.function_under_test import NUMBER, FunctionUnderTest
from tests.support.valkey import Valkey

# --- rate limits -------------------------------------------------------------------------------


def test_the_rate_limit_of_a_number(function: FunctionUnderTest, turn: Turn) -> None:
    """A number gets one code a minute and five an hour; `TooSoon` tells when the next is free."""
    for longest in (60, 60, 60, 60, 3360):
        assert function.post().status == 200
        for reply in [function.post() for _ in range(9)]:
            assert (reply.status, reply.result["code"]) == (429, "TooSoon")
            assert (reply.result["sent"], reply.result["retryable"]) == ("no", True)
            left = reply.result["retry_after_seconds"]
            assert longest - 10 < left <= int(reply.headers["Retry-After"]) <= longest
        turn(60)
    assert len(function.gateway.messages) == 5
    assert function.ask(phone_number=number(1))["sent"] == "yes"


@pytest.mark.parametrize(
    ("setting", "code"),
    [("SEND_LIMITS_PER_CALLER", "TooManyRequests"), ("SEND_LIMITS_TOTAL", "TotalLimitReached")],
)
def test_the_rate_limits_of_a_caller_and_in_total(
    function: FunctionUnderTest, turn: Turn, setting: str, code: str
) -> None:
    """The codes to all numbers are counted for each caller, and for all callers together."""
    function.set(CALLER_HEADER="X-Caller-1f", **{setting: "2/hour"})
    for n in range(2):
        assert ask_as(function, number(n), X_Caller_1F="app-1").status == 200
    reply = ask_as(function, number(3), X_Caller_1f="app-1")
    assert (reply.status, reply.result["code"]) == (429, code)
    assert 3500 < reply.result["retry_after_seconds"] <= 3600
    other = ask_as(function, number(3), X_Caller_1f="app-2")
    assert (other.status == 200) == (code == "TooManyRequests")
    turn(3600)
    assert ask_as(function, number(4), X_Caller_1f="app-1").status == 200


def test_retry_after_a_code_was_sent(function: FunctionUnderTest, turn: Turn) -> None:
    """After `yes` and `unknown` the answer tells when the number's next code is allowed."""
    function.gateway.will(Behaviour(takes_effect=True), Behaviour(fault="close", takes_effect=True))
    for sent in ("yes", "unknown"):
        answer = function.ask(idempotency_key=sent)
        assert (answer["sent"], answer["retryable"]) == (sent, False)
        assert 50 < answer["retry_after_seconds"] <= 60
        turn(30)
        again = function.ask(idempotency_key=sent)
        assert again["replayed"] is True
        left = answer["retry_after_seconds"] - 30
        assert again["retry_after_seconds"] == pytest.approx(left, abs=2)
        turn(left + 2)  # waits for turns moved our clock only
    assert function.ask()["sent"] == "yes"


def test_the_rate_limit_counts_from_the_reservation(function: FunctionUnderTest) -> None:
    """The time of a rate limit starts when the record is reserved, before the wait for a turn."""
    function.set(**DEFAULT_RATE_LIMITS, MAX_CALLS_PER_SECOND="1")
    function.ask(phone_number=number(1))
    assert function.ask()["retry_after_seconds"] == pytest.approx(60 - 1.0, abs=0.2)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "Throttling.User"),
        (400, "Product.Unsubscript"),
        (400, "Ram.PermissionDeny"),
        (403, "NoPermission"),
        (404, "InvalidAccessKeyId.NotFound"),
        (400, "InvalidTimeStamp.Expired"),
    ],
)
def test_a_record_is_released_if_a_retry_may_succeed(
    function: FunctionUnderTest, turn: Turn, status: int, code: str
) -> None:
    """A refusal that the operator or time can fix releases the record and the counts."""
    function.set(SEND_LIMITS_TOTAL="1/day")
    function.gateway.standing = Behaviour.says(status, Code=code)
    assert function.raised(event(1))["replayed"] is False
    function.gateway.standing = None
    result = function.handle(event(1))
    assert (result["sent"], result["replayed"]) == ("yes", False)


KEPT = {
    "refused": (Behaviour.says(200, Code="136024", Success=False), "no"),
    "refused with an unknown code": (Behaviour.says(400, Code="Unknown.ResourceOwnerId"), "no"),
    "refused with a code that is also ours": (Behaviour.says(200, Code="TooSoon"), "no"),
    "the API failed": (Behaviour.says(500, Code="InternalError"), "unknown"),
    "no answer": (Behaviour(fault="close", takes_effect=True), "unknown"),
    "sent": (Behaviour(takes_effect=True), "yes"),
}


@pytest.mark.parametrize(("behaviour", "sent"), KEPT.values(), ids=KEPT)
def test_other_outcomes_are_replayed(
    function: FunctionUnderTest, turn: Turn, behaviour: Behaviour, sent: str
) -> None:
    """Any other outcome is replayed without a call, and the number's rate limit counts it."""
    function.gateway.will(behaviour)
    (first, *is_raised), (again, *is_raised_again) = (function.deliver(event(1)) for _ in range(2))
    # An event that wasn't sent is raised; one that may have been sent is returned.
    assert is_raised == is_raised_again == [sent == "no"]
    assert (first["sent"], first["replayed"], again["replayed"]) == (sent, False, True)
    fresh = {key for key in first if first[key] != again[key]}
    assert fresh - {"retry_after_seconds"} == {"invocation_id", "replayed"}
    # Another event for the same number is raised, because it sent no code.
    assert function.raised(event(2))["code"] == "TooSoon"
    assert function.gateway.requests_seen == 1


def test_an_outage_is_not_counted(function: FunctionUnderTest, turn: Turn) -> None:
    """While the API can't be reached, no rate limit counts the request."""
    endpoint = function.gateway.endpoint
    function.set(CAMS_ENDPOINT="http://127.0.0.1:9", SEND_LIMITS_PER_NUMBER="1/day")
    assert [function.ask()["code"] for _ in range(3)] == ["UpstreamUnavailable"] * 3
    function.set(CAMS_ENDPOINT=endpoint)
    assert function.ask()["sent"] == "yes"


# --- bugs, and instances that die --------------------------------------------------------------


def test_a_bug_before_the_call_releases_the_record(function: FunctionUnderTest, turn: Turn) -> None:
    """After a bug before the call, the same request can be sent."""
    with function.monkeypatch.context() as patch:
        patch.setattr(FaultyTransport, "open", None)
        assert function.raised(event(1))["code"] == "UnexpectedError"
    assert function.handle(event(1))["sent"] == "yes"


def test_an_instance_that_dies(function: FunctionUnderTest, turn: Turn) -> None:
    """At whatever step an instance dies, a later request is sent or `unknown`, and never twice."""
    gateway, steps_left = function.gateway, 0

    def clock() -> float:
        nonlocal steps_left
        steps_left -= 1
        if steps_left == 0:
            raise SystemExit
        return FunctionUnderTest.clock(function)

    function.monkeypatch.setattr(function, "clock", clock)
    function.set()
    gateway.calls_per_second = 10**6
    function.ask(phone_number=number(0))
    ends = set()
    for step in itertools.count(1):
        its = event(step, number(step))
        gateway.will(Behaviour.says(400, Code="Throttling"))
        steps_left = step
        try:
            function.handle(its)
            break  # it ended before the step
        except SystemExit:
            function.transport.close()
        was_throttled = not gateway.behaviours
        gateway.behaviours.clear()
        answer, is_in_the_way = function.deliver(its)
        if is_in_the_way:
            reply = function.post({"phone_number": number(step)})
            assert (reply.status, reply.result["code"]) == (409, answer["code"])
            assert answer["code"] == "InProgress"
            left = reply.result["retry_after_seconds"]
            assert 15 < left <= int(reply.headers["Retry-After"]) <= 20
            turn(20.1)
            answer = function.handle(its)
        if answer["sent"] == "unknown":
            assert answer["retryable"] is False
            assert 30 < answer["retry_after_seconds"] < 40
        ends.add((was_throttled, answer["sent"], answer["replayed"]))
    for was_throttled in (False, True):
        assert ends >= {(was_throttled, "yes", False), (was_throttled, "unknown", True)}
    numbers = [message.phone_number for message in gateway.messages]
    assert len(numbers) == len(set(numbers))


# --- events that come again --------------------------------------------------------------------


def test_an_event_that_was_sent_long_ago(function: FunctionUnderTest, turn: Turn) -> None:
    """A code that was sent is replayed as sent, although the event has expired since."""
    sent_at = 1795502348.0
    function.now = sent_at
    its = {**event(1), "time": sent_at}
    assert function.handle(its)["sent"] == "yes"
    function.now += 601
    turn(30)
    answer = function.handle(its)
    assert (answer["sent"], answer["replayed"]) == ("yes", True)
    assert answer["retry_after_seconds"] == pytest.approx(30, abs=2)
    assert function.raised({**event(2), "time": sent_at})["code"] == "EventExpired"


def test_an_event_whose_country_is_not_allowed_any_more(
    over_valkey: FunctionUnderTest, valkey: Valkey
) -> None:
    """A code that was sent is replayed as sent, although its country isn't allowed any more."""
    assert over_valkey.handle(event(1))["sent"] == "yes"
    over_valkey.set(ALLOWED_COUNTRIES="SG")
    assert over_valkey.handle(event(1))["sent"] == "yes"
    assert over_valkey.raised(event(2))["code"] == "CountryNotAllowed"
    valkey.stop()
    assert over_valkey.raised(event(1))["code"] == "StoreUnavailable"
    valkey.start()


def test_an_event_without_an_id_that_may_have_been_sent(
    function: FunctionUnderTest, turn: Turn
) -> None:
    """The orphaned record of an event without an id outlives the event's maximum age."""
    function.set(MAX_EVENT_AGE_SECONDS="15")
    message = [{"props": {"firstTopic": "a"}, "body": {"phone_number": NUMBER}}]
    real_send = FaultyTransport.send

    def send_and_die(*arguments: Any) -> None:
        real_send(*arguments)
        raise SystemExit

    with function.monkeypatch.context() as patch, contextlib.suppress(SystemExit):
        patch.setattr(FaultyTransport, "send", send_and_die)
        function.handle(message)
    turn(3600)
    (answer,) = function.handle(message)
    assert (answer["sent"], len(function.gateway.messages)) == ("unknown", 1)
