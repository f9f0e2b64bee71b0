"""Never twice, never too often, never to a stranger: through the whole function."""

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
    """The function with the default allowances over one of the stores, and its store's clock."""
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
    """The function with the default allowances over Valkey, after a first code."""
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
    """Asks over HTTP with headers, in whose names _ stands for -."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return function.post({"phone_number": phone_number}, headers=names)


# --- allowances --------------------------------------------------------------------------------


def test_the_allowance_of_a_number(function: FunctionUnderTest, turn: Turn) -> None:
    """One code a minute is sent, five an hour; who asks meanwhile hears when the next may be."""
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
def test_other_allowances(function: FunctionUnderTest, turn: Turn, setting: str, code: str) -> None:
    """What one caller, and all together, can cost is bounded, whatever the numbers."""
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


def test_the_resend_countdown(function: FunctionUnderTest, turn: Turn) -> None:
    """After yes and unknown the answer says when the number's next place is free, and it is."""
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


def test_the_countdown_began_with_the_claim(function: FunctionUnderTest) -> None:
    """What was waited for a turn has gone from the countdown."""
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
def test_what_did_no_harm_is_given_back(
    function: FunctionUnderTest, turn: Turn, status: int, code: str
) -> None:
    """Where nothing was sent and the operator or the time mends it, the next try may pass."""
    function.set(SEND_LIMITS_TOTAL="1/day")
    function.gateway.standing = Behaviour.says(status, Code=code)
    assert function.raised(event(1))["replayed"] is False
    function.gateway.standing = None
    result = function.handle(event(1))
    assert (result["sent"], result["replayed"]) == ("yes", False)


KEPT = {
    "a refusal": (Behaviour.says(200, Code="136024", Success=False), "no"),
    "an unknown refusal": (Behaviour.says(400, Code="Unknown.ResourceOwnerId"), "no"),
    "one that is spelled like ours": (Behaviour.says(200, Code="TooSoon"), "no"),
    "the API failed": (Behaviour.says(500, Code="InternalError"), "unknown"),
    "no answer": (Behaviour(fault="close", takes_effect=True), "unknown"),
    "sent": (Behaviour(takes_effect=True), "yes"),
}


@pytest.mark.parametrize(("behaviour", "sent"), KEPT.values(), ids=KEPT)
def test_what_may_do_harm_is_kept(
    function: FunctionUnderTest, turn: Turn, behaviour: Behaviour, sent: str
) -> None:
    """Any other outcome is replayed without a call, and has used the number's place up.

    What surely wasn't sent is raised; what may have been is returned, never to come again.
    """
    function.gateway.will(behaviour)
    (first, *is_raised), (again, *is_raised_again) = (function.deliver(event(1)) for _ in range(2))
    assert is_raised == is_raised_again == [sent == "no"]
    assert (first["sent"], first["replayed"], again["replayed"]) == (sent, False, True)
    fresh = {key for key in first if first[key] != again[key]}
    assert fresh - {"retry_after_seconds"} == {"invocation_id", "replayed"}
    # Another event of the same number is raised: the code, if any, was the first event's.
    assert function.raised(event(2))["code"] == "TooSoon"
    assert function.gateway.requests_seen == 1


def test_an_outage_locks_nobody_out(function: FunctionUnderTest, turn: Turn) -> None:
    """While the API can't be reached no place is used up."""
    endpoint = function.gateway.endpoint
    function.set(CAMS_ENDPOINT="http://127.0.0.1:9", SEND_LIMITS_PER_NUMBER="1/day")
    assert [function.ask()["code"] for _ in range(3)] == ["UpstreamUnavailable"] * 3
    function.set(CAMS_ENDPOINT=endpoint)
    assert function.ask()["sent"] == "yes"


# --- who fails, and who dies -------------------------------------------------------------------


def test_a_bug_before_the_call_gives_back(function: FunctionUnderTest, turn: Turn) -> None:
    """After a failure of ours before the call the same request may pass."""
    with function.monkeypatch.context() as patch:
        patch.setattr(FaultyTransport, "open", None)
        assert function.raised(event(1))["code"] == "UnexpectedError"
    assert function.handle(event(1))["sent"] == "yes"


def test_who_dies(function: FunctionUnderTest, turn: Turn) -> None:
    """Wherever an instance dies, others wait until its deadline; then the request is sent, or
    unknown where it may have been, and never sent twice."""
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


# --- who may -----------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, {"X_Caller": ""}, {"X_Caller": " "}, {"X_Caller": "a,b"}])
@pytest.mark.parametrize("setting", ["CALLER_HEADER", "CUST_SPACE_HEADER"])
def test_an_unknown_caller(
    function: FunctionUnderTest, setting: str, headers: dict[str, str]
) -> None:
    """Without the claim, or with two of them, nobody is let through over HTTP."""
    function.set(**{setting: "X-Caller"}, CUST_SPACE_IDS="*")
    reply = ask_as(function, **headers)
    assert (reply.status, reply.result["code"]) == (403, "CallerUnknown")
    assert reply.result["retryable"] is False
    assert ask_as(function, None, **headers).status == 422
    assert function.gateway.requests_seen == 0
    # Who invokes directly or sends events is known to the platform.
    assert function.ask(cust_space_id="cams-one")["sent"] == "yes"


def test_two_headers_of_one_name(function: FunctionUnderTest) -> None:
    """A second header in other letters doesn't take the place of the trigger's."""
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
    """The space in the verified claim is the default, and the only one the caller may use."""
    function.set(CUST_SPACE_HEADER="X-Space", CUST_SPACE_IDS=spaces)
    body = {"phone_number": NUMBER, "cust_space_id": asked}
    reply = function.post(body, headers={"X-Space": callers})
    assert reply.result["code"] == ("OK" if used else "CustSpaceNotAllowed")
    seen = [message.cust_space_id for message in function.gateway.messages]
    assert seen == ([used] if used else [])


