"""Idempotency records and rate limits: memory and a real Valkey do the same."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sandbox.function_compute import ROOT
from tests.support.valkey import Valkey
from verify_code.result import Result
from verify_code.store.base import Limit, RateLimit, Record, Store, StoreUnavailable
from verify_code.store.memory import MemoryStore
from verify_code.store.redis import RedisStore

DAY = 86400
Limits = tuple[Limit, ...]
NEVER = (Limit(99999, 1),)
MINUTE, HOUR = (Limit(1, 60),), (Limit(1, 3600),)


class StoreUnderTest:
    """A store and its clock, which a test turns."""

    def __init__(self, store: Store, turn: Callable[[float], None]) -> None:
        self.store = store
        self.turn = turn
        self._tokens = 0

    def record(
        self,
        name: str,
        limits: Limits = NEVER,
        number: str = "n",
        caller: str = "",
        per_caller: Limits = NEVER,
        total: Limits = NEVER,
    ) -> Record:
        self._tokens += 1
        return Record(
            key=name,
            token=f"token-{id(self)}-{self._tokens}",
            deadline_seconds=20.0,
            kept_seconds=DAY,
            most_seconds=DAY,
            rate_limits=(
                RateLimit(f"number {number}", limits, "TooSoon"),
                RateLimit(f"caller {caller}", per_caller if caller else (), "TooManyRequests"),
                RateLimit("total", total, "TotalLimitReached"),
            ),
        )

    def admit(self, *record: Any, **more: Any) -> tuple[str, float, str]:
        """What the store says to a new record."""
        return self.store.admit(self.record(*record, **more))

    def reserved(self, *record: Any, **more: Any) -> Record:
        """A record that was admitted."""
        reserved = self.record(*record, **more)
        assert self.store.admit(reserved).outcome == "admitted"
        return reserved

    def sending(self, *record: Any, **more: Any) -> Record:
        """A record whose call has begun."""
        sending = self.reserved(*record, **more)
        self.store.begin_sending(sending, 0.0)
        return sending

    def send(self, *record: Any, **more: Any) -> None:
        """Reserves, sends and completes."""
        self.store.complete(self.sending(*record, **more), "the result")


def in_memory() -> StoreUnderTest:
    now = [1000.0]

    def turn(seconds: float) -> None:
        now[0] += seconds

    return StoreUnderTest(MemoryStore(lambda: now[0]), turn)


@pytest.fixture
def shared(valkey: Valkey, redis_store: RedisStore) -> StoreUnderTest:
    return StoreUnderTest(redis_store, valkey.turn)


@pytest.fixture(params=["memory", "valkey"])
def each(request: pytest.FixtureRequest) -> Any:
    return in_memory() if request.param == "memory" else request.getfixturevalue("shared")


def about(seconds: float) -> Any:
    return pytest.approx(seconds, abs=0.3)


# --- records ------------------------------------------------------------------------------------


def test_a_completed_record_is_replayed(each: StoreUnderTest) -> None:
    """The result of a completed record is replayed for a day."""
    each.send("a")
    for seconds in (0, 1, DAY - 10):
        each.turn(seconds)
        assert each.admit("a") == ("completed", 0, "the result")
    each.turn(10)
    each.reserved("a")


def test_a_reserved_record_after_its_deadline(each: StoreUnderTest) -> None:
    """A reserved record and its counts are free after the deadline."""
    each.reserved("a", HOUR, caller="c", per_caller=HOUR, total=HOUR)
    each.turn(19)
    assert each.admit("a") == ("in progress", about(1), "")
    each.turn(1.1)
    each.send("b", HOUR, caller="c", per_caller=HOUR, total=HOUR)
    each.reserved("a")


def test_a_sending_record_after_its_deadline(each: StoreUnderTest) -> None:
    """A record that is sending is orphaned after the deadline, and the rate limits count it."""
    each.sending("a", MINUTE)
    assert each.admit("a")[0] == "in progress"
    each.turn(20.1)
    assert each.admit("a", MINUTE) == ("orphaned", about(39.9), "")
    assert each.admit("b", MINUTE) == ("limited", about(39.9), "TooSoon")
    each.turn(DAY - 30)
    assert each.admit("a")[0] == "orphaned"


def test_a_further_attempt(each: StoreUnderTest) -> None:
    """A further attempt replaces the record and the counts of the attempt before in one step."""
    limits: Any = {"caller": "c", "per_caller": MINUTE, "total": MINUTE}
    first = each.sending("a", MINUTE, **limits)
    second = each.record("a", MINUTE, **limits)
    assert each.store.admit(second, replaces=first.token).outcome == "admitted"
    # Late writes of the first attempt change nothing.
    with pytest.raises(StoreUnavailable):
        each.store.begin_sending(first, 0.0)
    each.store.release(first)
    each.store.complete(first, "not this one's")
    assert each.admit("a")[0] == "in progress"
    assert each.admit("b", MINUTE)[0] == "in progress"
    each.turn(20.1)
    # The second attempt sent nothing: after its deadline the record is free.
    each.reserved("a", MINUTE, **limits)


def test_a_further_attempt_takes_nothing_from_others(each: StoreUnderTest) -> None:
    """A further attempt can't replace the record of another request."""
    late = each.reserved("a", MINUTE)
    each.turn(20.1)
    other = each.sending("a", MINUTE)
    again = each.record("a", MINUTE)
    assert each.store.admit(again, replaces=late.token).outcome == "in progress"
    each.store.complete(other, "the result")
    assert each.store.admit(again, replaces=late.token).outcome == "completed"
    assert each.admit("b", MINUTE)[2] == "TooSoon"


