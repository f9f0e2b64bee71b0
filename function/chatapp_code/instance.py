"""What lives as long as an instance, and the way of a request through it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chatapp_code import __version__, credentials, invocation, logs, triggers
from chatapp_code.admission import Admission
from chatapp_code.invocation import Invocation
from chatapp_code.request import VerifyCodeRequest, validate
from chatapp_code.result import Refused, VerifyCodeResult, refuse
from chatapp_code.settings import Settings, WrongSettings, load
from chatapp_code.store import MemoryClaims
from chatapp_code.triggers.trigger import Message

if TYPE_CHECKING:
    from chatapp_code.sending import Sender


class Instance:
    """One instance of the function: it handles one invocation at a time."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._wall_clock = wall_clock
        self._settings: Settings | str | None = None
        self._admission: Admission | None = None
        self._sender: Sender | None = None
        self._is_first = True
        logs.silence_libraries()

    def initialize(self, context: Any) -> None:
        """Loads what the first call needs and opens the connection; never raises."""
        try:
            settings = self._load_settings(context)
            self._load_sender(settings).open()
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
        results = [self._answer(each, trigger.source, current) for each in trigger.messages()]
        return trigger.reply(results)

    def _answer(self, message: Message, source: str, current: Invocation) -> VerifyCodeResult:
        """The result for one message, whatever happens."""
        request = None
        current.reset()
        try:
            fields = message.read()
            settings = self._settings_for(current.context)
            request = validate(fields, settings)
            claim = self._load_admission(settings).claim(message, fields, request, current.id)
            result = claim.earlier_result
            if result is None:
                result = self._load_sender(settings).send(request, current)
                self._load_admission(settings).settle(claim, result)
            else:
                result = result.model_copy(update={"replayed": True})
        except Refused as refusal:
            result = refusal.result
        except Exception as bug:
            logs.write_bug(bug, invocation_id=current.id)
            result = _unexpected(current.may_have_sent)
        result = result.model_copy(update={"invocation_id": current.id, **_asked(request)})
        _log(source, result, request, current)
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
                self._settings = str(wrong)
                logs.write("ERROR", "misconfigured", message=self._settings)
            else:
                _log_start(self._settings)
        if isinstance(self._settings, str):
            raise WrongSettings(self._settings)
        return self._settings

    def _load_admission(self, settings: Settings) -> Admission:
        if self._admission is None:
            self._admission = Admission(settings, MemoryClaims(self._clock), self._wall_clock)
        return self._admission

    def _load_sender(self, settings: Settings) -> Sender:
        if self._sender is None:
            # The SDK is heavy: a request that is refused before the call doesn't pay for it.
            from chatapp_code.sending import Sender  # noqa: PLC0415

            self._sender = Sender(settings, self._clock, self._sleep)
        return self._sender


def _asked(request: VerifyCodeRequest | None) -> dict[str, str]:
    if request is None:
        return {}
    return {
        "phone_number": request.phone_number.masked,
        "method": request.method,
        "locale": request.locale,
    }


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
        store=settings.store_url.partition(":")[0],
        countries=sorted(settings.allowed_countries),
        endpoint=settings.cams_endpoint.host,
        reserved_concurrency=settings.reserved_concurrency,
        calls_per_second=settings.max_calls_per_second,
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
