"""Claims and allowances, the same in memory and in a real Valkey."""

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
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatapp_code import redis_scripts as scripts
from chatapp_code.memory_store import MemoryStore
from chatapp_code.redis_store import RedisStore
from chatapp_code.result import VerifyCodeResult
from chatapp_code.store import Allowance, Claim, Limit, Store, StoreUnavailable
from tests.sandbox.valkey import Valkey

DAY = 86400.0
NEVER = (Limit(99999, 1),)


class StoreUnderTest:
    """A store and its clock, which a test turns."""

    def __init__(self, store: Store, turn: Callable[[float], None]) -> None:
        self.store = store
        self.turn = turn
        self._tokens = 0

    def claim(
        self,
        name: str = "a",
        number: str = "n",
        limits: tuple[Limit, ...] = NEVER,
        caller: str = "",
        per_caller: tuple[Limit, ...] = NEVER,
        in_all: tuple[Limit, ...] = NEVER,
    ) -> Claim:
        self._tokens += 1
        allowances = [Allowance(f"number {number}", limits, "TooSoon")]
        if caller:
            allowances.append(Allowance(f"caller {caller}", per_caller, "TooManyRequests"))
        allowances.append(Allowance("all", in_all, "TotalLimitReached"))
        return Claim(name, f"token-{self._tokens}", DAY, 20.0, tuple(allowances))

    def admit(self, claim: Claim) -> tuple[str, float, str]:
        outcome, wait, text = self.store.admit(claim)
        return outcome, wait, text

    def send(self, claim: Claim, result: str = "{}") -> str:
        """Claims, calls and settles; what was said of the claim."""
        verdict = self.store.admit(claim)
        if verdict.outcome == "admitted":
            self.store.mark(claim, True, 0.0)
            self.store.settle(claim, result)
        return verdict.text or verdict.outcome


def in_memory() -> StoreUnderTest:
    now = [1000.0]

    def turn(seconds: float) -> None:
        now[0] += seconds

    return StoreUnderTest(MemoryStore(lambda: now[0]), turn)


@pytest.fixture(params=["memory", "valkey"])
def under_test(request: pytest.FixtureRequest) -> Iterator[StoreUnderTest]:
    if request.param == "memory":
        yield in_memory()
        return
    valkey = request.getfixturevalue("valkey")
    store = RedisStore(valkey.url)
    yield StoreUnderTest(store, valkey.turn)
    store.close()


def about(seconds: float) -> Any:
    return pytest.approx(seconds, abs=0.3)


# --- claims ------------------------------------------------------------------------------------


def test_a_settled_request_is_replayed(under_test: StoreUnderTest) -> None:
    """What was settled is what every later delivery gets, for a day."""
    assert under_test.send(under_test.claim("a"), "the result") == "admitted"
    for seconds in (0, 1, DAY - 10):
        under_test.turn(seconds)
        assert under_test.admit(under_test.claim("a")) == ("settled", 0, "the result")
    under_test.turn(10)
    assert under_test.send(under_test.claim("a")) == "admitted"


def test_a_held_claim_is_free_after_its_deadline(under_test: StoreUnderTest) -> None:
    """Who dies before the call is in the way until the deadline, and no longer."""
    assert under_test.admit(under_test.claim("a"))[0] == "admitted"
    under_test.turn(19)
    assert under_test.admit(under_test.claim("a")) == ("under way", about(1), "")
    under_test.turn(1.1)
    assert under_test.admit(under_test.claim("a"))[0] == "admitted"


def test_a_call_that_nobody_settles_is_abandoned(under_test: StoreUnderTest) -> None:
    """Who dies in the call may have sent: after the deadline too nobody sends again."""
    claim = under_test.claim("a", limits=(Limit(1, 60),))
    under_test.admit(claim)
    under_test.store.mark(claim, True, 0.0)
    assert under_test.admit(under_test.claim("a"))[0] == "under way"
    under_test.turn(20.1)
    again = under_test.claim("a", limits=(Limit(1, 60),))
    assert under_test.admit(again) == ("abandoned", about(39.9), "")
    under_test.turn(DAY - 30)
    assert under_test.admit(under_test.claim("a"))[0] == "abandoned"


def test_a_call_that_sent_nothing_is_held_again(under_test: StoreUnderTest) -> None:
    """Between two attempts nothing was sent: who dies there is in the way until the deadline."""
    claim = under_test.claim("a")
    under_test.admit(claim)
    under_test.store.mark(claim, True, 0.0)
    under_test.store.mark(claim, False, 0.0)
    under_test.turn(20.1)
    assert under_test.admit(under_test.claim("a"))[0] == "admitted"