def test_find_reserves_nothing(each: StoreUnderTest) -> None:
    """`find` tells the state of a record, and changes nothing."""
    looked_up = each.record("a", MINUTE)
    assert each.store.find(looked_up) == ("absent", 0, "")
    sending = each.sending("a", MINUTE)
    assert each.store.find(looked_up) == ("in progress", about(20), "")
    each.store.complete(sending, "the result")
    assert each.store.find(looked_up) == ("completed", about(60), "the result")
    each.sending("b", MINUTE, "other")
    each.turn(20.1)
    assert each.store.find(each.record("b", MINUTE, "other"))[0] == "orphaned"


def test_no_call_begins_after_the_deadline(each: StoreUnderTest) -> None:
    """An instance whose record has passed its deadline can't begin its call."""
    late = each.reserved("a")
    each.turn(20.1)
    with pytest.raises(StoreUnavailable):
        each.store.begin_sending(late, 20.1)
    other = each.reserved("a")
    with pytest.raises(StoreUnavailable):
        each.store.begin_sending(late, 20.1)
    each.store.release(late)
    each.store.complete(late, "not this one's")
    each.store.begin_sending(other, 0.0)
    each.store.complete(other, "the result")
    assert each.admit("a")[2] == "the result"


def test_a_released_record_is_free(each: StoreUnderTest) -> None:
    """A released record and its counts are free at once."""
    for _ in range(2):
        record = each.sending("a", MINUTE, caller="c", per_caller=MINUTE, total=MINUTE)
        each.store.release(record)


# --- rate limits --------------------------------------------------------------------------------


def test_several_windows_at_once(each: StoreUnderTest) -> None:
    """With several windows each one is kept, and the wait is the longest of them."""
    limits = (Limit(1, 60), Limit(3, 3600))
    for name, wait in (("a", 60), ("b", 60), ("c", 3600 - 120)):
        each.send(name, limits)
        assert each.admit("x", limits) == ("limited", about(wait), "TooSoon")
        each.turn(60)
    assert each.admit("x", limits)[1] == about(3600 - 180)
    each.turn(3600 - 180)
    each.reserved("x", limits)


def test_the_wait_is_true(each: StoreUnderTest) -> None:
    """The store tells exactly when the rate limit allows the next code."""
    limits = (Limit(2, 60),)
    for name, wait in (("a", 0), ("b", 35)):
        record = each.record(name, limits)
        assert each.store.admit(record) == ("admitted", about(wait), "")
        each.store.complete(record, "{}")
        each.turn(25)
    each.turn(9.5)
    assert each.admit("c", limits)[2] == "TooSoon"
    each.turn(0.5)
    each.reserved("c", limits)


def test_each_rate_limit_has_its_code(each: StoreUnderTest) -> None:
    """The number's rate limit is told first, then the caller's, then the total; the wait is the
    longest."""

    def asks(number: str, caller: str, total: Limits = NEVER) -> tuple[str, float, str]:
        return each.admit("b", MINUTE, number, caller, HOUR, total)

    each.send("a", MINUTE, "n", "c", HOUR)
    assert asks("n", "c") == ("limited", about(3600), "TooSoon")
    assert asks("n", "d") == ("limited", about(60), "TooSoon")
    assert asks("m", "c") == ("limited", about(3600), "TooManyRequests")
    assert asks("m", "d", (Limit(1, 86400),)) == ("limited", about(86400), "TotalLimitReached")
    assert asks("m", "d")[0] == "admitted"


