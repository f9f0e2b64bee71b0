"""Idempotency records, rate limits and callers, tested through the whole function."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from tests.sandbox.cams_gateway import Behaviour
from tests.support.faulty_transport import FaultyTransport
from tests.support.function_under_test import NUMBER, FunctionUnderTest, HttpReply, log_lines
from tests.support.valkey import SECRET, Valkey
from verify_code.store.base import Record
from verify_code.store.redis import RedisStore

DEFAULTS = {"SEND_LIMITS_PER_NUMBER": "", "SEND_LIMITS_TOTAL": ""}
Turn = Callable[[float], None]


@pytest.fixture(params=["memory", "valkey"])
def turn(function: FunctionUnderTest, request: pytest.FixtureRequest) -> Turn:
    """The function with the default rate limits over one of the stores, and its store's clock."""
    if request.param == "memory":
        function.set(**DEFAULTS)
        return lambda seconds: setattr(
            function, "turned_seconds", function.turned_seconds + seconds
        )
    valkey: Valkey = request.getfixturevalue("valkey")
    function.set(**DEFAULTS, **valkey.settings)
    return valkey.turn


@pytest.fixture
def shared(function: FunctionUnderTest, valkey: Valkey) -> FunctionUnderTest:
    """The function with the default rate limits over Valkey, after it sent a first code."""
    function.set(**DEFAULTS, **valkey.settings)
    function.ask(phone_number=number(999))
    return function


def event(event_id: object, phone_number: str = NUMBER) -> dict[str, Any]:
    data = {"phone_number": phone_number}
    return {"specversion": "1.0", "source": "test", "id": str(event_id), "data": data}


def number(last: int) -> str:
    return f"+8613800{last:06}"


def ask_as(
    function: FunctionUnderTest, phone_number: str | None = NUMBER, **headers: str
) -> HttpReply:
    """Asks over HTTP with headers; an underscore in a header's name stands for a hyphen."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return function.post({"phone_number": phone_number}, headers=names)


# --- rate limits -------------------------------------------------------------------------------


def test_the_rate_limit_of_a_number(function: FunctionUnderTest, turn: Turn) -> None:
    """A number gets one code a minute and five an hour, and `TooSoon` tells when the next is
    free."""
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
    """One caller, and all callers together, have a rate limit that counts the codes to any
    number."""
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
    """After `yes` and `unknown` the answer tells when the number's rate limit allows another
    code."""
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
    function.set(**DEFAULTS, MAX_CALLS_PER_SECOND="1")
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
    """A refusal that the operator can fix, or that time fixes, releases the record and the
    counts."""
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
    """If an instance dies at any step, no code is sent twice, and the request is free again, or
    `unknown`, after the deadline."""
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


# --- callers -----------------------------------------------------------------------------------


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


def test_the_store_holds_no_plain_text(shared: FunctionUnderTest, valkey: Valkey) -> None:
    """The store's keys and values contain no number, caller, key, id or space in plain text."""
    shared.set(CALLER_HEADER="X-Caller")
    refusal = Behaviour.says(200, Code="136024", Message=f"no code for {number(1)[3:]}")
    shared.gateway.will(Behaviour(takes_effect=True), refusal)
    ask_as(shared, X_Caller="caller-7f", Idempotency_Key="key-7f")
    shared.raised(event("event-7f", number(1)))
    with valkey.client() as client:
        reads = {"hash": client.hgetall, "zset": client.zscan, "string": client.get}
        stored = [(key, reads[client.type(key)](key)) for key in client.scan_iter()]
    assert "136024" in str(stored)
    for secret in ("138000", "caller-7f", "key-7f", "event-7f", "invocation-", "cams-one", SECRET):
        assert secret not in str(stored)
    shared.set(STORE_SECRET=SECRET[::-1])  # with another secret the record isn't found
    assert shared.handle(event("event-7f", number(1)))["replayed"] is False


# --- a store that fails ------------------------------------------------------------------------