def test_who_comes_after_the_deadline_may_not_call(under_test: StoreUnderTest) -> None:
    """A frozen instance whose claim is free or another's can't begin its call."""
    claim = under_test.claim("a")
    under_test.admit(claim)
    under_test.turn(20.1)
    with pytest.raises(StoreUnavailable):
        under_test.store.mark(claim, True, 20.1)
    other = under_test.claim("a")
    assert under_test.admit(other)[0] == "admitted"
    with pytest.raises(StoreUnavailable):
        under_test.store.mark(claim, True, 20.1)
    under_test.store.give_back(claim)
    under_test.store.settle(claim, "not this one's")
    under_test.store.mark(other, True, 0.0)
    under_test.store.settle(other, "the result")
    assert under_test.admit(under_test.claim("a"))[2] == "the result"


def test_what_is_given_back_is_free(under_test: StoreUnderTest) -> None:
    """After a claim was given back, it and its places can be had at once."""
    limits = (Limit(1, 60),)
    claim = under_test.claim("a", limits=limits, caller="c", per_caller=limits, in_all=limits)
    assert under_test.admit(claim)[0] == "admitted"
    under_test.store.mark(claim, True, 0.0)
    under_test.store.give_back(claim)
    claim = under_test.claim("a", limits=limits, caller="c", per_caller=limits, in_all=limits)
    assert under_test.send(claim) == "admitted"


# --- allowances --------------------------------------------------------------------------------


def test_several_windows_at_once(under_test: StoreUnderTest) -> None:
    """Each window is kept, and the wait is the longest of theirs."""
    limits = (Limit(1, 60), Limit(3, 3600))
    waits = []
    for name in ("a", "b", "c"):
        assert under_test.send(under_test.claim(name, limits=limits)) == "admitted"
        waits.append(under_test.admit(under_test.claim("x", limits=limits))[1])
        under_test.turn(60)
    assert waits == [about(60), about(60), about(3600 - 120)]
    assert under_test.admit(under_test.claim("x", limits=limits)) == (
        "refused",
        about(3600 - 180),
        "TooSoon",
    )
    under_test.turn(3600 - 180)
    assert under_test.send(under_test.claim("x", limits=limits)) == "admitted"


def test_the_wait_is_true(under_test: StoreUnderTest) -> None:
    """A moment before the wait is over there is no place, and after it there is one."""
    limits = (Limit(2, 60),)
    under_test.send(under_test.claim("a", limits=limits))
    under_test.turn(25)
    under_test.send(under_test.claim("b", limits=limits))
    wait = under_test.admit(under_test.claim("c", limits=limits))[1]
    assert wait == about(35)
    under_test.turn(wait - 0.5)
    assert under_test.admit(under_test.claim("c", limits=limits))[2] == "TooSoon"
    under_test.turn(0.5)
    assert under_test.send(under_test.claim("c", limits=limits)) == "admitted"


def test_the_admitted_know_the_next_place(under_test: StoreUnderTest) -> None:
    """Who is admitted learns when the number's next place is free: the resend countdown."""
    limits = (Limit(2, 60),)
    assert under_test.admit(under_test.claim("a", limits=limits)) == ("admitted", 0, "")
    assert under_test.admit(under_test.claim("b", limits=limits)) == ("admitted", about(60), "")


def test_each_allowance_has_its_refusal(under_test: StoreUnderTest) -> None:
    """The number's comes first, then the caller's, then that in all; the wait is the longest."""
    one_a_minute, one_an_hour = (Limit(1, 60),), (Limit(1, 3600),)

    def claim(name: str, number: str, caller: str, in_all: tuple[Limit, ...] = NEVER) -> Claim:
        return under_test.claim(name, number, one_a_minute, caller, one_an_hour, in_all)

    assert under_test.send(claim("a", "n", "c")) == "admitted"
    assert under_test.admit(claim("b", "n", "c")) == ("refused", about(3600), "TooSoon")
    assert under_test.admit(claim("b", "n", "d")) == ("refused", about(60), "TooSoon")
    assert under_test.admit(claim("b", "m", "c")) == ("refused", about(3600), "TooManyRequests")
    assert under_test.admit(claim("b", "m", "d", (Limit(1, 86400),))) == (
        "refused",
        about(86400),
        "TotalLimitReached",
    )
    assert under_test.send(claim("b", "m", "d")) == "admitted"


