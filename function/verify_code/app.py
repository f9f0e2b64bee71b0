"""What lives as long as an instance, and the way of a request through it."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from verify_code import __version__, credentials, events, invocation, logs
from verify_code.caller import identify
from verify_code.events.source import Message
from verify_code.invocation import Invocation, Time
from verify_code.parts import Parts
from verify_code.request import VerifyCodeRequest, validate
from verify_code.result import Refused, VerifyCodeResult, refuse, unexpected
from verify_code.settings import Settings, WrongSettings, load


class App:
    """One instance of the function: it handles one invocation at a time."""

    def __init__(self, time: Time = Time()) -> None:  # noqa: B008 - it can't be changed
        self._time = time
        self._parts: Parts | str = ""
        self._is_first = True

    def initialize(self, context: Any) -> None:
        """Loads what the first call needs and opens the connections; never raises."""
        try:
            parts = self._load(context)
            parts.check_store()
            parts.sender.open()
        except WrongSettings:
            return  # it stands in the log already, and in every answer
        except OSError as failure:
            logs.write("WARNING", "unreachable", what="API", failure=type(failure).__name__)
        except Exception as bug:
            logs.write_bug(bug)

    def handle(self, event: bytes, context: Any) -> Any:
        """Answers one event in the form of the trigger that it came by."""
        current = invocation.begin(context, self._is_first, self._time.clock)
        self._is_first = False
        trigger = events.recognise(event)
        source = trigger.source
        results = [self._answer(each, source, replace(current)) for each in trigger.messages()]
        if len(results) > 1 and isinstance(self._parts, Parts) and not self._parts.shared_store:
            logs.write("WARNING", "batch", messages=len(results), message=_BATCH)
        return trigger.reply(results)

    def _answer(self, message: Message, source: str, current: Invocation) -> VerifyCodeResult:
        """The result for one message, whatever happens."""
        request = permit = None
        try:
            fields = message.read()
            parts = self._ready(current.context)
            caller = identify(message.headers, parts.settings)
            request = validate(fields, parts.settings, caller)
            permit = parts.admission.admit(message, fields, request, caller, current)
            if earlier := permit.earlier_result():
                result = earlier
            elif request.phone_number.digits in parts.settings.test_numbers:
                result = VerifyCodeResult.accepted()
            else:
                result = parts.sender.send(request, permit, current)
        except Refused as refusal:
            result = refusal.result
        except Exception as bug:
            logs.write_bug(bug, invocation_id=current.id)
            result = unexpected(current.may_have_sent)
        if permit is not None:
            result = permit.settle(result)
        result = replace(result, invocation_id=current.id, **_asked(request))
        _log(source, result, request, current)
        return result

    def _ready(self, context: Any) -> Parts:
        try:
            parts = self._load(context)
        except WrongSettings as wrong:
            raise refuse("Misconfigured", str(wrong)) from None
        if credentials.read(context) is None:
            raise refuse("Misconfigured", "The function has no credentials: give it a role.")
        return parts

    def _load(self, context: Any) -> Parts:
        if not self._parts:
            try:
                settings = load(os.environ, invocation.timeout_seconds(context))
            except WrongSettings as wrong:
                self._parts = str(wrong)
                logs.write("ERROR", "misconfigured", message=self._parts)
            else:
                self._parts = Parts(settings, self._time)
                _log_start(settings)
        if isinstance(self._parts, str):
            raise WrongSettings(self._parts)
        return self._parts


_BATCH = (
    "Only this instance knows what it has sent: should the batch be delivered again, another may "
    "send again. Let a delivery hold one message, or name a store that all instances share."
)


def _asked(request: VerifyCodeRequest | None) -> dict[str, Any]:
    if request is None:
        return {}
    return {
        "phone_number": request.phone_number.masked,
        "method": request.method,
        "locale": request.locale,
    }


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
