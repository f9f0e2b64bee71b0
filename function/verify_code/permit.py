"""The right to ask the API what a request asks, and what becomes of its idempotency record."""

from __future__ import annotations

import contextlib
import math
import os
import re

from verify_code.clock import Clock
from verify_code.result import CODES, Rejected, Result
from verify_code.store.base import Record, Store, StoreUnavailable, Verdict

_PAUSE_SECONDS = 0.2

#: Refusals by the API that the operator must fix. Asking again after that does no harm.
_OPERATOR_CODES = re.compile(
    r"Product\.Unsubscript|NoPermission|InvalidTimeStamp.*|(Ram|Authentication)\..*"
    r"|(Forbidden|InvalidAccessKeyId|InvalidSecurityToken|Signature).*"
)


class Permit:
    """The right to ask what changes nothing, as often as it may be asked."""

    #: The result of an earlier delivery of the same request.
    earlier_result: Result | None = None

    def begin_sending(self) -> None:
        """Call this just before sending. It raises StoreUnavailable if sending may not begin."""

    def renew(self) -> None:
        """Call this before another attempt: the last one surely did nothing.

        Raises Rejected if the request may not be done any more.
        """

    def complete(self, result: Result, seconds: float) -> Result:  # noqa: ARG002 - there is nothing to keep
        """Keeps the result, or releases the record; the result, with the resend countdown.

        A store that fails is asked again and again, for so many seconds.
        """
        return result


class PermitOnce(Permit):
    """The right to do what one request asks, once. A further attempt gets a new record.

    What happens to a record when the process dies: :class:`~verify_code.store.base.Record`.
    """

    def __init__(self, store: Store, clock: Clock, record: Record, verdict: Verdict) -> None:
        self._store = store
        self._clock = clock
        self._record = record
        self._made_at = clock.monotonic()
        self._number_free_at = self._made_at + verdict.wait_seconds
        self._is_sending = False
        self.earlier_result = _replay(verdict)

    def begin_sending(self) -> None:
        age_seconds = self._clock.monotonic() - self._made_at
        self._store.begin_sending(self._record, age_seconds)
        self._is_sending = True

    def renew(self) -> None:
        if not self._is_sending:
            return
        now = self._clock.monotonic()
        record = self._record._replace(
            token=os.urandom(8).hex(),
            deadline_seconds=max(1.0, self._record.deadline_seconds - (now - self._made_at)),
        )
        verdict = raise_if_blocked(self._store.admit(record, replaces=self._record.token))
        if verdict.outcome != "admitted":  # this instance was frozen too long
            raise Rejected("InProgress", "Another delivery took this request over.")
        self._record, self._made_at, self._is_sending = record, now, False
        self._number_free_at = now + verdict.wait_seconds

    def complete(self, result: Result, seconds: float) -> Result:
        if self.earlier_result is None:
            stored = None if _is_released(result) else result.stored()
            until = self._clock.monotonic() + seconds
            while not self._is_written(stored) and self._clock.monotonic() < until:
                self._clock.sleep(_PAUSE_SECONDS)
        if result.outcome == "no":
            return result
        wait = max(0.0, self._number_free_at - self._clock.monotonic())
        return result.with_(retry_after_seconds=rounded_up(wait))

    def _is_written(self, stored: str | None) -> bool:
        try:
            if stored is None:
                self._store.release(self._record)
            else:
                self._store.complete(self._record, stored)
        except StoreUnavailable:
            return False
        return True


def raise_if_blocked(verdict: Verdict) -> Verdict:
    """The verdict; Rejected if something is in the way."""
    if verdict.outcome == "in progress":
        wait = rounded_up(verdict.wait_seconds)
        raise Rejected("InProgress", CODES["InProgress"].happened, retry_after_seconds=wait)
    if verdict.outcome == "limited":
        wait = rounded_up(verdict.wait_seconds)
        raise Rejected(verdict.text, CODES[verdict.text].happened, retry_after_seconds=wait)
    return verdict


def _replay(verdict: Verdict) -> Result | None:
    """The result of an earlier delivery; None where the request is a new one."""
    if verdict.outcome in ("admitted", "absent"):
        return None
    if verdict.outcome == "completed":
        # Another version of this package may have written what can't be read.
        with contextlib.suppress(ValueError):
            return Result.replay(verdict.text)
    text = "How an earlier delivery of this request ended isn't known: it may have been done."
    return Result.of("UpstreamDisconnected", text, replayed=True)


def _is_released(result: Result) -> bool:
    if result.outcome != "no":
        return False
    is_own = result.origin == "package"
    return result.retryable or is_own or bool(_OPERATOR_CODES.fullmatch(result.code))


def rounded_up(seconds: float) -> float:
    """The seconds in whole milliseconds, so that a caller never asks too early."""
    return math.ceil(seconds * 1000) / 1000


def no_time_left() -> Rejected:
    """Ends a request for which too little time is left to begin."""
    text = "There is too little time left for this request."
    return Rejected("QuotaExhausted", text, retry_after_seconds=1.0)