def test_a_rate_limit_that_may_be_released(each: StoreUnderTest) -> None:
    """While the record that fills a rate limit may still be released, others are `in progress`."""
    record = each.reserved("a", MINUTE)
    assert each.admit("b", MINUTE) == ("in progress", about(20), "")
    each.store.begin_sending(record, 0.0)
    assert each.admit("b", MINUTE) == ("in progress", about(20), "")
    each.store.complete(record, "{}")
    assert each.admit("b", MINUTE) == ("limited", about(60), "TooSoon")


# --- for all histories -------------------------------------------------------------------------

STEP = st.tuples(
    st.sampled_from(["admit", "look", "send", "again", "complete", "release", "nothing"]),
    st.integers(0, 3),  # which record
    st.sampled_from([0.0, 0.0, 5.0, 21.0, 60.0, 3600.0]),
)
LIMITS = st.sampled_from(
    [
        MINUTE,
        (*MINUTE, Limit(2, 3600)),
        (Limit(2, 30),),
        (Limit(1, 5),),
        (Limit(1, 5), Limit(2, 60)),
    ]
)


def _history(
    under_test: StoreUnderTest, steps: list[tuple[str, int, float]], limits: Any, total: Any
) -> list[tuple[str, float, str]]:
    """What the store returns, step by step."""
    said: list[tuple[str, float, str]] = []
    holders: dict[int, Record] = {}
    for action, which, turned in steps:
        under_test.turn(turned)
        record = under_test.record(
            f"name {which}", limits, f"number {which % 2}", "c", total, total
        )
        holder = holders.get(which)
        if action == "look":
            said.append(under_test.store.find(record))
        elif action == "admit" or (action == "again" and holder):
            replaces = holder.token if holder and action == "again" else ""
            said.append(under_test.store.admit(record, replaces))
            if said[-1][0] == "admitted":
                holders[which] = record
        elif holder and action == "send":
            try:
                under_test.store.begin_sending(holder, 10 * DAY)
                said.append((action, 0, ""))
            except StoreUnavailable:
                said.append(("gone", 0, ""))
        elif holder and action == "complete":
            under_test.store.complete(holders.pop(which), f"result {which}")
        elif holder and action == "release":
            under_test.store.release(holders.pop(which))
    return said


@given(steps=st.lists(STEP, max_size=16), limits=LIMITS, total=LIMITS)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_both_stores_do_the_same(
    valkey: Valkey,
    shared: StoreUnderTest,
    steps: list[tuple[str, int, float]],
    limits: Any,
    total: Any,
) -> None:
    """Both stores return the same for any history of records, calls, results and time."""
    valkey.empty()
    in_ours = _history(in_memory(), steps, limits, total)
    # Beside the turned time some real time passes in Valkey.
    about_the_same: Any = [(o, pytest.approx(w, abs=2), t) for o, w, t in in_ours]
    assert _history(shared, steps, limits, total) == about_the_same


@given(
    steps=st.lists(
        st.tuples(st.floats(0, 100), st.sampled_from(["completed", "lost", "released", "dies"])),
        max_size=60,
    ),
    limits=LIMITS,
)
@settings(max_examples=200, deadline=None)
def test_no_window_holds_too_many(steps: list[tuple[float, str]], limits: Limits) -> None:
    """No window holds more sent codes than its limit, for any times and outcomes."""
    under_test = in_memory()
    now = 0.0
    sent: list[float] = []

    def most_more() -> int:
        """How many more codes the windows have room for."""
        counts = (sum(1 for at in sent if at - now + each.seconds > 1e-6) for each in limits)
        return min(each.requests - count for each, count in zip(limits, counts, strict=True))

    for number, (gap, ending) in enumerate(steps):
        under_test.turn(gap)
        now += gap
        record = under_test.record(str(number), limits)
        outcome, wait, text = under_test.store.admit(record)
        if outcome == "limited":
            assert (most_more() <= 0, text, wait > 0) == (True, "TooSoon", True)
        if outcome != "admitted" or ending == "dies":
            continue
        if ending == "released":
            under_test.store.release(record)
            continue
        under_test.store.begin_sending(record, 0.0)
        sent.append(now)
        if ending == "completed":
            under_test.store.complete(record, "{}")
        assert most_more() >= 0


