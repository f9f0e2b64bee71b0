"""No second holds more calls than the account may make, whatever fails."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sandbox.cams_gateway import Behaviour, CamsGateway
from tests.sandbox.function_compute import FunctionCompute
from tests.support.function_under_test import (
    NUMBER,
    WITHOUT_LIMITS,
    FunctionUnderTest,
    as_bytes,
)
from tests.support.valkey import Valkey
from verify_code.cams.transport import Exchange
from verify_code.pacing import MAX_DELAY_SECONDS, InstancePacer, SharedPacer, Turns
from verify_code.store.base import StoreUnavailable
from verify_code.store.redis import MAX_IDLE_SECONDS, RedisStore

TRANSIT = 0.125
HALF_OPEN = 1 - 1e-9  # a second that doesn't include its end


def worst_second(times: Sequence[float], window: float = 1.0) -> int:
    """The largest number of these times in any one second, both ends included."""
    ordered = sorted(times)
    return max(
        (sum(1 for later in ordered[i:] if later - at <= window) for i, at in enumerate(ordered)),
        default=0,
    )


def throttled(milliseconds: int) -> Behaviour:
    """A flow control answer that asks for this pause."""
    headers = {"x-acs-retry-after": str(milliseconds)}
    return Behaviour(400, b'{"Code": "Throttling.User"}', headers)


# --- the rest of an instance -------------------------------------------------------------------

PART = st.floats(0, 1)
STEP = st.fixed_dictionaries(
    {
        "idle": st.floats(0, 3),
        "oversleep": st.floats(0, 0.2) | st.just(0.0),
        "writing": st.floats(0, 0.3) | st.just(0.0),
        "counted": PART | st.sampled_from([0.0, 1.0]),
        "latency": st.floats(0, 0.5) | st.just(0.0),
        "ending": st.sampled_from(["answered", "lost", "nothing written", "dies", "paused"]),
        "import": st.floats(0, 3) | st.just(0.0),
    }
)


def counted_calls(steps: list[dict[str, Any]], calls_per_instance: int) -> list[float]:
    """When the gateway counts the calls of one instance, and of those that replace it."""
    now = 0.0
    counted = []

    def new_instance() -> InstancePacer:
        return InstancePacer(calls_per_instance, TRANSIT, lambda: now, imported_at=now)

    rest = new_instance()
    for step in steps:
        now += step["idle"]
        now += rest.reserve(math.inf) + step["oversleep"]
        exchange = Exchange(deadline=math.inf, latest_start=math.inf)
        started = now
        if step["ending"] != "nothing written":
            exchange.written = True
            exchange.last_byte_written_at = now = started + step["writing"]
            latest = exchange.last_byte_written_at + TRANSIT
            counted.append(started + step["counted"] * (latest - started))
        if step["ending"] == "dies":
            rest = new_instance()  # at once, while the call is in transit
            now += step["import"]
            continue
        if step["ending"] in ("answered", "paused"):
            now = max(now, counted[-1]) + step["latency"]
            exchange.body = b""
        else:
            now += step["latency"]
        exchange.ended_at = now
        rest.record_call(exchange)
        if step["ending"] == "paused":
            rest.pause(step["idle"])
    return counted


@given(
    instances_and_most=st.sampled_from([(9, 9), (1, 9), (2, 9), (4, 9), (5, 9), (3, 5), (1, 1)]),
    data=st.data(),
)
@settings(max_examples=40, deadline=None)
def test_no_second_holds_more_than_the_bound(
    instances_and_most: tuple[int, int], data: st.DataObject
) -> None:
    """No second holds too many calls, for any latencies, faults, deaths and replacements."""
    instances, most = instances_and_most
    steps = st.lists(STEP, max_size=12)
    times = [
        at for _ in range(instances) for at in counted_calls(data.draw(steps), most // instances)
    ]
    assert worst_second(times) <= most // instances * instances <= most


def test_a_second_is_filled_but_not_more() -> None:
    """Nine instances whose calls are counted late make almost eight calls a second."""
    step = dict.fromkeys(("idle", "oversleep", "writing", "latency", "import"), 0.0)
    steps = [{**step, "counted": 1.0, "ending": "lost"} for _ in range(100)]
    times = counted_calls(steps, 1) * 9
    assert worst_second(times) == 9
    assert len(times) / (max(times) - min(times)) == pytest.approx(8, rel=0.02)


def test_a_new_instance_rests_from_its_import() -> None:
    """The rest of a new process starts when it imports the code."""
    rest = InstancePacer(1, TRANSIT, clock=lambda: 10.7, imported_at=10.0)
    assert rest.reserve(0) == pytest.approx(1 + TRANSIT - 0.7, abs=0.01)


def test_an_early_answer_shortens_the_rest() -> None:
    """The rest is shorter after an answer, because it proves that the call was counted."""
    for whole, rest_seconds in ((True, 1.02), (False, 1.125)):
        rest = InstancePacer(1, TRANSIT, clock=lambda: 100.0, imported_at=0.0)
        body = b"{}" if whole else None
        exchange = Exchange(math.inf, math.inf, written=True, body=body)
        exchange.last_byte_written_at, exchange.ended_at = 100.0, 100.02
        rest.record_call(exchange)
        assert rest.reserve(0) == pytest.approx(rest_seconds, abs=0.002)


def test_a_call_that_never_left_uses_no_turn(function: FunctionUnderTest) -> None:
    """After a call of which nothing was written, the next call needs no rest."""
    function.set(MAX_CALLS_PER_SECOND="1")
    function.ask()
    function.turned_seconds += 5
    function.slept.clear()
    function.close_before_the_next_call()
    assert function.ask()["sent"] == "yes"
    assert sum(function.slept) <= 0.5  # the pause between the tries, and no rest
    assert function.gateway.requests_seen == 2


# --- in the function ---------------------------------------------------------------------------


def test_the_rest_is_waited_for(
    function: FunctionUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second request to one instance waits for its turn, and the log says how long."""
    function.set(MAX_CALLS_PER_SECOND="1")
    assert [function.ask()["sent"] for _ in range(3)] == ["yes"] * 3
    assert 1.8 < sum(function.slept) < 2.3  # a part of the two rests passes in real time
    waited_ms = json.loads(capsys.readouterr().out.splitlines()[-1])["waited_ms"]
    assert waited_ms == round(
        sum(function.slept[-2:]) * 1000
    )  # the last rest, before the mark and after


