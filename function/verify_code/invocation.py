"""One invocation: its id, the time that is left of it, and what it cost."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from verify_code.settings import MARGIN_SECONDS

#: The timeout of the deployment files, for a context that doesn't tell.
DEFAULT_TIMEOUT_SECONDS = 20.0

#: A process older than this was warmed up beforehand: its first invocation didn't start it.
_COLD_START_SECONDS = 5.0


class Time(NamedTuple):
    """The clocks of an instance, and its sleep, which a test turns."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    wall_clock: Callable[[], float] = time.time


@dataclass
class Invocation:
    """What the way of one request needs to know of its invocation, and what it cost."""

    id: str
    context: Any
    timeout_seconds: float
    ends_at: float
    clock: Callable[[], float]
    attempts: int = 0
    waited_seconds: float = 0.0
    connecting_seconds: float = 0.0
    upstream_seconds: float = 0.0
    may_have_sent: bool = False

    @property
    def seconds_left(self) -> float:
        """Until the platform ends the invocation, less what is kept for the reply."""
        return self.ends_at - self.clock() - MARGIN_SECONDS


def timeout_seconds(context: Any) -> float:
    """The function's timeout; some runtimes give it as a string."""
    try:
        seconds = float(context.function.timeout)
    except (AttributeError, TypeError, ValueError, OverflowError):
        return DEFAULT_TIMEOUT_SECONDS
    return seconds if seconds > 0 else DEFAULT_TIMEOUT_SECONDS


def begin(context: Any, is_first: bool, clock: Callable[[], float]) -> Invocation:
    """The invocation that begins now; an instance's first began with its process."""
    began = clock()
    if is_first:
        age = process_age_seconds()
        began -= age if age < _COLD_START_SECONDS else 0.0
    seconds = timeout_seconds(context)
    return Invocation(
        id=str(getattr(context, "request_id", None) or os.urandom(16).hex()),
        context=context,
        timeout_seconds=seconds,
        ends_at=began + seconds,
        clock=clock,
    )


def process_age_seconds() -> float:
    """How long ago this process started, by the kernel's account."""
    try:
        with open("/proc/self/stat", encoding="ascii", errors="replace") as file:  # noqa: PTH123 - pathlib is an import more
            stat = file.read()
        started_ticks = int(stat.rpartition(")")[2].split()[19])
        started = started_ticks / os.sysconf("SC_CLK_TCK")
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - started)
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0
