"""When a call may be made, so that no second holds more calls than the account may make.

The platform's cap counts instances, not calls. An instance handles one request at a time, so an
instance is a slot, and a slot rests.

**A slot's rest.** Say that the gateway counts call *i* of a slot at ``g[i]``, that its first byte
is written at ``s[i]``, and that it was counted at ``c[i]`` at the latest: when its answer came, or
``MAX_TRANSIT_SECONDS`` after its last byte was written, whichever was first. A call isn't
counted before it begins, so ``s[i] <= g[i] <= c[i]``. The rest makes ``s[i+1] >= c[i] + 1/k``,
hence ``g[i+1] - g[i] >= 1/k``: no second, wherever it begins, holds more than ``k`` calls of a
slot, nor more than ``slots * k <= MAX_CALLS_PER_SECOND`` in all. A process that replaces another
rests as if it had called when it started, after the last byte of the one that it replaces.

**The shared turn.** The store hands out turns ``(1 + MAX_TRANSIT_SECONDS) /
MAX_CALLS_PER_SECOND`` apart, by its own clock. ``MAX_CALLS_PER_SECOND + 1`` calls span at least
``1 + MAX_TRANSIT_SECONDS`` from first turn to last; counted late by at most the allowance
(what a turn is missed by included), they span a second still. Missed by ``LATEST_SECONDS`` on top
of the whole allowance, they may be one more, which is the API's 10 with the default of 9.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from verify_code.cams.transport import Exchange

#: A shared turn that is missed by more is given up.
LATEST_SECONDS = 0.05

#: For clocks that don't tick alike, and for windows that count both their ends.
_TICK_SECONDS = 0.001


class SlotRest:
    """The rest of one instance, which is alone with its clock."""

    #: How much later than its turn a call may begin.
    latest_seconds = math.inf

    def __init__(
        self,
        calls_per_second: int,
        transit_seconds: float,
        clock: Callable[[], float],
        started_at: float,
    ) -> None:
        self._rest_seconds = 1 / calls_per_second + _TICK_SECONDS
        self._transit_seconds = transit_seconds
        self._clock = clock
        self._free_at = started_at + transit_seconds + self._rest_seconds

    def take_turn(self, longest_wait: float) -> float:  # noqa: ARG002 - it is taken by the call
        """The seconds until the turn, which is taken unless they are more than that."""
        return max(0.0, self._free_at - self._clock())

    def called(self, exchange: Exchange) -> None:
        """Says what became of the call; one of which nothing was written used no turn up."""
        if not exchange.written:
            return
        counted_at = exchange.last_byte_written_at + self._transit_seconds
        if exchange.is_whole:
            counted_at = min(counted_at, exchange.ended_at)
        self._free_at = counted_at + self._rest_seconds

    def hold(self, seconds: float) -> None:
        """Hands no turn out for so long: the API's flow control asked for it."""
        self._free_at = max(self._free_at, self._clock() + seconds)


class Turns(Protocol):
    """What a shared store hands out; it may raise StoreUnavailable."""

    def take_turn(self, spacing_seconds: float, longest_wait_seconds: float) -> float:
        """The seconds until the next free turn, which is taken unless they are too many."""

    def hold_turns(self, seconds: float) -> None:
        """Hands out no turn for so long, whoever asks; turns already taken are kept."""


class SharedTurns:
    """Turns that all instances and functions of one store take, by the store's clock."""

    latest_seconds = LATEST_SECONDS

    def __init__(self, store: Turns, calls_per_second: int, transit_seconds: float) -> None:
        self._store = store
        self._spacing_seconds = (1 + transit_seconds) / calls_per_second

    def take_turn(self, longest_wait: float) -> float:
        return self._store.take_turn(self._spacing_seconds, longest_wait)

    def called(self, exchange: Exchange) -> None:
        pass

    def hold(self, seconds: float) -> None:
        self._store.hold_turns(seconds)