def test_the_last_place_is_under_way(under_test: StoreUnderTest) -> None:
    """While the number's last place may still be given back, others are told to wait for that."""
    limits = (Limit(1, 60),)
    claim = under_test.claim("a", limits=limits)
    under_test.admit(claim)
    assert under_test.admit(under_test.claim("b", limits=limits)) == ("under way", about(20), "")
    under_test.store.mark(claim, True, 0.0)
    assert under_test.admit(under_test.claim("b", limits=limits)) == ("under way", about(20), "")
    under_test.store.settle(claim, "{}")
    assert under_test.admit(under_test.claim("b", limits=limits)) == (
        "refused",
        about(60),
        "TooSoon",
    )


def test_a_decided_place_is_no_use_to_wait_for(under_test: StoreUnderTest) -> None:
    """Where one window is full of decided places, one under way in another makes no room."""
    limits = (Limit(1, 60), Limit(2, 3600))
    under_test.send(under_test.claim("a", limits=limits))
    under_test.turn(60)
    under_test.admit(under_test.claim("b", limits=limits))
    assert under_test.admit(under_test.claim("c", limits=limits))[0] == "under way"
    limits = (Limit(1, 60), Limit(1, 3600))
    assert under_test.admit(under_test.claim("c", limits=limits))[0] == "under way"
    under_test.turn(20.1)  # what "b" held is free again
    assert under_test.admit(under_test.claim("c", limits=limits))[2] == "TooSoon"


def test_the_dead_take_no_places(under_test: StoreUnderTest) -> None:
    """Who dies before the call takes no place for longer than until the deadline."""
    limits = (Limit(1, 3600),)

    def claim(name: str) -> Claim:
        return under_test.claim(name, "n", limits, "c", limits, limits)

    under_test.admit(claim("a"))
    under_test.turn(20.1)
    assert under_test.send(claim("b")) == "admitted"


def test_a_call_without_an_end_keeps_its_place(under_test: StoreUnderTest) -> None:
    """Who dies in the call has used a place up."""
    limits = (Limit(1, 3600),)
    claim = under_test.claim("a", limits=limits)
    under_test.admit(claim)
    under_test.store.mark(claim, True, 0.0)
    under_test.turn(20.1)
    assert under_test.admit(under_test.claim("b", limits=limits)) == (
        "refused",
        about(3600 - 20),
        "TooSoon",
    )


def test_a_place_under_way_that_counts_no_more(under_test: StoreUnderTest) -> None:
    """A call that takes longer than its window lasts is in nobody's way."""
    limits = (Limit(1, 5),)
    slow = under_test.claim("a", limits=limits)
    under_test.admit(slow)
    under_test.store.mark(slow, True, 0.0)
    under_test.turn(5)
    assert under_test.send(under_test.claim("b", limits=limits)) == "admitted"
    assert under_test.admit(under_test.claim("c", limits=limits)) == (
        "refused",
        about(5),
        "TooSoon",
    )


def test_an_older_place_under_way_makes_no_room(under_test: StoreUnderTest) -> None:
    """Where the latest place is decided, an older one that is given back is no help."""
    limits = (Limit(1, 5), Limit(2, 60))
    under_test.admit(under_test.claim("a", limits=limits))
    under_test.turn(5)
    under_test.send(under_test.claim("b", limits=limits))
    assert under_test.admit(under_test.claim("c", limits=limits))[2] == "TooSoon"


# --- for all histories -------------------------------------------------------------------------

STEP = st.tuples(
    st.sampled_from(["admit", "call", "wait", "settle", "give back", "nothing"]),
    st.integers(0, 3),  # which claim
    st.sampled_from([0.0, 0.0, 5.0, 21.0, 60.0, 3600.0]),
)
LIMITS = st.sampled_from(
    [
        (Limit(1, 60),),
        (Limit(1, 60), Limit(2, 3600)),
        (Limit(2, 30),),
        (Limit(1, 5),),
        (Limit(1, 5), Limit(2, 60)),
    ]
)