# --- in memory ---------------------------------------------------------------------------------


def test_memory_forgets_what_does_not_count() -> None:
    """The memory store drops records and counts that have expired."""
    under_test = in_memory()
    for number in range(200):
        under_test.send(str(number), MINUTE, str(number))
        under_test.turn(1)
    assert isinstance(under_test.store, MemoryStore)
    assert under_test.store.size < 450  # a record for a day, and what counts in its rate limits


# --- in Valkey ---------------------------------------------------------------------------------


def test_fifty_at_once_send_one(valkey: Valkey) -> None:
    """Of fifty simultaneous requests for one number, one is admitted."""
    start = threading.Barrier(10)

    def ask(caller: int) -> list[str]:
        with contextlib.closing(RedisStore(valkey.url)) as store:
            asking = StoreUnderTest(store, valkey.turn)
            start.wait()
            return [asking.admit(f"{caller}-{n}", MINUTE)[0] for n in range(5)]

    with ThreadPoolExecutor(10) as callers:
        said = [outcome for outcomes in callers.map(ask, range(10)) for outcome in outcomes]
    assert sorted(said) == ["admitted"] + ["in progress"] * 49


def test_a_step_may_be_repeated(shared: StoreUnderTest) -> None:
    """A command that the client repeats, at once or late, changes nothing."""
    record = shared.reserved("a", MINUTE, total=MINUTE)
    shared.store.admit(record)
    for _ in range(2):
        shared.store.begin_sending(record, 0.0)
    assert shared.store.admit(record).outcome == "admitted"
    shared.turn(20.1)
    assert shared.admit("a")[0] == "orphaned"
    for _ in range(2):
        shared.store.complete(record, "the result")
    assert shared.admit("a")[2] == "the result"
    assert shared.admit("b", MINUTE)[2] == "TooSoon"


def test_sending_begins_after_the_result(shared: StoreUnderTest) -> None:
    """A record that is completed can't begin to send again."""
    record = shared.sending("a", MINUTE)
    shared.store.complete(record, "the result")
    with pytest.raises(StoreUnavailable):
        shared.store.begin_sending(record, 0.0)
    shared.turn(20.1)
    assert shared.admit("a")[0] == "completed"
    assert shared.admit("b", MINUTE)[2] == "TooSoon"


def test_a_step_that_comes_late_is_not_taken(shared: StoreUnderTest) -> None:
    """A call can't begin if the store gets the command too late."""
    record = shared.reserved("a")
    shared.turn(2)
    with pytest.raises(StoreUnavailable):
        shared.store.begin_sending(record, 0.5)
    shared.store.begin_sending(record, 2.0)


def test_a_store_that_lost_the_record(valkey: Valkey, shared: StoreUnderTest) -> None:
    """Without its record no call begins, and a result after the loss makes a new record."""
    record = shared.reserved("a", MINUTE)
    valkey.empty()
    with pytest.raises(StoreUnavailable):
        shared.store.begin_sending(record, 0.0)
    record = shared.sending("a", MINUTE)
    valkey.empty()
    shared.store.complete(record, "the result")
    assert shared.admit("a")[2] == "the result"
    assert shared.admit("b", MINUTE)[2] == "TooSoon"


def test_all_keys_expire_and_share_a_tag(
    valkey: Valkey, shared: StoreUnderTest, redis_store: RedisStore
) -> None:
    """All keys expire, and share a hash tag, so that one node of a cluster holds them."""
    limits = (Limit(1, 60), Limit(10, 86400))
    shared.reserved("a", limits, "n", "c", limits, limits)
    shared.send("b", limits, "m", "d", limits, (Limit(5, 60),))
    redis_store.reserve_turn("send", 0.1, 10)
    with valkey.client() as client:
        keys = client.keys()
        assert len(keys) == 2 + 2 + 2 + 1 + 1
        assert all(key.startswith("{chatapp-verify-code}:") for key in keys)
        turn = "{chatapp-verify-code}:free-turn:send"
        assert all(0 < client.ttl(key) <= 86400 + 20 for key in keys if key != turn)
        assert client.ttl(turn) > 30 * 86400  # it outlives quiet weeks


def test_the_server_is_paused(valkey: Valkey, shared: StoreUnderTest) -> None:
    """A store that hangs is given up within 1.5 s, and is used again when it goes on."""
    shared.send("a")
    valkey.pause()
    began = time.monotonic()
    try:
        with pytest.raises(StoreUnavailable):
            shared.admit("b")
        assert time.monotonic() - began < 1.5
    finally:
        valkey.resume()
    shared.send("c")


