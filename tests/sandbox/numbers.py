"""The phone numbers of a WABA: which of them are verified, and which code verifies one."""

from __future__ import annotations

import random
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from tests.sandbox.acs3 import Rejected

#: For how long a number that was verified needs no new code.
VERIFIED_SECONDS = 14 * 86400

#: So often one number may be registered, with a right code or a wrong one, in so many seconds.
REGISTRATIONS, REGISTRATIONS_SECONDS = 10, 72 * 3600

Status = Literal["NOT_VERIFIED", "VERIFIED", "EXPIRED"]


@dataclass
class _Number:
    code: str | None = None  # the last one that was sent, until it is used
    verified_at: float | None = None
    tried_at: list[float] = field(default_factory=list)


class Numbers:
    """Every number belongs to the WABA, and is not verified at first."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._numbers: dict[str, _Number] = defaultdict(_Number)
        self._lock = threading.RLock()

    def status(self, phone_number: str) -> Status:
        """Is the number verified, and still so?"""
        with self._lock:
            verified_at = self._numbers[phone_number].verified_at
            if verified_at is None:
                return "NOT_VERIFIED"
            is_recent = self._clock() - verified_at < VERIFIED_SECONDS
            return "VERIFIED" if is_recent else "EXPIRED"

    def new_code(self, phone_number: str) -> str:
        """A code for the number, which takes the place of an earlier one."""
        with self._lock:
            if self.status(phone_number) == "VERIFIED":
                raise _refused("Phone number ownership is already verified.")
            code = self._numbers[phone_number].code = f"{random.randrange(10**6):06}"
            return code

    def register(self, phone_number: str, code: str) -> None:
        """Verifies and registers the number, if this is its code, which can be used once."""
        with self._lock:
            number, now = self._numbers[phone_number], self._clock()
            number.tried_at = [at for at in number.tried_at if now - at < REGISTRATIONS_SECONDS]
            if len(number.tried_at) >= REGISTRATIONS:
                raise _refused("(#133016) Account register deregister rate limit exceeded.")
            number.tried_at.append(now)
            if code != number.code:
                raise _refused("(#136025) Verify code error: the code is wrong.")
            number.code, number.verified_at = None, now


def _refused(message: str) -> Rejected:
    # Nobody knows how CAMS wraps WhatsApp's errors: ERR-FB-001 is what it documents for another.
    return Rejected(400, "ERR-FB-001", message)
