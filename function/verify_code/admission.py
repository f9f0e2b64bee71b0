"""May it be sent now? Not too late, not twice, not too often."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import math
import os
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from verify_code.caller import Caller
from verify_code.events.source import Message
from verify_code.fields import asked, encode
from verify_code.invocation import Invocation, Time
from verify_code.request import VerifyCodeRequest
from verify_code.result import VerifyCodeResult, refuse
from verify_code.settings import Settings
from verify_code.store.base import Allowance, Claim, Store, StoreUnavailable, Verdict

#: How long the name of a request is remembered.
NAME_SECONDS = 24 * 3600.0

#: When to ask again after the store could not be reached.
STORE_RETRY_SECONDS = 5.0

#: What is full -> what its refusal says.
REFUSALS = {
    "TooSoon": "A code for this number was asked for too short a time ago; nothing was sent.",
    "TooManyRequests": "You asked for too many codes; nothing was sent.",
    "TotalLimitReached": "Too many codes were asked for in all; nothing was sent.",
}

#: Refusals by the API that the operator must mend: asking again after that does no harm.
_TO_MEND = re.compile(
    r"Product\.Unsubscript|NoPermission|InvalidTimeStamp.*|(Ram|Authentication)\..*"
    r"|(Forbidden|InvalidAccessKeyId|InvalidSecurityToken|Signature).*"
)


class Admission:
    """Lets each request pass once, however often its message is delivered, and not too many."""

    def __init__(self, settings: Settings, store: Store, time: Time) -> None:
        self._settings = settings
        self._store = store
        self._time = time

    def admit(
        self,
        message: Message,
        fields: dict[str, Any],
        request: VerifyCodeRequest,
        caller: Caller,
        current: Invocation,
    ) -> Permit:
        """The permit to send, or with the earlier result of this request; else Refused."""
        if caller.is_unknown:
            raise refuse("CallerUnknown", "The trigger doesn't say who asks; nothing was sent.")
        most_age_seconds = self._settings.max_event_age_seconds
        sent_at = message.sent_at
        if sent_at is not None and self._time.wall_clock() - sent_at > most_age_seconds:
            text = f"The event is older than {most_age_seconds:g} seconds; nothing was sent."
            raise refuse("EventExpired", text)
        name, name_seconds = _name(request, message, current)
        # At least for as long as the event can come again, and the call can take.
        lasts_seconds = max(most_age_seconds, current.timeout_seconds)
        claim = Claim(
            # The same name with another request, or from another caller, is another request.
            key=self._key("request", name, caller, asked(fields)),
            token=os.urandom(8).hex(),
            lasts_seconds=max(lasts_seconds, name_seconds),
            deadline_seconds=current.timeout_seconds,
            allowances=tuple(self._allowances(request, caller)),
        )
        if current.seconds_left < self._settings.store_seconds:
            wait = _rounded(self._settings.turn_seconds)
            text = "There is no time left for this message; nothing was sent."
            raise refuse("QuotaExhausted", text, retry_after_seconds=wait)
        try:
            verdict = self._store.admit(claim)
        except StoreUnavailable:
            raise store_unavailable() from None
        if verdict.outcome == "under way":
            text = "This request, or another one for the number, is under way; nothing was sent."
            raise refuse("InProgress", text, retry_after_seconds=_rounded(verdict.wait_seconds))
        if verdict.outcome == "refused":
            wait = _rounded(verdict.wait_seconds)
            raise refuse(verdict.text, REFUSALS[verdict.text], retry_after_seconds=wait)
        return Permit(self._store, claim, verdict, self._time.clock)

    def _allowances(self, request: VerifyCodeRequest, caller: Caller) -> list[Allowance]:
        settings = self._settings
        number = self._key("number", request.phone_number.digits)
        allowances = [Allowance(number, settings.send_limits_per_number, "TooSoon")]
        if caller.id is not None:
            key = self._key("caller", caller.id)
            allowances.append(Allowance(key, settings.send_limits_per_caller, "TooManyRequests"))
        in_all = settings.send_limits_total
        return [*allowances, Allowance(self._key("all"), in_all, "TotalLimitReached")]

    def _key(self, *parts: object) -> str:
        secret = self._settings.store_secret.encode()
        return hmac.new(secret, encode(parts), hashlib.sha256).hexdigest()


class Permit:
    """The right to send one request once, as the store keeps it."""

    def __init__(
        self, store: Store, claim: Claim, verdict: Verdict, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._claim = claim
        self._verdict = verdict
        self._clock = clock
        self._admitted_at = clock()
        self._marks = 0

    def earlier_result(self) -> VerifyCodeResult | None:
        """The result to replay, where this request came before."""
        if self._verdict.outcome == "admitted":
            return None
        if self._verdict.outcome == "settled":
            # Another version of this package may have written it.
            with contextlib.suppress(ValueError, TypeError):
                return VerifyCodeResult.replay(self._verdict.text)
        text = "How an earlier delivery of this request ended isn't known; a code may be sent."
        return VerifyCodeResult.own("UpstreamDisconnected", text, replayed=True)

    def call(self) -> None:
        """To be said just before the first byte is written; raises Refused if it may not be."""
        if not self._is_calling:
            try:
                self._mark()
            except StoreUnavailable:
                raise store_unavailable() from None

    def wait(self) -> None:
        """To be said before another attempt is waited for: nothing was sent so far."""
        if self._is_calling:
            with contextlib.suppress(StoreUnavailable):
                self._mark()

    def settle(self, result: VerifyCodeResult) -> VerifyCodeResult:
        """Keeps the result, or gives the claim back; the result, with the resend countdown."""
        if self._verdict.outcome == "admitted":
            with contextlib.suppress(StoreUnavailable):
                if _is_given_back(result):
                    self._store.give_back(self._claim)
                else:
                    self._store.settle(self._claim, result.stored())
        if result.sent == "no":
            return result
        wait = max(0.0, self._verdict.wait_seconds - self._age_seconds)
        return replace(result, retry_after_seconds=_rounded(wait))

    @property
    def _is_calling(self) -> bool:
        return self._marks % 2 == 1

    def _mark(self) -> None:
        self._marks += 1
        self._store.mark(self._claim, self._marks, self._age_seconds)

    @property
    def _age_seconds(self) -> float:
        return self._clock() - self._admitted_at


def _name(request: VerifyCodeRequest, message: Message, current: Invocation) -> tuple[Any, float]:
    """What names a request, and for how long."""
    if request.idempotency_key:
        return f"key {request.idempotency_key}", NAME_SECONDS
    if message.name:
        return message.name, NAME_SECONDS
    if message.item is not None:
        return ["item", message.item], 0.0
    return f"invocation {current.id}", NAME_SECONDS


def store_unavailable() -> Exception:
    """The exception that ends a request which the store can't be asked about."""
    text = "The store can't be reached; nothing was sent."
    return refuse("StoreUnavailable", text, retry_after_seconds=STORE_RETRY_SECONDS)


def _is_given_back(result: VerifyCodeResult) -> bool:
    if result.sent != "no":
        return False
    return result.retryable or result.is_own or bool(_TO_MEND.fullmatch(result.code))


def _rounded(seconds: float) -> float:
    return math.ceil(seconds * 1000) / 1000