def test_a_key_belongs_to_its_caller(function: FunctionUnderTest, turn: Turn) -> None:
    """Another caller, or other fields, with the same Idempotency-Key make another request."""
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
    """A test number gets a true-looking answer without a call, within all limits."""
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


# --- what leaks --------------------------------------------------------------------------------


def test_a_refusal_tells_nothing_of_others(function: FunctionUnderTest, turn: Turn) -> None:
    """Who comes too soon learns that, and nothing of who asked before."""
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


def test_nothing_stands_in_the_store_in_clear(shared: FunctionUnderTest, valkey: Valkey) -> None:
    """Neither keys nor values have a number, a caller, a key, an id or a space in clear."""
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
    shared.set(STORE_SECRET=SECRET[::-1])  # no other tells what the keys are of
    assert shared.handle(event("event-7f", number(1)))["replayed"] is False


# --- the store ---------------------------------------------------------------------------------


def test_a_store_that_is_gone_before_the_call(shared: FunctionUnderTest, valkey: Valkey) -> None:
    """Without its store the function sends nothing; events come again, and are sent once."""
    valkey.stop()
    assert shared.raised(event(1))["code"] == "StoreUnavailable"
    reply = shared.post()
    assert (reply.status, reply.result["code"]) == (503, "StoreUnavailable")
    assert (reply.result["retryable"], reply.headers["Retry-After"]) == (True, "5")
    valkey.start()
    assert [shared.handle(event(1))["replayed"] for _ in range(2)] == [False, True]
    assert len(shared.gateway.messages) == 2


def test_a_store_that_is_gone_after_the_call(shared: FunctionUnderTest, valkey: Valkey) -> None:
    """It changes nothing in the answer; the next delivery isn't sent, but unknown."""
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
        ("Product.Unsubscript", "yes"),  # which the operator has fixed meanwhile
        ("136024", "no"),  # which is replayed
    ],
)
def test_a_store_that_is_back_in_time(
    shared: FunctionUnderTest, valkey: Valkey, code: str, again: str
) -> None:
    """What a store didn't take at once is written again: a refusal never becomes unknown."""
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
    """Over HTTP a store that is gone after the call is asked again for a second at most."""
    shared.gateway.on_message = lambda _: valkey.stop()
    shared.slept.clear()
    assert shared.post().result["sent"] == "yes"
    valkey.start()
    assert sum(shared.slept) < 1.5 + 1.2  # and the wait for the turn


def test_an_event_that_was_sent_long_ago(function: FunctionUnderTest, turn: Turn) -> None:
    """What was sent stays sent, though the event is too old now."""
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
    """A new setting doesn't turn a code that was sent into one that wasn't."""
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
    """Without its claim an instance doesn't call."""
    shared.monkeypatch.setattr(shared, "sleep", lambda _: valkey.empty())  # until its turn
    shared.set(MAX_CALLS_PER_SECOND="1")
    shared.ask(phone_number=number(1))
    assert shared.raised(event(1))["code"] == "StoreUnavailable"
    assert len(shared.gateway.messages) == 1


def test_a_stored_result_that_can_not_be_read(shared: FunctionUnderTest, valkey: Valkey) -> None:
    """What another version has stored, and this one can't read, is unknown and never a no."""
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


# --- what initialize says ----------------------------------------------------------------------

UNREACHABLE = {"STORE_URL": "redis://:password@127.0.0.1:9/0", "STORE_SECRET": SECRET}


def said(function: FunctionUnderTest, capsys: pytest.CaptureFixture[str]) -> list[Any]:
    """The levels and events of the log's lines of a new instance, after the one of its start."""
    capsys.readouterr()
    function.set()
    function.initialize()
    start, *lines = log_lines(capsys)
    assert (start["level"], start["event"]) == ("INFO", "start")
    assert "password" not in str((start, lines))
    return [(line["level"], line["event"]) for line in lines]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, []),
        # Several instances have their own memories.
        ({"RESERVED_CONCURRENCY": "9"}, [("WARNING", "memory")]),
        (UNREACHABLE, [("WARNING", "unreachable")]),
    ],
)
def test_what_initialize_says(
    function: FunctionUnderTest,
    capsys: pytest.CaptureFixture[str],
    settings: dict[str, str],
    told: list[Any],
) -> None:
    """The log says once what isn't guaranteed by the store that was chosen, or isn't there."""
    function.set(**settings)
    assert said(function, capsys) == told
    function.ask()
    assert [line["event"] for line in log_lines(capsys)] == ["invocation"]


def test_a_store_that_evicts(
    shared: FunctionUnderTest, valkey: Valkey, capsys: pytest.CaptureFixture[str]
) -> None:
    """A store that drops keys when its memory is full is an error in the log."""
    with valkey.client() as client:
        for policy, told in (("volatile-lru", [("ERROR", "eviction")]), ("noeviction", [])):
            client.config_set("maxmemory-policy", policy)
            assert said(shared, capsys) == told


def test_a_store_that_answers_nonsense(shared: FunctionUnderTest, valkey: Valkey) -> None:
    """A reply that can't be read counts as a store that is gone, and changes no answer."""

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
    """Whatever a server replies, nothing raises but StoreUnavailable."""
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
    """Who died while sending leaves an unknown for a day, however short an event may live."""
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