def test_refused_at_once_and_let_through_later(function: FunctionUnderTest) -> None:
    """A wait that is too long is refused at once, and after that wait the request is sent."""
    function.gateway.will(throttled(30000))
    assert function.ask()["code"] == "Throttling.User"
    function.slept.clear()
    reply = function.post()
    assert (reply.status, reply.result["code"]) == (429, "QuotaExhausted")
    assert (reply.result["sent"], reply.result["retryable"]) == ("no", True)
    assert 29 < reply.result["retry_after_seconds"] <= 30
    assert reply.headers["Retry-After"] == "30"
    assert function.slept == []
    assert function.gateway.requests_seen == 1
    function.turned_seconds += reply.result["retry_after_seconds"]
    assert function.ask()["sent"] == "yes"
    assert function.slept == []


def test_a_pause_has_an_end(function: FunctionUnderTest) -> None:
    """An instance pauses for one minute at most, however long the API asks for."""
    function.gateway.will(throttled(999999999))
    assert function.ask()["retry_after_seconds"] == pytest.approx(999999.999)
    function.turned_seconds += 61
    assert function.ask()["sent"] == "yes"


# --- the shared turn ---------------------------------------------------------------------------


class TurnsByTestClock(Turns):
    """The store's turns, by a clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.free = 0.0

    def reserve_turn(
        self, operation: str, spacing_seconds: float, longest_wait_seconds: float
    ) -> float:
        turn = max(self.now, self.free)
        if turn - self.now <= longest_wait_seconds:
            self.free = turn + spacing_seconds
        return turn - self.now

    def pause_turns(self, operation: str, seconds: float) -> None:
        self.free = max(self.free, self.now + seconds)


CALL = st.tuples(st.floats(0, 0.4) | st.just(0.0), PART | st.sampled_from([0.0, 1.0]), PART)


@given(calls=st.lists(CALL, max_size=60), most=st.integers(1, 9))
@settings(max_examples=80, deadline=None)
def test_shared_turns_fill_no_second(calls: list[tuple[float, float, float]], most: int) -> None:
    """No second has more shared turns than allowed, and late calls add at most one."""
    store = TurnsByTestClock()
    pacing = SharedPacer(store, "send", most, TRANSIT)
    in_all, on_top = [], []
    for gap, late, transit in calls:
        store.now += gap
        turn = store.now + pacing.reserve(math.inf)
        in_all.append(turn + transit * TRANSIT)
        on_top.append(turn + late * MAX_DELAY_SECONDS + transit * TRANSIT)
    assert worst_second(in_all, HALF_OPEN) <= most
    assert worst_second(on_top, HALF_OPEN) <= most + 1


def test_turns_are_handed_out_evenly(valkey: Valkey, redis_store: RedisStore) -> None:
    """Many instances get evenly spaced turns, and the first turn is after one second."""
    first = redis_store.reserve_turn("send", 0.125, 60)
    assert first == pytest.approx(1.125, abs=0.01)
    began = time.monotonic()

    def take_five(_: int) -> list[float]:
        with closing(RedisStore(valkey.url)) as store:
            store.reserve_turn("send", 0.125, -1)  # connects, and reserves nothing
            return [time.monotonic() + store.reserve_turn("send", 0.125, 60) for _ in range(5)]

    with ThreadPoolExecutor(8) as takers:
        turns = sorted(turn for taken in takers.map(take_five, range(8)) for turn in taken)
    for number, turn in enumerate(turns, 1):
        assert turn - began == pytest.approx(first + 0.125 * number, abs=0.05)


def test_a_turn_that_is_too_far_off_is_not_taken(redis_store: RedisStore) -> None:
    """A turn that is too far ahead isn't reserved, and a short pause doesn't end a longer one."""
    redis_store.reserve_turn("send", 0.125, 60)
    redis_store.pause_turns("send", 30)
    redis_store.pause_turns("send", 1)
    waits = [redis_store.reserve_turn("send", 0.125, longest) for longest in (5, 0, -1, 60, 60)]
    assert waits == pytest.approx([30, 30, 30, 30, 30.125], abs=0.1)


def test_the_first_turn_of_a_new_store_comes_nearer(redis_store: RedisStore) -> None:
    """The first turn of a new store comes nearer, even if nobody could wait for it yet."""
    first = redis_store.reserve_turn("send", 0.125, 0.5)
    assert first == pytest.approx(1.125, abs=0.01)
    time.sleep(0.1)
    assert redis_store.reserve_turn("send", 0.125, 0.5) < first - 0.09


@pytest.fixture
def shared(function: FunctionUnderTest, valkey: Valkey) -> FunctionUnderTest:
    """The function over Valkey, with nine calls a second."""
    function.set(**valkey.settings, MAX_CALLS_PER_SECOND="9")
    return function


def test_a_code_is_sent_in_a_shared_turn(
    shared: FunctionUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a store the function waits for its shared turn."""
    assert [shared.ask()["sent"] for _ in range(2)] == ["yes", "yes"]
    start = json.loads(capsys.readouterr().out.splitlines()[0])
    assert start["store"] == "redis"
    # The store's clock isn't turned with ours, so that the second wait has the first in it.
    # Each wait has a short rest after the record was marked as sending.
    assert [sum(shared.slept[:2]), sum(shared.slept[2:])] == pytest.approx([1.125, 1.25], abs=0.05)