def _history(
    under_test: StoreUnderTest, steps: list[tuple[str, int, float]], limits: Any, in_all: Any
) -> list[tuple[str, float, str]]:
    """What the store says, step by step."""
    said: list[tuple[str, float, str]] = []
    holders: dict[int, Claim] = {}
    calling: set[str] = set()
    now = 0.0
    ends_at = dict.fromkeys(range(4), 0.0)
    for action, which, turned in steps:
        under_test.turn(turned)
        now += turned
        name, number = f"name {which}", f"number {which % 2}"
        holder = holders.get(which)
        if action == "admit":
            claim = under_test.claim(name, number, limits, "c", in_all, in_all)
            outcome, wait, text = under_test.admit(claim)
            if outcome == "admitted":
                holders[which] = claim
                ends_at[which] = now + 20.0  # when the platform ends the invocation
            said.append((outcome, wait, text))
        elif holder and action in ("call", "wait"):
            try:
                under_test.store.mark(holder, action == "call", 10 * DAY)
            except StoreUnavailable:
                said.append(("gone", 0, ""))
            else:
                said.append((action, 0, ""))
                (calling.add if action == "call" else calling.discard)(holder.token)
        elif holder and action == "settle" and holder.token in calling and now < ends_at[which]:
            under_test.store.settle(holders.pop(which), f"result {which}")
        elif holder and action == "give back":
            under_test.store.give_back(holders.pop(which))
    return said


@given(steps=st.lists(STEP, max_size=16), limits=LIMITS, in_all=LIMITS)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_both_stores_say_the_same(
    valkey: Valkey, steps: list[tuple[str, int, float]], limits: Any, in_all: Any
) -> None:
    """For any history of claims, calls, deaths, results and time both stores say the same."""
    valkey.empty()
    store = RedisStore(valkey.url)
    shared = _history(StoreUnderTest(store, valkey.turn), steps, limits, in_all)
    store.close()
    in_ours = _history(in_memory(), steps, limits, in_all)
    # Beside the turned time some real time passes in Valkey.
    about_the_same: Any = [(o, pytest.approx(w, abs=2), t) for o, w, t in in_ours]
    assert shared == about_the_same


@given(
    steps=st.lists(
        st.tuples(st.floats(0, 100), st.sampled_from(["settled", "lost", "back", "dies"])),
        max_size=60,
    ),
    limits=LIMITS,
)
@settings(max_examples=200, deadline=None)
def test_no_window_holds_too_many(steps: list[tuple[float, str]], limits: Any) -> None:
    """For any arrivals and endings no window holds more sent codes than its limit."""
    under_test = in_memory()
    now = 0.0
    sent: list[float] = []
    for number, (gap, ending) in enumerate(steps):
        under_test.turn(gap)
        now += gap
        claim = under_test.claim(str(number), limits=limits)
        outcome, wait, text = under_test.admit(claim)
        if outcome == "refused":
            before = in_window(sent, now, limits)
            assert any(count >= limit.places for count, limit in zip(before, limits, strict=True))
            assert (text, wait > 0) == ("TooSoon", True)
        if outcome != "admitted" or ending == "dies":
            continue
        if ending == "back":
            under_test.store.give_back(claim)
            continue
        under_test.store.mark(claim, True, 0.0)
        sent.append(now)
        if ending == "settled":
            under_test.store.settle(claim, "{}")
        for count, limit in zip(in_window(sent, now, limits), limits, strict=True):
            assert count <= limit.places


def in_window(sent: list[float], now: float, limits: tuple[Limit, ...]) -> list[int]:
    return [sum(1 for at in sent if at - now + limit.seconds > 1e-6) for limit in limits]


# --- in memory ---------------------------------------------------------------------------------


def test_memory_forgets_what_does_not_count() -> None:
    """An instance that lives long doesn't keep the numbers of long ago."""
    under_test = in_memory()
    for number in range(200):
        under_test.send(under_test.claim(str(number), str(number), (Limit(1, 60),)))
        under_test.turn(1)
    store = under_test.store
    assert isinstance(store, MemoryStore)
    assert len(store._places) < 150


# --- in Valkey ---------------------------------------------------------------------------------


def test_fifty_at_once_send_one(valkey: Valkey) -> None:
    """Fifty simultaneous requests for one number: one is admitted, and no other."""
    stores = [RedisStore(valkey.url) for _ in range(10)]
    tests = [StoreUnderTest(store, valkey.turn) for store in stores]
    start = threading.Barrier(10)

    def ask(caller: int) -> list[str]:
        start.wait()
        claims = [
            tests[caller]
            .claim(f"{caller}-{n}", limits=(Limit(1, 60),))
            ._replace(token=f"token-{caller}-{n}")
            for n in range(5)
        ]
        return [tests[caller].admit(claim)[0] for claim in claims]

    with ThreadPoolExecutor(10) as callers:
        said = [outcome for outcomes in callers.map(ask, range(10)) for outcome in outcomes]
    assert sorted(said) == ["admitted"] + ["under way"] * 49
    for store in stores:
        store.close()