def test_a_store_that_is_gone_before_the_call(shared: FunctionUnderTest, valkey: Valkey) -> None:
    """Without its store the function sends nothing, and an event is sent once the store is back."""
    valkey.stop()
    assert shared.raised(event(1))["code"] == "StoreUnavailable"
    reply = shared.post()
    assert (reply.status, reply.result["code"]) == (503, "StoreUnavailable")
    assert (reply.result["retryable"], reply.headers["Retry-After"]) == (True, "5")
    valkey.start()
    assert [shared.handle(event(1))["replayed"] for _ in range(2)] == [False, True]
    assert len(shared.gateway.messages) == 2


def test_a_store_that_is_gone_after_the_call(shared: FunctionUnderTest, valkey: Valkey) -> None:
    """A store that stops after the call doesn't change the answer; the next delivery is
    `unknown`."""
    shared.gateway.on_message = lambda _: valkey.stop()
    answer = shared.handle(event(1))
    assert answer["sent"] == "yes"
    # The store was asked again and again for as long as the invocation lasts.
    assert sum(shared.slept) == pytest.approx(20 - 1, abs=2)
    assert 38 < answer["retry_after_seconds"] <= 45
    valkey.start()
    valkey.turn(20.1)
    assert shared.handle(event(1))["sent"] == "unknown"


@pytest.mark.parametrize(
    ("code", "again"),
    [
        ("Product.Unsubscript", "yes"),  # the operator has fixed it meanwhile
        ("136024", "no"),  # it is replayed
    ],
)
def test_a_store_that_is_back_in_time(
    shared: FunctionUnderTest, valkey: Valkey, code: str, again: str
) -> None:
    """A result that the store missed is written again when the store is back in time."""
    next_behaviour, real_sleep = shared.gateway.next_behaviour, shared.sleep
    naps: list[float] = []

    def stop_the_store() -> Behaviour | None:
        valkey.stop()
        return next_behaviour()

    def sleep(seconds: float) -> None:
        real_sleep(seconds)
        naps.append(seconds)
        if naps[-3:] == [0.2] * 3:
            valkey.start()

    shared.gateway.will(Behaviour.says(400, Code=code))
    with shared.monkeypatch.context() as patch:
        patch.setattr(shared.gateway, "next_behaviour", stop_the_store)
        patch.setattr(shared, "sleep", sleep)
        shared.set()
        assert shared.raised(event(1))["code"] == code
    shared.set()
    valkey.turn(20.1)
    answer, is_raised = shared.deliver(event(1))
    assert (answer["sent"], is_raised) == (again, again == "no")


def test_an_http_caller_does_not_wait_for_the_store(
    shared: FunctionUnderTest, valkey: Valkey
) -> None:
    """Over HTTP the result is written again for one second at most after the call."""
    shared.gateway.on_message = lambda _: valkey.stop()
    shared.slept.clear()
    assert shared.post().result["sent"] == "yes"
    valkey.start()
    assert sum(shared.slept) < 1.5 + 1.2  # and the wait for the turn


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
    shared: FunctionUnderTest, valkey: Valkey
) -> None:
    """A code that was sent is replayed as sent, although its country isn't allowed any more."""
    assert shared.handle(event(1))["sent"] == "yes"
    shared.set(ALLOWED_COUNTRIES="SG")
    assert shared.handle(event(1))["sent"] == "yes"
    assert shared.raised(event(2))["code"] == "CountryNotAllowed"
    valkey.stop()
    assert shared.raised(event(1))["code"] == "StoreUnavailable"
    valkey.start()


def test_a_store_that_loses_its_data_before_the_call(
    shared: FunctionUnderTest, valkey: Valkey
) -> None:
    """An instance whose record is lost before the call sends nothing."""
    shared.monkeypatch.setattr(shared, "sleep", lambda _: valkey.empty())  # until its turn
    shared.set(MAX_CALLS_PER_SECOND="1")
    shared.ask(phone_number=number(1))
    assert shared.raised(event(1))["code"] == "StoreUnavailable"
    assert len(shared.gateway.messages) == 1