def test_flow_control_pauses_all_instances(shared: FunctionUnderTest) -> None:
    """After flow control all instances that share the store pause."""
    shared.gateway.will(throttled(30000))
    assert shared.ask()["code"] == "Throttling.User"
    shared.set()
    result = shared.ask()
    assert result["code"] == "QuotaExhausted"
    assert 29 < result["retry_after_seconds"] <= 30


def test_a_missed_turn_is_given_up(shared: FunctionUnderTest) -> None:
    """An instance that is more than 0.05 s late gives up its turn, and reserves another."""
    real = shared.sleep
    late = [0.0, 0.06, 0.0, 0.06]

    def oversleep(seconds: float) -> None:
        real(seconds + (late.pop(0) if late else 0.0))

    shared.monkeypatch.setattr(shared, "sleep", oversleep)
    shared.set()
    assert shared.ask()["sent"] == "yes"
    assert late == []
    assert len(shared.slept) == 6
    assert shared.gateway.requests_seen == 1


def test_a_store_that_fails_after_the_call(shared: FunctionUnderTest, valkey: Valkey) -> None:
    """A store that fails after the call doesn't change the answer."""

    class FailingStore(RedisStore):
        def pause_turns(self, operation: str, seconds: float) -> None:
            raise StoreUnavailable

    with closing(FailingStore(valkey.url)) as store:
        shared.store = store
        shared.set()
        shared.gateway.will(*[throttled(1)] * 3)
        assert shared.ask()["code"] == "Throttling.User"


def test_a_process_that_was_warmed_up_early(function: FunctionUnderTest) -> None:
    """A process rests from its import of the code, because it may replace one that called."""
    function.set(RESERVED_CONCURRENCY="9", MAX_CALLS_PER_SECOND="9")
    function.ask()
    replacing = function.start(imported_at=function.clock())
    function.slept.clear()
    with closing(replacing):
        result = replacing.handle(as_bytes({"phone_number": NUMBER}), function.context)
    assert result["sent"] == "yes"
    assert sum(function.slept) == pytest.approx(1.125, abs=0.05)