@pytest.fixture
def shared(valkey: Valkey) -> Iterator[StoreUnderTest]:
    store = RedisStore(valkey.url)
    yield StoreUnderTest(store, valkey.turn)
    store.close()


def test_a_step_may_be_repeated(shared: StoreUnderTest) -> None:
    """A command that the client repeats after a broken connection changes nothing."""
    limits = (Limit(1, 60),)
    claim = shared.claim("a", limits=limits, in_all=limits)
    assert [shared.admit(claim)[0] for _ in range(2)] == ["admitted"] * 2
    for _ in range(2):
        shared.store.mark(claim, True, 0.0)
    for _ in range(2):
        shared.store.settle(claim, "the result")
    assert shared.admit(shared.claim("a"))[2] == "the result"
    assert shared.admit(shared.claim("b", limits=limits))[2] == "TooSoon"


def test_a_step_that_comes_late_is_not_taken(shared: StoreUnderTest) -> None:
    """A paused store, or a frozen instance, can't begin a call that was given up long ago."""
    claim = shared.claim("a")
    shared.admit(claim)
    shared.turn(2)
    with pytest.raises(StoreUnavailable):
        shared.store.mark(claim, True, 0.5)
    shared.store.mark(claim, True, 2.0)


def test_a_store_that_lost_the_claim(valkey: Valkey, shared: StoreUnderTest) -> None:
    """Without its claim nobody calls; a result that is settled after the loss is kept anew."""
    limits = (Limit(1, 60),)
    claim = shared.claim("a", limits=limits)
    shared.admit(claim)
    valkey.empty()
    with pytest.raises(StoreUnavailable):
        shared.store.mark(claim, True, 0.0)
    shared.admit(claim)
    shared.store.mark(claim, True, 0.0)
    valkey.empty()
    shared.store.settle(claim, "the result")
    assert shared.admit(shared.claim("a"))[2] == "the result"
    assert shared.admit(shared.claim("b", limits=limits))[2] == "TooSoon"


def test_all_keys_expire_and_share_a_tag(valkey: Valkey, shared: StoreUnderTest) -> None:
    """Nothing stays in the store for longer than it counts, and one node of a cluster has it."""
    limits = (Limit(1, 60), Limit(10, 86400))
    shared.admit(shared.claim("a", "n", limits, "c", limits, limits))
    shared.send(shared.claim("b", "m", limits, "d", limits, (Limit(5, 60),)))
    store = shared.store
    assert isinstance(store, RedisStore)
    store.take_turn(0.1, 10)
    with redis.Redis.from_url(valkey.url, decode_responses=True) as client:
        keys = client.keys()
        assert len(keys) >= 8
        assert all(key.startswith("{chatapp-verify-code}:") for key in keys)
        assert all(0 < client.ttl(key) <= 86400 + 20 for key in keys)


def test_the_server_is_paused(valkey: Valkey, shared: StoreUnderTest) -> None:
    """A store that hangs is given up in bounded time; when it goes on, so does the service."""
    shared.send(shared.claim("a"))
    valkey.pause()
    began = time.monotonic()
    try:
        with pytest.raises(StoreUnavailable):
            shared.admit(shared.claim("b"))
        assert time.monotonic() - began < 1.5
    finally:
        valkey.resume()
    assert shared.send(shared.claim("c")) == "admitted"


def test_the_eviction_policy_is_read(valkey: Valkey) -> None:
    """What the server does when its memory is full is known."""
    store = RedisStore(valkey.url)
    assert store.open() == "noeviction"
    store.close()


