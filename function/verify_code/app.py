"""The application: built once per instance, it handles one invocation at a time."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import TYPE_CHECKING, Any

from verify_code import __version__, credentials, events, invocation, logs, policy
from verify_code.admission import Admission, Permit, no_time_left
from verify_code.cams.client import Cams
from verify_code.cams.transport import Transport
from verify_code.clock import Clock
from verify_code.events.message import Message
from verify_code.invocation import Invocation
from verify_code.pacing import InstancePacer, Pacer, SharedPacer
from verify_code.request import VerifyCodeRequest, validate
from verify_code.result import Rejected, VerifyCodeResult
from verify_code.sending import Sender
from verify_code.settings import Settings, SettingsError, load, misspelt
from verify_code.store.base import StoreUnavailable
from verify_code.store.memory import MemoryStore

if TYPE_CHECKING:
    from verify_code.store.redis import RedisStore


class App:
    """Asks for codes by its settings. With wrong settings it answers ``Misconfigured``.

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
        self._store = store or _store(settings, clock)
        self._admission = Admission(settings, self._store, clock)
        cams = Cams(settings, self._transport, clock.monotonic)
        self._sender = Sender(settings, cams, _pacer(settings, self._store, clock), clock)

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
            _check_store(self._settings, self._store)
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
        results: list[VerifyCodeResult] = []
        for message in received.messages:
            in_time = current.seconds_left > 0 or not results
            answer = self._answer if in_time else self._answer_out_of_time
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

    def _answer(self, message: Message, source: str, current: Invocation) -> VerifyCodeResult:
        """The result for one message, whatever happens."""
        request = permit = None
        try:
            fields = message.parse()
            settings = self._ready(current.context)
            caller = policy.identify(message.headers, settings)
            request = validate(fields, policy.defaults(settings, caller), settings.test_numbers)
            refusal = policy.refusal(request, message.sent_at, self._clock.wall(), settings, caller)
            record = self._admission.record(message, fields, request, caller, current)
            # An earlier delivery may have sent the code. Its result counts.
            is_late = refusal is not None and refusal.result.code == "EventExpired"
            permit = self._admission.pass_once(
                record, current, refusal, may_be_known=message.is_redelivered or is_late
            )
            result = permit.earlier_result or self._sender.send(request, permit, current)
        except Rejected as rejection:
            result = rejection.result
        except Exception as bug:
            logs.write_bug(bug, invocation_id=current.id)
            result = VerifyCodeResult.unexpected(current.may_have_sent)
        if permit is not None:
            result = self._kept(permit, result, current, is_http=message.headers is not None)
        result = result.with_(invocation_id=current.id, **_asked(request))
        _log(source, result, request, current)
        return result

    def _kept(
        self, permit: Permit, result: VerifyCodeResult, current: Invocation, *, is_http: bool
    ) -> VerifyCodeResult:
        """The result, which the store keeps if it can. What fails here changes no answer."""
        # An HTTP caller waits at most one second for a store that fails.
        seconds = min(current.seconds_left, 1.0) if is_http else current.seconds_left
        try:
            return permit.complete(result, seconds)
        except Exception as bug:
            logs.write_bug(bug, invocation_id=current.id)
            return result

    def _answer_out_of_time(self, _: Message, __: str, current: Invocation) -> VerifyCodeResult:
        """The result for a message of a batch whose time is up: it isn't even read."""
        return no_time_left().result.with_(invocation_id=current.id)

    def _ready(self, context: Any) -> Settings:
        """The settings, if a call can be made with them and the role's credentials."""
        if isinstance(self._settings, SettingsError):
            raise Rejected("Misconfigured", str(self._settings))
        if credentials.read(context) is None:
            raise Rejected("Misconfigured", "The function has no credentials: give it a role.")
        return self._settings


def _store(settings: Settings, clock: Clock) -> MemoryStore | RedisStore:
    if not settings.has_shared_store:
        return MemoryStore(clock.monotonic)
    from verify_code.store.redis import RedisStore  # noqa: PLC0415 - only where it is used

    return RedisStore(settings.store_url, clock.monotonic)


def _pacer(settings: Settings, store: MemoryStore | RedisStore, clock: Clock) -> Pacer:
    transit_seconds = settings.max_transit_seconds
    if not isinstance(store, MemoryStore):
        return SharedPacer(store, settings.max_calls_per_second, transit_seconds)
    calls, imported_at = settings.calls_per_instance, clock.imported_at
    return InstancePacer(calls, transit_seconds, clock.monotonic, imported_at)


def _check_store(settings: Settings, store: MemoryStore | RedisStore) -> None:
    """Writes what an operator should know about the store that was chosen."""
    if isinstance(store, MemoryStore):
        if settings.reserved_concurrency > 1:
            text = _MEMORY.format(settings.reserved_concurrency)
            logs.write("WARNING", "memory", message=text)
        return
    try:
        eviction_policy = store.open()
    except StoreUnavailable as failure:
        logs.write("WARNING", "unreachable", what="store", failure=failure.reason)
    else:
        if eviction_policy != "noeviction":
            text = _EVICTION.format(eviction_policy or "not known")
            logs.write("ERROR", "eviction", message=text)


_MEMORY = (
    "STORE_URL is memory://: each of up to {} instances remembers alone what it has sent, until it "
    "is recycled. The calls a second stay within the bound; but a request that comes again to "
    "another instance is sent again, and each instance counts its own SEND_LIMITS. Name a store "
    "that all instances share, or set RESERVED_CONCURRENCY to 1."
)

_EVICTION = (
    "The store's maxmemory-policy is {}: when its memory is full it drops records, and codes are "
    "sent twice. Set it to noeviction."
)

_BATCH = (
    "Only this instance knows what it has sent: if the batch is delivered again, another instance "
    "may send again. Let a delivery hold one message, or name a store that all instances share."
)


def _asked(request: VerifyCodeRequest | None) -> dict[str, Any]:
    if request is None:
        return {}
    return {
        "phone_number": request.phone_number.masked,
        "method": request.method,
        "locale": request.locale,
    }


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