def test_an_instance_whose_start_took_long(function: FunctionUnderTest) -> None:
    """A slow import takes time from the first request only if no initializer ran."""
    for initializes, code in ((True, "OK"), (False, "QuotaExhausted")):
        starting = function.start(imported_at=function.clock() - 7)
        with closing(starting):
            if initializes:
                starting.initialize()
            event = as_bytes({"phone_number": NUMBER})
            assert starting.handle(event, function.context)["code"] == code
            assert starting.handle(event, function.context)["code"] == "OK"


def test_a_long_wait_for_a_turn(function: FunctionUnderTest) -> None:
    """During a long wait for its turn an instance renews the idle connection and keeps the turn."""
    function.timeout_seconds = 60
    function.set(MAX_CALLS_PER_SECOND="1")
    function.gateway.will(throttled(25_000))
    assert function.ask()["sent"] == "yes"
    assert function.gateway.requests_seen == 2
    assert function.gateway.connections == 2
    # Two waits of one turn, and what remains after the connection was renewed and marked.
    assert sum(function.slept) == pytest.approx(25, abs=0.2)


def test_no_turn_is_reserved_far_ahead(valkey: Valkey, redis_store: RedisStore) -> None:
    """No turn is reserved more than one minute ahead, and none is reserved twice."""
    pacer = SharedPacer(redis_store, "send", 1, TRANSIT)
    waits = [pacer.reserve(pacer.max_wait_seconds) for _ in range(220)]
    reserved = [wait for wait in waits if wait <= 60]
    assert len(reserved) == len(set(reserved)) < 60


def test_a_caller_with_much_time_waits_a_minute(
    function: FunctionUnderTest, valkey: Valkey, redis_store: RedisStore
) -> None:
    """A turn more than one minute ahead is refused at once, however long the caller can wait."""
    function.timeout_seconds = 600
    function.set(**valkey.settings)
    redis_store.pause_turns("send", 70)
    result = function.ask()
    assert result["code"] == "QuotaExhausted"
    assert 60 < result["retry_after_seconds"] <= 70


def test_a_store_too_slow_for_its_turns(shared: FunctionUnderTest) -> None:
    """An instance that misses three turns answers `StoreUnavailable`, and reserves no more."""
    real = shared.sleep
    shared.monkeypatch.setattr(shared, "sleep", lambda seconds: real(seconds + 0.06))
    shared.set()
    result = shared.ask()
    assert (result["sent"], result["code"]) == ("no", "StoreUnavailable")
    assert shared.gateway.requests_seen == 0


def test_a_quiet_month(valkey: Valkey, redis_store: RedisStore) -> None:
    """After a month without calls the next call doesn't wait."""
    redis_store.reserve_turn("send", 0.125, 60)
    valkey.turn(30 * 24 * 3600)
    with valkey.client() as client:  # as if that turn were long past
        client.set("{chatapp-verify-code}:free-turn:send", "1", keepttl=True)
    assert redis_store.reserve_turn("send", 0.125, 60) == 0


def test_an_idle_connection_to_the_store(valkey: Valkey) -> None:
    """An idle connection to the store is replaced before it is used."""
    now = [0.0]
    with closing(RedisStore(valkey.url, clock=lambda: now[0])) as store, valkey.client() as client:
        connections = []
        for idle_seconds in (0, 0, MAX_IDLE_SECONDS + 1):
            now[0] += idle_seconds
            store.reserve_turn("send", 0.1, 60)
            connections.append(client.info("stats")["total_connections_received"])
    assert connections[1] - connections[0] == 0
    assert connections[2] - connections[1] == 1


# --- real processes ----------------------------------------------------------------------------


@pytest.mark.parametrize("with_store", [False, True])
def test_real_calls_through_processes(
    gateway: CamsGateway, valkey: Valkey, with_store: bool
) -> None:
    """Nine busy processes put no more calls into any second than the API takes."""
    environment = {
        "CAMS_ENDPOINT": gateway.endpoint,
        "CUST_SPACE_IDS": "cams-one",
        "ALLOWED_COUNTRIES": "CN",
        **WITHOUT_LIMITS,
    }
    if with_store:
        environment |= valkey.settings
    event = b'{"phone_number": "+8613800001234"}'
    with FunctionCompute(environment) as platform:
        gateway.accept(platform.credentials)

        def ask(number: int) -> str:
            answer = json.loads(platform.invoke(event, str(number)).answer)
            return str(answer.get("code", answer))

        with ThreadPoolExecutor(9) as callers:
            codes = list(callers.map(ask, range(14)))
        assert len(platform.instances) == 9
    assert set(codes) <= {"OK", "QuotaExhausted"}
    assert gateway.throttled == 0
    assert len(gateway.messages) == codes.count("OK") >= 10  # the bench shows how many more
    # Nine, unless the machine is so busy that a call is in transit for longer than allowed.
    assert worst_second(gateway.call_times) <= 10
