"""What is remembered of requests and turns: the interfaces, and memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from chatapp_code.result import VerifyCodeResult

#: As many requests are remembered in memory; the oldest is forgotten first.
MOST_CLAIMS = 10_000


class StoreUnavailable(Exception):
    """The store can't be reached, or doesn't answer as one."""


class Turns(Protocol):
    """Each method is one atomic step by the store's clock; it may raise StoreUnavailable."""

    def take_turn(self, spacing_seconds: float, longest_wait_seconds: float) -> float:
        """The seconds until the next free turn, which is taken unless they are too many."""

    def hold_turns(self, seconds: float) -> None:
        """Hands out no turn for so long, whoever asks; turns already taken are kept."""

    def close(self) -> None:
        """Closes its connections."""


class Claims(Protocol):
    """The results of requests, by the hashed name of each."""

    def find(self, name: str) -> VerifyCodeResult | None:
        """The result of the request, if it is remembered."""

    def settle(self, name: str, result: VerifyCodeResult, seconds: float) -> None:
        """Remembers the result for so long."""


class MemoryClaims(Claims):
    """What one instance remembers for as long as it lives."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._results: dict[str, tuple[float, VerifyCodeResult]] = {}

    def find(self, name: str) -> VerifyCodeResult | None:
        until, result = self._results.get(name, (0.0, None))
        return result if until > self._clock() else None

    def settle(self, name: str, result: VerifyCodeResult, seconds: float) -> None:
        self._results.pop(name, None)
        self._results[name] = (self._clock() + seconds, result)
        if len(self._results) > MOST_CLAIMS:
            del self._results[next(iter(self._results))]
