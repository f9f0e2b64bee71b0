"""A store, in memory or in Valkey, with a clock that a test turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from verify_code.store.base import Limit, RateLimit, Record, Store
from verify_code.store.memory import MemoryStore

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
        """What the store answers to a new record."""
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
    """A new memory store, and its clock."""
    now = [1000.0]

    def turn(seconds: float) -> None:
        now[0] += seconds

    return StoreUnderTest(MemoryStore(lambda: now[0]), turn)


def about(seconds: float) -> Any:
    """These seconds, give or take the time that a test itself takes."""
    return pytest.approx(seconds, abs=0.3)
