"""May it be done now? Not twice, and not too often: idempotency records and rate limits."""

from __future__ import annotations

import hmac
import os
from typing import Any

from verify_code.clock import Clock
from verify_code.events.message import Message
from verify_code.invocation import Invocation
from verify_code.json_text import encode
from verify_code.operations import VERIFY, Operation
from verify_code.permit import Permit, PermitOnce, no_time_left, raise_if_blocked
from verify_code.policy import Caller
from verify_code.request import IdempotentRequest, Request
from verify_code.result import Rejected
from verify_code.settings import Settings
from verify_code.store.base import DAY, RateLimit, Record, Store
from verify_code.validation import asked

#: Without a shared store the keys stay in this process.
_OWN_SECRET = os.urandom(32)


class Admission:
    """Lets requests for one operation pass: each once, and all within the rate limits."""

    def __init__(
        self, operation: Operation, settings: Settings, store: Store, clock: Clock
    ) -> None:
        self._operation = operation
        self._settings = settings
        self._store = store
        self._clock = clock
        self._secret = settings.store_secret.get_secret_value().encode() or _OWN_SECRET

    def admit(
        self,
        record: Record,
        current: Invocation,
        refusal: Rejected | None,
        *,
        may_be_known: bool,
    ) -> Permit:
        """The permit to ask the API. If the request was answered before, it holds that result.

        A refusal is raised; with ``may_be_known`` only after a look for an earlier delivery's
        result. Raises Rejected with what else is in the way, too.
        """
        changes_something = self._operation.changes_something
        if refusal and not (changes_something and may_be_known):
            raise refusal
        if current.seconds_left < self._settings.store_seconds:
            raise no_time_left()
        if not changes_something:
            raise_if_blocked(self._store.count(record))
            return Permit()
        step = self._store.find if refusal else self._store.admit
        verdict = raise_if_blocked(step(record))
        if refusal and verdict.outcome == "absent":
            raise refusal
        return PermitOnce(self._store, self._clock, record, verdict)

    def record(
        self,
        message: Message,
        fields: dict[str, Any],
        request: Request,
        caller: Caller,
        current: Invocation,
    ) -> Record:
        """The idempotency record of a request, with what it counts in."""
        operation = self._operation
        name, kept_seconds, most_seconds = self._identity(message, fields, request, current)
        of_number, of_caller, in_all = self._settings.limits(operation.name)
        number = self._key(operation.name, "number", request.phone_number.digits)
        by_whom = self._key(operation.name, "caller", caller.id)
        # A code is the same however it is spelled. The fields of a request to send stay as they
        # came, since a changed default doesn't make it another one.
        its_fields = request.query() if operation is VERIFY else asked(fields, operation.request)
        return Record(
            # The same name with another request, or from another caller, is another request.
            key=self._key(operation.name, "request", name, caller, its_fields),
            token=os.urandom(8).hex(),
            deadline_seconds=current.timeout_seconds,
            kept_seconds=max(kept_seconds, current.timeout_seconds),
            most_seconds=max(most_seconds, current.timeout_seconds),
            rate_limits=(
                RateLimit(number, of_number, "TooSoon"),
                RateLimit(by_whom, () if caller.id is None else of_caller, "TooManyRequests"),
                RateLimit(self._key(operation.name, "total"), in_all, "TotalLimitReached"),
            ),
        )

    def _identity(
        self,
        message: Message,
        fields: dict[str, Any],
        request: Request,
        current: Invocation,
    ) -> tuple[Any, float, float]:
        """What names a request, and the record's ``kept_seconds`` and ``most_seconds``."""
        most_age_seconds = self._settings.max_event_age_seconds
        day = max(DAY, most_age_seconds)
        if isinstance(request, IdempotentRequest) and request.idempotency_key:
            return ["key", request.idempotency_key], day, day
        if message.message_id:
            return ["message", message.message_id], day, day
        if message.is_redelivered:
            # An event without an id is identified by its content, as long as it may come again.
            return ["event", message.topic, fields], min(most_age_seconds, DAY), DAY
        return ["invocation", current.id], day, day

    def _key(self, *parts: object) -> str:
        return hmac.digest(self._secret, encode(parts), "sha256").hex()
