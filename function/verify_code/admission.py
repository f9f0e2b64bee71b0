"""May it be sent now? Not twice, and not too often: idempotency records and rate limits."""

from __future__ import annotations

import contextlib
import hmac
import math
import os
import re
from typing import Any

from verify_code.clock import Clock
from verify_code.events.message import Message
from verify_code.invocation import Invocation
from verify_code.json_text import encode
from verify_code.policy import Caller
from verify_code.request import VerifyCodeRequest, asked
from verify_code.result import Rejected, VerifyCodeResult
from verify_code.settings import Settings
from verify_code.store.base import DAY, RateLimit, Record, Store, StoreUnavailable, Verdict

_PAUSE_SECONDS = 0.2

#: The code of a rate limit that is full -> what its refusal says.
REFUSALS = {
    "TooSoon": "A code for this number was asked for too short a time ago; nothing was sent.",
    "TooManyRequests": "You asked for too many codes; nothing was sent.",
    "TotalLimitReached": "Too many codes were asked for in all; nothing was sent.",
}

#: Refusals by the API that the operator must fix. Asking again after that does no harm.
_OPERATOR_CODES = re.compile(
    r"Product\.Unsubscript|NoPermission|InvalidTimeStamp.*|(Ram|Authentication)\..*"
    r"|(Forbidden|InvalidAccessKeyId|InvalidSecurityToken|Signature).*"
)


class Admission:
    """Sends each request once, even if it is delivered again, and applies the rate limits."""

    def __init__(self, settings: Settings, store: Store, clock: Clock) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock

    def pass_once(
        self,
        record: Record,
        current: Invocation,
        refusal: Rejected | None,
        *,
        may_be_known: bool,
    ) -> Permit:
        """The permit to send. If the request was answered before, it holds that result.

        A refusal is raised; with ``may_be_known`` only after a look for an earlier delivery's
        result. Raises Rejected with what else is in the way, too.
        """
        if refusal and not may_be_known:
            raise refusal
        if current.seconds_left < self._settings.store_seconds:
            raise no_time_left()
        step = self._store.find if refusal else self._store.admit
        verdict = raise_if_blocked(step(record))
        if refusal and verdict.outcome == "absent":
            raise refusal
        return Permit(self._store, self._clock, record, verdict)

    def record(
        self,
        message: Message,
        fields: dict[str, Any],
        request: VerifyCodeRequest,
        caller: Caller,
        current: Invocation,
    ) -> Record:
        """The idempotency record of a request, with what it counts in."""
        settings = self._settings
        name, kept_seconds, most_seconds = self._identity(message, fields, request, current)
        callers_limits = settings.send_limits_per_caller if caller.id is not None else ()
        number = request.phone_number.digits
        return Record(
            # The same name with another request, or from another caller, is another request.
            key=self._key("request", name, caller, asked(fields)),
            token=os.urandom(8).hex(),
            deadline_seconds=current.timeout_seconds,
            kept_seconds=max(kept_seconds, current.timeout_seconds),
            most_seconds=max(most_seconds, current.timeout_seconds),
            rate_limits=(
                RateLimit(self._key("number", number), settings.send_limits_per_number, "TooSoon"),
                RateLimit(self._key("caller", caller.id), callers_limits, "TooManyRequests"),
                RateLimit(self._key("total"), settings.send_limits_total, "TotalLimitReached"),
            ),
        )

    def _identity(
        self,
        message: Message,
        fields: dict[str, Any],
        request: VerifyCodeRequest,
        current: Invocation,
    ) -> tuple[Any, float, float]:
        """What names a request, and the record's ``kept_seconds`` and ``most_seconds``."""
        most_age_seconds = self._settings.max_event_age_seconds
        day = max(DAY, most_age_seconds)
        if request.idempotency_key:
            return ["key", request.idempotency_key], day, day
        if message.message_id:
            return ["message", message.message_id], day, day
        if message.is_redelivered:
            # An event without an id is identified by its content, as long as it may come again.
            return ["event", message.topic, fields], min(most_age_seconds, DAY), DAY
        return ["invocation", current.id], day, day

    def _key(self, *parts: object) -> str:
        secret = self._settings.store_secret.get_secret_value().encode()
        return hmac.digest(secret, encode(parts), "sha256").hex()


class Permit:
    """The right to send one request. A further attempt gets a record that replaces the last.

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
        """Call this just before sending. It raises StoreUnavailable if sending may not begin."""
        age_seconds = self._clock.monotonic() - self._made_at
        self._store.begin_sending(self._record, age_seconds)
        self._is_sending = True

    def renew(self) -> None:
        """Call this before another attempt: the last one surely sent nothing.

        Raises Rejected if the request may not be sent any more.
        """
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

    def complete(self, result: VerifyCodeResult, seconds: float) -> VerifyCodeResult:
        """Keeps the result, or releases the record; the result, with the resend countdown.

        A store that fails is asked again and again, for so many seconds.
        """
        if self.earlier_result is None:
            stored = None if _is_released(result) else result.stored()
            until = self._clock.monotonic() + seconds
            while not self._is_written(stored) and self._clock.monotonic() < until:
                self._clock.sleep(_PAUSE_SECONDS)
        if result.sent == "no":
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


def no_time_left() -> Rejected:
    """Ends a request of a batch whose time is up."""
    text = "There is no time left for this message; nothing was sent."
    return Rejected("QuotaExhausted", text, retry_after_seconds=1.0)


def raise_if_blocked(verdict: Verdict) -> Verdict:
    """The verdict; Rejected if something is in the way."""
    if verdict.outcome == "in progress":
        text = "This request, or another one for the number, is under way; nothing was sent."
        wait = rounded_up(verdict.wait_seconds)
        raise Rejected("InProgress", text, retry_after_seconds=wait)
    if verdict.outcome == "limited":
        wait = rounded_up(verdict.wait_seconds)
        raise Rejected(verdict.text, REFUSALS[verdict.text], retry_after_seconds=wait)
    return verdict


def _replay(verdict: Verdict) -> VerifyCodeResult | None:
    """The result of an earlier delivery; None where the request is a new one."""
    if verdict.outcome in ("admitted", "absent"):
        return None
    if verdict.outcome == "completed":
        # Another version of this package may have written what can't be read.
        with contextlib.suppress(ValueError):
            return VerifyCodeResult.replay(verdict.text)
    text = "How an earlier delivery of this request ended isn't known; a code may have been sent."
    return VerifyCodeResult.of("UpstreamDisconnected", text, replayed=True)


def _is_released(result: VerifyCodeResult) -> bool:
    if result.sent != "no":
        return False
    is_own = result.origin == "package"
    return result.retryable or is_own or bool(_OPERATOR_CODES.fullmatch(result.code))


def rounded_up(seconds: float) -> float:
    """The seconds in whole milliseconds, so that a caller never asks too early."""
    return math.ceil(seconds * 1000) / 1000