def test_a_stored_result_that_can_not_be_read(shared: FunctionUnderTest, valkey: Valkey) -> None:
    """A stored result of another version that can't be read is `unknown`, never `no`."""
    shared.handle(event(1))
    with valkey.client() as client:
        keys = client.keys("*record:*")
        no_version = client.hget(keys[0], "result").replace('"yes"', '"maybe"')
        for unreadable in ("{}", "[]", "x", no_version):
            for key in keys:
                client.hset(key, "result", unreadable)
            answer = shared.handle(event(1))
            assert (answer["sent"], answer["replayed"]) == ("unknown", True)
    assert shared.gateway.requests_seen == 2


# --- what initialize logs ----------------------------------------------------------------------

UNREACHABLE = {"STORE_URL": "redis://:password@127.0.0.1:9/0", "STORE_SECRET": SECRET}


def logged_at_start(function: FunctionUnderTest, capsys: pytest.CaptureFixture[str]) -> list[Any]:
    """The level and event of each log line of a new instance, after its `start` line."""
    capsys.readouterr()
    function.set()
    function.initialize()
    start, *lines = log_lines(capsys)
    assert (start["level"], start["event"]) == ("INFO", "start")
    assert "password" not in str((start, lines))
    return [(line["level"], line["event"]) for line in lines]


@pytest.mark.parametrize(
    ("settings", "logged"),
    [
        ({}, []),
        # Several instances have their own memories.
        ({"RESERVED_CONCURRENCY": "9"}, [("WARNING", "memory")]),
        (UNREACHABLE, [("WARNING", "unreachable")]),
    ],
)
def test_initialize_warns_of_the_store(
    function: FunctionUnderTest,
    capsys: pytest.CaptureFixture[str],
    settings: dict[str, str],
    logged: list[Any],
) -> None:
    """At its start an instance logs once if its store is only its memory, or can't be reached."""
    function.set(**settings)
    assert logged_at_start(function, capsys) == logged
    function.ask()
    assert [line["event"] for line in log_lines(capsys)] == ["invocation"]


def test_a_store_that_evicts(
    shared: FunctionUnderTest, valkey: Valkey, capsys: pytest.CaptureFixture[str]
) -> None:
    """A store that deletes keys when its memory is full is logged as an error."""
    with valkey.client() as client:
        for policy, logged in (("volatile-lru", [("ERROR", "eviction")]), ("noeviction", [])):
            client.config_set("maxmemory-policy", policy)
            assert logged_at_start(shared, capsys) == logged


def test_a_store_that_answers_nonsense(shared: FunctionUnderTest, valkey: Valkey) -> None:
    """A reply of the store that can't be read stops a call, but never changes a result."""

    class Garbled(RedisStore):
        replies = 0

        def reserve_turn(
            self, operation: str, spacing_seconds: float, longest_wait_seconds: float
        ) -> float:
            raise ValueError("invalid literal")

        def complete(self, record: Record, result: str) -> None:
            raise ValueError("invalid literal")

    with closing(Garbled(valkey.url)) as store:
        shared.store = store
        shared.set()
        assert shared.raised(event(1))["code"] == "UnexpectedError"
        with shared.monkeypatch.context() as patch:
            patch.setattr(Garbled, "reserve_turn", lambda *_: 0.0)
            answer = shared.handle(event(2, number(2)))
    assert (answer["sent"], answer["code"]) == ("yes", "OK")


@pytest.mark.parametrize("reply", [b":abc\r\n", b"?\r\n", b"*-5\r\n", b"$9999999\r\nx\r\n"])
def test_a_server_that_is_no_store(shared: FunctionUnderTest, reply: bytes) -> None:
    """Whatever a server replies, the function answers `StoreUnavailable`."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with server.accept()[0] as client:
                        while client.recv(65536):
                            client.sendall(reply)

        threading.Thread(target=serve, daemon=True).start()
        shared.set(STORE_URL=f"redis://127.0.0.1:{server.getsockname()[1]}/0")
        assert shared.raised(event(1))["code"] == "StoreUnavailable"


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
