"""Idempotency records and rate limits: memory and a real Valkey do the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.store_under_test import (
    DAY,
    HOUR,
    MINUTE,
    NEVER,
    Limits,
    StoreUnderTest,
    about,
    in_memory,
)
from tests.support.valkey import Valkey
from verify_code.store.base import Limit, Record, StoreUnavailable
from verify_code.store.memory import MemoryStore


@pytest.fixture(params=["memory", "valkey"])
def each(request: pytest.FixtureRequest) -> Any:
    """Each of the stores."""
    if request.param == "memory":
        return in_memory()
    return request.getfixturevalue("store_over_valkey")


# --- records -----------------------------------------------------------------------------------


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


# --- rate limits -------------------------------------------------------------------------------


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
    """The number's rate limit is told before the caller's and the total; the wait is the
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
    store_over_valkey: StoreUnderTest,
    steps: list[tuple[str, int, float]],
    limits: Any,
    total: Any,
) -> None:
    """Both stores return the same for any history of records, calls, results and time."""
    valkey.empty()
    in_ours = _history(in_memory(), steps, limits, total)
    # Beside the turned time some real time passes in Valkey.
    about_the_same: Any = [(o, pytest.approx(w, abs=2), t) for o, w, t in in_ours]
    assert _history(store_over_valkey, steps, limits, total) == about_the_same


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