@contextlib.contextmanager
def tls_before(valkey: Valkey, context: ssl.SSLContext) -> Iterator[int]:
    """A port that ends TLS for one connection, and passes it on to Valkey."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(5)

    def serve() -> None:
        with contextlib.suppress(OSError), listener.accept()[0] as raw:
            address = ("127.0.0.1", urlsplit(valkey.url).port or 0)
            with (
                context.wrap_socket(raw, server_side=True) as client,
                socket.create_connection(address) as server,
            ):
                while data := client.recv(65536):
                    server.sendall(data)
                    client.sendall(server.recv(65536))

    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1]
    listener.close()
    thread.join(5)


def test_tls_user_password_and_database(
    valkey: Valkey, authority: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store may use TLS, a user, a password and a database, and needs a trusted certificate."""
    context, file = authority
    with valkey.client() as client:
        client.execute_command(*["ACL", "SETUSER", "verify", "on", ">p@ss/word", "~*", "+@all"])
    for raises in (pytest.raises(StoreUnavailable), contextlib.nullcontext()):
        with tls_before(valkey, context) as port:
            url = f"rediss://verify:p%40ss%2Fword@127.0.0.1:{port}/3"
            with contextlib.closing(RedisStore(url)) as store, raises:
                StoreUnderTest(store, valkey.turn).reserved("a")
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with valkey.client() as client:
        assert client.info("keyspace").keys() == {"db3"}
        client.acl_deluser("verify")


def test_scripts_write_each_key_as_proxies_ask() -> None:
    """Each key in a script is written as KEYS[n], as Tair's proxies ask."""
    scripts = list((ROOT / "function/verify_code/store").glob("*.lua"))
    assert len(scripts) == 5
    for script in (path.read_text() for path in scripts):
        right = r"redis\.call\('(TIME'|\w+', *KEYS\[\d\][,)])"
        assert len(re.findall(right, script)) == script.count("redis.call") >= 2


def test_other_windows_on_the_store(shared: StoreUnderTest) -> None:
    """A deployment with shorter windows doesn't remove the counts that longer windows need."""
    three_a_day = (Limit(1, 60), Limit(3, 86400))
    for name in "abc":
        shared.send(name, three_a_day)
        shared.turn(60)
    shared.store.release(shared.reserved("d", MINUTE))
    assert shared.admit("e", three_a_day)[2] == "TooSoon"


def test_the_servers_clock_is_set_back(
    valkey: Valkey, shared: StoreUnderTest, redis_store: RedisStore
) -> None:
    """A server's clock that is set back by an hour makes nobody wait for an hour."""
    shared.send("a", MINUTE)
    shared.turn(-3600)
    assert shared.admit("b", MINUTE)[1] <= 60
    with valkey.client() as client:
        client.set("{chatapp-verify-code}:free-turn:send", int((time.time() + 3600) * 1e6))
    assert redis_store.reserve_turn("send", 0.125, 60) == pytest.approx(1.125, abs=0.01)


def test_a_server_that_does_not_know_hello() -> None:
    """A server that doesn't know the command HELLO can be the store."""
    with (
        Valkey("--rename-command HELLO no-hello") as old,
        contextlib.closing(RedisStore(old.url)) as store,
    ):
        assert store.open() == "noeviction"


def test_a_server_that_became_a_replica(valkey: Valkey, shared: StoreUnderTest) -> None:
    """After a failover the connection to the old server is replaced."""
    shared.send("a")
    with valkey.client() as client:
        client.replicaof("127.0.0.1", "9")
        with pytest.raises(StoreUnavailable):
            shared.admit("b")
        before = client.info("stats")["total_connections_received"]
        client.replicaof("NO", "ONE")
        shared.send("c")
        assert client.info("stats")["total_connections_received"] == before + 1


def test_a_code_takes_a_kilobyte(valkey: Valkey, shared: StoreUnderTest) -> None:
    """The store needs about one kilobyte for each code."""
    with valkey.client() as client:
        shared.send("first")
        before = client.info("memory")["used_memory"]
        for number in range(200):
            record = shared.sending(f"{number:064}", (Limit(10, 86400),), f"{number:057}")
            shared.store.complete(record, Result.accepted().stored())
        after = client.info("memory")["used_memory"]
    assert 700 < (after - before) / 200 < 1200