@contextlib.contextmanager
def tls_before(valkey: Valkey, context: ssl.SSLContext) -> Iterator[int]:
    """A port where TLS ends before Valkey, for one connection."""
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
    valkey: Valkey,
    authority: tuple[ssl.SSLContext, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A store over TLS, with a user of its own, in another database; not with a wrong authority."""
    context, file = authority
    with redis.Redis.from_url(valkey.url) as client:
        client.execute_command(*["ACL", "SETUSER", "verify", "on", ">p@ss/word", "~*", "+@all"])
    claim = StoreUnderTest(MemoryStore(time.monotonic), valkey.turn).claim()
    for trusted in (False, True):
        if trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(file))
        with tls_before(valkey, context) as port:
            store = RedisStore(f"rediss://verify:p%40ss%2Fword@127.0.0.1:{port}/3")
            if trusted:
                assert store.admit(claim).outcome == "admitted"
            else:
                with pytest.raises(StoreUnavailable):
                    store.admit(claim)
            store.close()
    with redis.Redis.from_url(valkey.url) as client:
        assert client.info("keyspace").keys() == {"db3"}
        client.acl_deluser("verify")


def test_scripts_are_as_a_proxy_wants_them() -> None:
    """Each key in a script is written as KEYS[n], as Tair's proxies demand."""
    steps = (scripts.ADMIT, scripts.MARK, scripts.SETTLE, scripts.GIVE_BACK)
    written = [script for step in steps for script in step.values()]
    for script in (*written, scripts.TAKE_TURN, scripts.HOLD_TURNS):
        calls = re.findall(r"redis\.call\('(\w+)'(?:, *([^,)]+))?", script)
        assert len(calls) == script.count("redis.call") >= 3
        assert {
            key for name, key in calls if name != "TIME" and not re.match(r"KEYS\[\d\]$", key)
        } == set()


def test_other_windows_on_the_store(shared: StoreUnderTest) -> None:
    """Who asks with shorter windows, such as an older deployment, takes no places away."""
    three_a_day, one_a_minute = (Limit(1, 60), Limit(3, 86400)), (Limit(1, 60),)
    for name in "abc":
        assert shared.send(shared.claim(name, limits=three_a_day)) == "admitted"
        shared.turn(60)
    claim = shared.claim("d", limits=one_a_minute)
    assert shared.admit(claim)[0] == "admitted"
    shared.store.give_back(claim)
    assert shared.admit(shared.claim("e", limits=three_a_day))[2] == "TooSoon"


def test_a_command_that_is_repeated_late(shared: StoreUnderTest) -> None:
    """A claim that is calling stays so, though its admission is carried out again."""
    claim = shared.claim("a")
    shared.admit(claim)
    shared.store.mark(claim, True, 0.0)
    shared.admit(claim)
    shared.turn(20.1)
    assert shared.admit(shared.claim("a"))[0] == "abandoned"


def test_the_servers_clock_is_set_back(valkey: Valkey, shared: StoreUnderTest) -> None:
    """A clock that jumps an hour back makes nobody wait for an hour."""
    limits = (Limit(1, 60),)
    shared.send(shared.claim("a", limits=limits))
    shared.turn(-3600)
    assert shared.admit(shared.claim("b", limits=limits))[1] <= 60
    store = shared.store
    assert isinstance(store, RedisStore)
    with redis.Redis.from_url(valkey.url) as client:
        client.set("{chatapp-verify-code}:free-turn", int((time.time() + 3600) * 1e6))
    assert store.take_turn(0.125, 60) == pytest.approx(1.125, abs=0.01)


def test_a_server_that_does_not_know_hello() -> None:
    """An old Redis, or a proxy, is as good."""
    with Valkey("--rename-command HELLO no-hello") as old:
        store = RedisStore(old.url)
        assert store.open() == "noeviction"
        store.close()


def test_a_server_that_became_a_replica(valkey: Valkey, shared: StoreUnderTest) -> None:
    """After a failover the connection to the old server isn't kept."""
    shared.send(shared.claim("a"))
    with redis.Redis.from_url(valkey.url) as client:
        client.replicaof("127.0.0.1", "9")
        with pytest.raises(StoreUnavailable):
            shared.admit(shared.claim("b"))
        store = shared.store
        assert isinstance(store, RedisStore)
        pool = store._client.connection_pool
        assert all(connection._sock is None for connection in pool._available_connections)
        client.replicaof("NO", "ONE")
    assert shared.send(shared.claim("c")) == "admitted"


def test_a_code_takes_a_kilobyte(valkey: Valkey, shared: StoreUnderTest) -> None:
    """What a store must hold is known: about a kilobyte for each code of a day."""
    with redis.Redis.from_url(valkey.url) as client:
        shared.send(shared.claim("first"))
        before = client.info("memory")["used_memory"]
        for number in range(300):
            claim = shared.claim(f"{number:064}", f"{number:057}", (Limit(10, 86400),))
            shared.send(claim, VerifyCodeResult.accepted().stored())
        after = client.info("memory")["used_memory"]
    assert 700 < (after - before) / 300 < 1200
