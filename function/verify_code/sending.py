"""The attempts at one call: each over an open connection, in its turn, within the time left."""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Callable

from verify_code import invocation
from verify_code.admission import Permit, store_unavailable
from verify_code.cams import operations
from verify_code.cams.client import Cams
from verify_code.cams.responses import interpret, unreachable
from verify_code.cams.transport import Transport
from verify_code.invocation import Invocation, Time
from verify_code.pacing import SharedTurns, SlotRest, Turns
from verify_code.request import VerifyCodeRequest
from verify_code.result import VerifyCodeResult
from verify_code.settings import Settings
from verify_code.store.base import StoreUnavailable

MOST_ATTEMPTS = 3

#: So long before its turn a call is marked in the store, so that the turn isn't missed for it.
MARK_SECONDS = 0.1

#: However long the API asks to stay away, no turn is held for longer.
_LONGEST_HOLD_SECONDS = 60.0


class Sender:
    """Sends for one invocation of an instance at a time."""

    def __init__(
        self,
        settings: Settings,
        turns: Turns | None,
        time: Time,
        transport: Transport | None = None,
    ) -> None:
        self._settings = settings
        self._clock = time.clock
        self._sleep = time.sleep
        transport = transport or Transport(*settings.cams_endpoint, time.clock)
        self._cams = Cams(settings, transport, time.clock)
        self._pacing = _pacing(settings, turns, time.clock)

    def open(self) -> None:
        """Opens the connection, unless a good one is open; raises OSError if it can't."""
        self._cams.open()

    def close(self) -> None:
        """Closes the connection."""
        self._cams.close()

    def send(
        self, request: VerifyCodeRequest, permit: Permit, current: Invocation
    ) -> VerifyCodeResult:
        """Tries until something may have been sent, or was refused, or the time is up."""
        result = None
        while result is None or (result.retryable and current.attempts < MOST_ATTEMPTS):
            if result is not None and result.code == "UpstreamUnavailable":
                permit.wait()
                self._wait(random.uniform(0.1, 0.5), current)  # noqa: S311 - no secret
            longest_wait = current.seconds_left - self._settings.attempt_seconds
            if longest_wait >= 0 and not self._is_open(current):
                result = unreachable()
                continue
            asked_at = self._clock()
            wait = self._take_turn(longest_wait)
            if wait > longest_wait:
                return result or _no_turn(wait)
            # The store counted the wait from some moment since it was asked.
            turn_at = self._clock() + wait
            latest_start = asked_at + wait + self._pacing.latest_seconds
            if wait > MARK_SECONDS:
                permit.wait()
                self._wait(wait - MARK_SECONDS, current)
            permit.call()
            self._wait(turn_at - self._clock(), current)
            result = self._call(request, current, latest_start) or result
        return result

    def _is_open(self, current: Invocation) -> bool:
        began = self._clock()
        try:
            self.open()
        except OSError:
            current.attempts += 1
            return False
        finally:
            current.connecting_seconds += self._clock() - began
        return True

    def _take_turn(self, longest_wait: float) -> float:
        try:
            return self._pacing.take_turn(longest_wait)
        except StoreUnavailable:
            raise store_unavailable() from None

    def _wait(self, seconds: float, current: Invocation) -> None:
        if seconds > 0:
            self._sleep(seconds)
            current.waited_seconds += seconds

    def _call(
        self, request: VerifyCodeRequest, current: Invocation, latest_start: float
    ) -> VerifyCodeResult | None:
        """The result of one call; None if its turn was missed, and nothing was written."""
        began = self._clock()
        current.may_have_sent = True
        exchange = self._cams.call(operations.SEND, request, current.context, latest_start)
        current.upstream_seconds += self._clock() - began
        if exchange.missed_its_turn:
            current.may_have_sent = False
            return None
        current.attempts += 1
        self._pacing.called(exchange)
        result = interpret(exchange, request.phone_number)
        current.may_have_sent = result.sent != "no"
        if result.http_status == 429:
            with contextlib.suppress(StoreUnavailable):
                self._pacing.hold(min(result.retry_after_seconds or 0.0, _LONGEST_HOLD_SECONDS))
        return result


def _pacing(
    settings: Settings, turns: Turns | None, clock: Callable[[], float]
) -> SlotRest | SharedTurns:
    transit = settings.max_transit_seconds
    if turns:
        return SharedTurns(turns, settings.max_calls_per_second, transit)
    started_at = clock() - invocation.process_age_seconds()
    return SlotRest(settings.calls_per_slot, transit, clock, started_at)


def _no_turn(wait: float) -> VerifyCodeResult:
    return VerifyCodeResult.own(
        "QuotaExhausted",
        "The API's quota has no place within the time left; nothing was sent.",
        retry_after_seconds=math.ceil(wait * 1000) / 1000,
    )
