"""What lives as long as an instance, and the way of a request through it."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chatapp_code import __version__, credentials, invocation, logs, triggers
from chatapp_code.answers import meaning, unreachable
from chatapp_code.invocation import Invocation
from chatapp_code.request import VerifyCodeRequest, validate
from chatapp_code.result import Refused, VerifyCodeResult, refuse
from chatapp_code.settings import Settings, WrongSettings, load

if TYPE_CHECKING:
    from chatapp_code.cams import Cams

MOST_ATTEMPTS = 3


class Instance:
    """One instance of the function: it handles one invocation at a time."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._settings: Settings | WrongSettings | None = None
        self._cams: Cams | None = None
        self._is_first = True
        logs.silence_libraries()

    def initialize(self, context: Any) -> None:
        """Loads what the first call needs and opens the connection; never raises."""
        try:
            settings = self._load_settings(context)
            self._load_cams(settings).open()
        except WrongSettings:
            return  # it stands in the log already, and in every answer
        except OSError as failure:
            logs.write("WARNING", "unreachable", failure=type(failure).__name__)
        except Exception as bug:
            logs.write_bug(bug)

    def handle(self, event: bytes, context: Any) -> Any:
        """Answers one event in the form of the trigger that it came by."""
        current = invocation.begin(context, self._is_first, self._clock)
        self._is_first = False
        trigger = triggers.recognise(event)
        request = None
        try:
            fields = trigger.fields()
            settings = self._settings_for(context)
            request = validate(fields, settings)
            result = self._send(request, settings, current)
        except Refused as refusal:
            result = refusal.result
        except Exception as bug:
            logs.write_bug(bug, invocation_id=current.id)
            result = _unexpected(current.may_have_sent)
        result = result.model_copy(update={"invocation_id": current.id, **_asked(request)})
        _log(trigger.source, result, request, current)
        return trigger.reply(result)

    def _send(
        self, request: VerifyCodeRequest, settings: Settings, current: Invocation
    ) -> VerifyCodeResult:
        """Tries until something may have been sent, was refused, or the time is up."""
        result = _no_time()
        wait_seconds = 0.0
        for _ in range(MOST_ATTEMPTS):
            if wait_seconds + settings.attempt_seconds > current.seconds_left:
                break
            if wait_seconds:
                self._sleep(wait_seconds)
                current.waited_seconds += wait_seconds
            result = self._attempt(request, settings, current)
            if not result.retryable:
                break
            wait_seconds = result.retry_after_seconds or 0.0
            if result.code == "UpstreamUnavailable":
                wait_seconds = random.uniform(0.1, 0.5)  # noqa: S311 - no secret
        return result

    def _attempt(
        self, request: VerifyCodeRequest, settings: Settings, current: Invocation
    ) -> VerifyCodeResult:
        cams = self._load_cams(settings)
        current.attempts += 1
        began = self._clock()
        try:
            cams.open()
        except OSError:
            return unreachable()
        finally:
            current.connecting_seconds += self._clock() - began
        if settings.read_timeout_seconds > current.seconds_left:
            return unreachable()  # looking the name up took longer than any time-out bounds
        began = self._clock()
        current.may_have_sent = True
        exchange = cams.call(request, current.context)
        current.upstream_seconds += self._clock() - began
        result = meaning(exchange, request.phone_number)
        current.may_have_sent = result.sent != "no"
        return result

    def _settings_for(self, context: Any) -> Settings:
        try:
            settings = self._load_settings(context)
        except WrongSettings as wrong:
            raise refuse("Misconfigured", str(wrong)) from None
        if credentials.read(context) is None:
            raise refuse("Misconfigured", "The function has no credentials: give it a role.")
        return settings

    def _load_settings(self, context: Any) -> Settings:
        if self._settings is None:
            try:
                self._settings = load(os.environ, invocation.timeout_seconds(context))
            except WrongSettings as wrong:
                self._settings = wrong
                logs.write("ERROR", "misconfigured", message=str(wrong))
            else:
                _log_start(self._settings)
        if isinstance(self._settings, WrongSettings):
            raise self._settings
        return self._settings

    def _load_cams(self, settings: Settings) -> Cams:
        if self._cams is None:
            # The SDK is heavy: a request that is refused before the call doesn't pay for it.
            from chatapp_code.cams import Cams  # noqa: PLC0415

            self._cams = Cams(settings, self._clock)
        return self._cams


def _asked(request: VerifyCodeRequest | None) -> dict[str, str]:
    if request is None:
        return {}
    return {
        "phone_number": request.phone_number.masked,
        "method": request.method,
        "locale": request.locale,
    }


def _no_time() -> VerifyCodeResult:
    return VerifyCodeResult.own(
        "QuotaExhausted",
        "Too little of the function's time is left for the call; nothing was sent.",
        retry_after_seconds=1.0,
    )


def _unexpected(may_have_sent: bool) -> VerifyCodeResult:
    if may_have_sent:
        return VerifyCodeResult.own(
            "UnexpectedError",
            "The function failed; a code may have been sent.",
            sent="unknown",
            http_status=202,
        )
    return VerifyCodeResult.own("UnexpectedError", "The function failed; nothing was sent.")


def _log_start(settings: Settings) -> None:
    logs.write(
        "INFO",
        "start",
        version=__version__,
        countries=sorted(settings.allowed_countries),
        endpoint=settings.cams_host,
    )


def _log(
    source: str, result: VerifyCodeResult, request: VerifyCodeRequest | None, current: Invocation
) -> None:
    logs.write(
        "ERROR" if result.http_status == 500 else "INFO",
        "invocation",
        invocation_id=current.id,
        source=source,
        code=result.code,
        sent=result.sent,
        replayed=result.replayed,
        country=request.phone_number.country if request else None,
        method=result.method,
        phone_number=result.phone_number,
        attempts=current.attempts,
        waited_ms=round(current.waited_seconds * 1000),
        connecting_ms=round(current.connecting_seconds * 1000),
        upstream_ms=round(current.upstream_seconds * 1000),
        request_id=result.request_id,
        upstream_message=result.upstream_message,
        message=result.message,
    )
