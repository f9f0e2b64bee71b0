"""The application: built once per instance, it handles one invocation at a time.

The way of a request: events, operations, policy (who asks), validation, policy (may it be done?),
admission, sending with pacing and cams, permit (what is kept), result, events (the reply).
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import TYPE_CHECKING, Any

from verify_code import __version__, credentials, events, invocation, logs, policy
from verify_code.admission import Admission
from verify_code.cams.client import Cams
from verify_code.cams.transport import Transport
from verify_code.clock import Clock
from verify_code.events.message import Message
from verify_code.invocation import Invocation
from verify_code.operations import OPERATIONS, SEND, Operation, of_fields, of_path
from verify_code.pacing import InstancePacer, Pacer, SharedPacer
from verify_code.permit import Permit, no_time_left
from verify_code.request import Request
from verify_code.result import Rejected, Result, SendResult
from verify_code.sending import Sender
from verify_code.settings import Settings, SettingsError, load, misspelt
from verify_code.store import choice
from verify_code.store.memory import MemoryStore
from verify_code.validation import validate

if TYPE_CHECKING:
    from verify_code.store.redis import RedisStore


class App:
    """Does what is asked, by its settings. With wrong settings it answers ``Misconfigured``.

    ``store``, ``transport`` and ``clock`` are made from the settings; tests give their own.
    """

    def __init__(
        self,
        settings: Settings | SettingsError,
        *,
        store: MemoryStore | RedisStore | None = None,
        transport: Transport | None = None,
        clock: Clock = Clock(),  # noqa: B008 - it can't be changed
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._is_first_invocation = True
        if isinstance(settings, SettingsError):
            return
        self._transport = transport or Transport(*settings.cams_endpoint, clock.monotonic)
        self._store = store or choice.choose(settings, clock)
        cams = Cams(settings, self._transport, clock.monotonic)
        self._admissions: dict[str, Admission] = {}
        self._senders: dict[str, Sender] = {}
        for name in settings.operations:
            operation, pacer = OPERATIONS[name], _pacer(name, settings, self._store, clock)
            self._admissions[name] = Admission(operation, settings, self._store, clock)
            self._senders[name] = Sender(operation, settings, cams, pacer, clock)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], context: Any, **given: Any) -> App:
        """The application that the environment sets up; the log says how, or what is wrong."""
        for name, meant in misspelt(environ).items():
            text = f"{name} is no setting of this function: did you mean {meant}?"
            logs.write("WARNING", "unknown_setting", message=text)
        try:
            settings = load(environ, invocation.timeout_seconds(context))
        except SettingsError as wrong:
            logs.write("ERROR", "misconfigured", message=str(wrong))
            return cls(wrong, **given)
        logs.write(
            "INFO",
            "start",
            version=__version__,
            operations=settings.operations,
            store=settings.store_url.partition(":")[0],
            countries=sorted(settings.allowed_countries),
            endpoint=settings.cams_endpoint.host,
            reserved_concurrency=settings.reserved_concurrency,
            calls_per_second=settings.max_calls_per_second,
        )
        try:
            return cls(settings, **given)
        except Exception as bug:
            logs.write_bug(bug)
            text = "The function can't start: a bug line in its log says why."
            return cls(SettingsError(text), **given)

    def initialize(self) -> None:
        """Checks the store and opens the connection to the API. It never raises."""
        self._is_first_invocation = False
        if isinstance(self._settings, SettingsError):
            return
        try:
            choice.check(self._settings, self._store)
            self._transport.open(self._settings.connect_timeout_seconds)
        except OSError as failure:
            logs.write("WARNING", "unreachable", what="API", failure=type(failure).__name__)
        except Exception as bug:
            logs.write_bug(bug)

    def handle(self, event: bytes, context: Any) -> Any:
        """Answers one event in the form of the source by which it came."""
        current = invocation.begin(context, self._clock, is_first=self._is_first_invocation)
        self._is_first_invocation = False
        received = events.recognise(event)
        source = received.source
        results: list[Result] = []
        for message in received.messages:
            in_time = current.seconds_left > 0 or not results
            answer = self._answer if in_time else self._answer_out_of_time
            # Each message has its own attempts and waits.
            results.append(answer(message, source, copy(current)))
        settings = self._settings
        if len(results) > 1 and isinstance(settings, Settings) and not settings.has_shared_store:
            logs.write("WARNING", "batch", messages=len(results), message=_BATCH)
        return received.reply(results)

    def close(self) -> None:
        """Closes the connections."""
        if not isinstance(self._settings, SettingsError):
            self._transport.close()
            self._store.close()

    def _answer(self, message: Message, source: str, current: Invocation) -> Result:
        """The result for one message, whatever happens."""
        # Until it is known, an answer has the form of one to a request for a code.
        operation, by_path = SEND, None
        request = permit = None
        try:
            if message.path_segment is not None:
                operation = by_path = self._by_path(message.path_segment)
            fields = message.parse()
            settings = self._ready(current.context)
            operation = of_fields(fields, settings.operations, by_path)
            caller = policy.identify(message.headers, settings)
            defaults = policy.defaults(settings, caller)
            request = validate(operation.request, fields, defaults, settings.test_numbers)
            refusal = policy.refusal(request, message.sent_at, self._clock.wall(), settings, caller)
            admission = self._admissions[operation.name]
            record = admission.record(message, fields, request, caller, current)
            # An earlier delivery may have been done. Its result counts.
            is_late = refusal is not None and refusal.result.code == "EventExpired"
            permit = admission.admit(
                record, current, refusal, may_be_known=message.is_redelivered or is_late
            )
            sender = self._senders[operation.name]
            result = permit.earlier_result or sender.send(request, permit, current)
        except Rejected as rejection:
            result = rejection.result
        except Exception as bug:
            logs.write_bug(bug, invocation_id=current.id)
            result = Result.unexpected(current.may_be_done)
        if permit is not None:
            result = self._complete(permit, result, current, is_http=message.headers is not None)
        asked = request.shown() if request else {}
        result = operation.result.of_operation(result, invocation_id=current.id, **asked)
        current.trace_id = invocation.trace_id(current.context, message.headers)
        _log(source, operation, result, request, current)
        return result

    def _by_path(self, segment: str) -> Operation:
        if isinstance(self._settings, SettingsError):
            return OPERATIONS.get(segment, SEND)
        return of_path(segment, self._settings.operations)

    def _complete(
        self, permit: Permit, result: Result, current: Invocation, *, is_http: bool
    ) -> Result:
        """The result, which the store keeps if it can. What fails here changes no answer."""
        # An HTTP caller waits at most one second for a store that fails.
        seconds = min(current.seconds_left, 1.0) if is_http else current.seconds_left
        try:
            return permit.complete(result, seconds)
        except Exception as bug:
            logs.write_bug(bug, invocation_id=current.id)
            return result

    def _answer_out_of_time(self, _: Message, __: str, current: Invocation) -> Result:
        """The result for a message of a batch whose time is up: it isn't even read."""
        return SendResult.of_operation(no_time_left().result, invocation_id=current.id)

    def _ready(self, context: Any) -> Settings:
        """The settings, if a call can be made with them and the role's credentials."""
        if isinstance(self._settings, SettingsError):
            raise Rejected("Misconfigured", str(self._settings))
        if credentials.read(context) is None:
            raise Rejected("Misconfigured", "The function has no credentials: give it a role.")
        return self._settings


