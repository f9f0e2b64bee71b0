"""The clocks of an instance, and its sleep."""

import time
from collections.abc import Callable
from typing import NamedTuple

from verify_code import IMPORTED_AT


class Clock(NamedTuple):
    """What tells the time. Tests give their own, which they set."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    #: Seconds since the epoch.
    wall: Callable[[], float] = time.time
    #: When the code was first imported in this process, by ``monotonic``.
    imported_at: float = IMPORTED_AT
