"""When a call may be made, so that no second holds more calls than the account may make.

The platform's limit counts instances, not calls. An instance handles one request at a time, and
rests between its calls.

**One instance's rest.** Say that the gateway counts call *i* of an instance at ``g[i]``, that its
first byte is written at ``s[i]``, and that ``c[i]`` is the latest moment at which it can have been
counted: when its answer came, or ``MAX_TRANSIT_SECONDS`` after its last byte was written, whichever
was first. No call is counted before it begins, so ``s[i] <= g[i] <= c[i]``. The rest makes
``s[i+1] >= c[i] + 1/k``, hence ``g[i+1] - g[i] >= 1/k``. So no second, wherever it begins, holds
more than ``k`` calls of one instance, nor more than ``instances * k <= MAX_CALLS_PER_SECOND`` in
all. A process that replaces another rests as if it had called when its code was imported, which is
after the last byte of the process that it replaces.

**The shared turn.** The store hands out turns ``(1 + MAX_TRANSIT_SECONDS) /
MAX_CALLS_PER_SECOND`` apart, by its own clock. ``MAX_CALLS_PER_SECOND + 1`` calls span at least
``1 + MAX_TRANSIT_SECONDS`` from first turn to last. Each is counted at most ``MAX_TRANSIT_SECONDS``
after its turn, its delay included, so they still span a second. A call that is more than
``MAX_DELAY_SECONDS`` late gives up its turn. A call that is less late, and also takes the whole
transit, can put one more call into a second. That makes 10 with the default of 9, which the API
accepts.

**Each operation by itself.** The API counts the calls of each of its operations apart, 10 a second
for each. So each operation has a pacer of its own: an instance rests from a call until the next one
of the same operation, and a store hands out the turns of each operation apart. All that is said
above holds for the calls of one operation.
"""

import math
from collections.abc import Callable
from typing import Protocol

from verify_code.cams.transport import Exchange

#: A call that is later than this gives up its shared turn.
MAX_DELAY_SECONDS = 0.05

#: For clocks that don't tick alike, and for windows that count both their ends.
_TICK_SECONDS = 0.001


class Pacer(Protocol):
    """Says when a call may be made."""

    #: How much later than its turn a call may begin.
    max_delay_seconds: float
    #: How far ahead a turn may be reserved.
    max_wait_seconds: float

    def reserve(self, longest_wait_seconds: float) -> float:
        """The seconds until the next free turn, which is reserved unless they are too many."""

    def record_call(self, exchange: Exchange) -> None:
        """Takes note of what became of a call."""

    def pause(self, seconds: float) -> None:
        """Hands out no turn for so long: the API's flow control asked for it."""


class InstancePacer(Pacer):
    """The rest of one instance between calls of one operation."""

    max_delay_seconds = math.inf
    max_wait_seconds = math.inf

    def __init__(
        self,
        calls_per_second: int,
        transit_seconds: float,
        clock: Callable[[], float],
        imported_at: float,
    ) -> None:
        self._rest_seconds = 1 / calls_per_second + _TICK_SECONDS
        self._transit_seconds = transit_seconds
        self._clock = clock
        self._free_at = imported_at + transit_seconds + self._rest_seconds

    def reserve(self, longest_wait_seconds: float) -> float:  # noqa: ARG002 - the call itself takes it
        return max(0.0, self._free_at - self._clock())

    def record_call(self, exchange: Exchange) -> None:
        if not exchange.written:
            return
        counted_at = exchange.last_byte_written_at + self._transit_seconds
        if exchange.is_whole:
            counted_at = min(counted_at, exchange.ended_at)
        self._free_at = counted_at + self._rest_seconds

    def pause(self, seconds: float) -> None:
        self._free_at = max(self._free_at, self._clock() + seconds)


class Turns(Protocol):
    """What a shared store hands out. Each method may raise StoreUnavailable."""

    def reserve_turn(
        self, operation: str, spacing_seconds: float, longest_wait_seconds: float
    ) -> float:
        """The seconds until the next free turn, which is reserved unless they are too many."""

    def pause_turns(self, operation: str, seconds: float) -> None:
        """Hands out no turn for so long, whoever asks. Reserved turns stay valid."""


class SharedPacer(Pacer):
    """One operation's turns, for all instances and functions that share a store, by its clock."""

    max_delay_seconds = MAX_DELAY_SECONDS
    #: reserve_turn.lua takes a turn that is over 120 s ahead for a clock that was set back.
    max_wait_seconds = 60.0

    def __init__(
        self, store: Turns, operation: str, calls_per_second: int, transit_seconds: float
    ) -> None:
        self._store = store
        self._operation = operation
        self._spacing_seconds = (1 + transit_seconds) / calls_per_second

    def reserve(self, longest_wait_seconds: float) -> float:
        return self._store.reserve_turn(
            self._operation, self._spacing_seconds, longest_wait_seconds
        )

    def record_call(self, exchange: Exchange) -> None:
        """There is nothing to do: turns are spaced before the calls."""

    def pause(self, seconds: float) -> None:
        self._store.pause_turns(self._operation, seconds)