def _pacer(
    operation: str, settings: Settings, store: MemoryStore | RedisStore, clock: Clock
) -> Pacer:
    transit_seconds = settings.max_transit_seconds
    if not isinstance(store, MemoryStore):
        return SharedPacer(store, operation, settings.max_calls_per_second, transit_seconds)
    calls, imported_at = settings.calls_per_instance, clock.imported_at
    return InstancePacer(calls, transit_seconds, clock.monotonic, imported_at)


_BATCH = (
    "Only this instance knows what it has sent: if the batch is delivered again, another instance "
    "may send again. Let a delivery hold one message, or name a store that all instances share."
)


def _log(
    source: str, operation: Operation, result: Result, request: Request | None, current: Invocation
) -> None:
    logs.write(
        "ERROR" if result.http_status == 500 else "INFO",
        "invocation",
        invocation_id=current.id,
        trace_id=current.trace_id,
        source=source,
        operation=operation.name,
        code=result.code,
        sent=result.outcome if operation.name == "send" else None,
        registered=result.outcome if operation.name == "verify" else None,
        verification_status=result.verification_status if operation.name == "status" else None,
        replayed=result.replayed,
        country=request.phone_number.country if request else None,
        method=getattr(result, "method", None),
        phone_number=result.phone_number,
        attempts=current.attempts,
        waited_ms=round(current.waited_seconds * 1000),
        connecting_ms=round(current.connecting_seconds * 1000),
        upstream_ms=round(current.upstream_seconds * 1000),
        request_id=result.request_id,
        upstream_message=result.upstream_message,
        message=result.message,
    )
