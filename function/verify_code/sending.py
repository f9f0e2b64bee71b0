"""The attempts at one call: each over an open connection, in its turn, within the time left."""

import contextlib
import random

from verify_code.cams.client import Cams
from verify_code.cams.responses import interpret, unreachable
from verify_code.cams.transport import MAX_IDLE_SECONDS
from verify_code.clock import Clock
from verify_code.invocation import Invocation
from verify_code.operations import Operation
from verify_code.pacing import Pacer
from verify_code.permit import Permit, rounded_up
from verify_code.request import Request
from verify_code.result import Rejected, Result
from verify_code.settings import Settings
from verify_code.store.base import StoreUnavailable

MAX_ATTEMPTS = 3

#: The record is marked so long before the turn, so that the store doesn't make the call late.
MARK_SECONDS = 0.1

#: However long the API asks to stay away, the turns pause for no longer.
_LONGEST_PAUSE_SECONDS = 60.0


class Sender:
    """Calls one operation of the API, for one invocation of an instance at a time."""

    def __init__(
        self, operation: Operation, settings: Settings, cams: Cams, pacer: Pacer, clock: Clock
    ) -> None:
        self._operation = operation
        self._settings = settings
        self._cams = cams
        self._pacer = pacer
        self._clock = clock

    def send(self, request: Request, permit: Permit, current: Invocation) -> Result:
        """Tries until it may be done, the API refuses, or no try or time is left."""
        if request.phone_number.digits in self._settings.test_numbers:
            # Only the result of status shows it.
            return Result.accepted(verification_status="NOT_VERIFIED")
        result: Result | None = None
        missed_turns = 0
        while result is None or (result.retryable and current.attempts < MAX_ATTEMPTS):
            try:
                permit.renew()
            except Rejected:
                if result is None:
                    raise
                return result
            if result is not None and result.code == "UpstreamUnavailable":
                self._wait(random.uniform(0.1, 0.5), current)  # noqa: S311 - no secret
            longest_wait = current.seconds_left - self._settings.attempt_seconds
            longest_wait = min(longest_wait, self._pacer.max_wait_seconds)
            if longest_wait >= 0 and not self._connect(current):
                result = unreachable()
                continue
            asked_at = self._clock.monotonic()
            wait = self._pacer.reserve(longest_wait)
            if wait > longest_wait:
                return result or _no_turn(wait)
            # The wait began between asked_at and now: begin late enough, and give up early enough.
            turn_at = self._clock.monotonic() + wait
            latest_start = asked_at + wait + self._pacer.max_delay_seconds
            if not self._reconnect(turn_at, current):
                result = unreachable()
                continue
            self._wait_until(turn_at - MARK_SECONDS, current)
            permit.begin_sending()
            self._wait_until(turn_at, current)
            called = self._call(request, current, latest_start)
            missed_turns += called is None
            if missed_turns == MAX_ATTEMPTS:  # the store is too slow or too far away
                return result or StoreUnavailable().result
            result = called or result
        return result

    def _connect(self, current: Invocation, needed_seconds: float = 0.0) -> bool:
        """Opens the connection, unless a good one is open; whether there is one."""
        began = self._clock.monotonic()
        try:
            self._cams.open(needed_seconds)
        except OSError:
            current.attempts += 1
            return False
        finally:
            current.connecting_seconds += self._clock.monotonic() - began
        return True

    def _reconnect(self, turn_at: float, current: Invocation) -> bool:
        """Where the wait is long, waits until shortly before the turn, and connects once more."""
        lead_seconds = min(self._settings.connect_timeout_seconds, MAX_IDLE_SECONDS / 2)
        if turn_at - self._clock.monotonic() <= lead_seconds:
            return True
        self._wait_until(turn_at - lead_seconds, current)
        return self._connect(current, lead_seconds)

    def _wait_until(self, moment: float, current: Invocation) -> None:
        self._wait(moment - self._clock.monotonic(), current)

    def _wait(self, seconds: float, current: Invocation) -> None:
        if seconds > 0:
            self._clock.sleep(seconds)
            current.waited_seconds += seconds

    def _call(self, request: Request, current: Invocation, latest_start: float) -> Result | None:
        """The result of one call; None if its turn was missed, and nothing was written."""
        began = self._clock.monotonic()
        current.may_be_done = self._operation.changes_something
        exchange = self._cams.call(self._operation.action, request, current.context, latest_start)
        current.upstream_seconds += self._clock.monotonic() - began
        if exchange.missed_its_turn:
            current.may_be_done = False
            return None
        current.attempts += 1
        self._pacer.record_call(exchange)
        result = interpret(exchange, request)
        if result.outcome == "no":
            current.may_be_done = False
        if result.http_status == 429:
            with contextlib.suppress(StoreUnavailable):
                self._pacer.pause(min(result.retry_after_seconds or 0.0, _LONGEST_PAUSE_SECONDS))
        return result


def _no_turn(wait: float) -> Result:
    return Result.of(
        "QuotaExhausted",
        "The API's quota has no place within the time left.",
        retry_after_seconds=rounded_up(wait),
    )
