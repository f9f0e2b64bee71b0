"""May it be sent now? Not if it is too old, and not if it was answered before."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import NamedTuple

from chatapp_code.request import Fields, VerifyCodeRequest
from chatapp_code.result import OWN_CODES, VerifyCodeResult, refuse
from chatapp_code.settings import Settings
from chatapp_code.store import Claims
from chatapp_code.triggers.trigger import Message, canonical

#: How long the name of a request is remembered.
NAME_SECONDS = 24 * 3600.0

#: Refusals by the API that the operator must mend: asking again after that does no harm.
_TO_MEND = re.compile(
    r"Product\.Unsubscript|NoPermission|InvalidTimeStamp.*|(Ram|Authentication)\..*"
    r"|(Forbidden|InvalidAccessKeyId|InvalidSecurityToken|Signature).*"
)


class Claim(NamedTuple):
    """A request's right to be sent once: its name, hashed, and how long that is remembered."""

    name: str
    seconds: float
    earlier_result: VerifyCodeResult | None


class Admission:
    """Lets each request pass once, however often its message is delivered."""

    def __init__(self, settings: Settings, claims: Claims, wall_clock: Callable[[], float]) -> None:
        self._most_age_seconds = settings.max_event_age_seconds
        self._claims = claims
        self._wall_clock = wall_clock

    def claim(
        self, message: Message, fields: Fields, request: VerifyCodeRequest, invocation_id: str
    ) -> Claim:
        """The claim of this request; Refused if its event is too old."""
        age_seconds = self._wall_clock() - message.sent_at if message.sent_at is not None else 0.0
        if age_seconds > self._most_age_seconds:
            text = f"The event is older than {self._most_age_seconds:g} seconds; nothing was sent."
            raise refuse("EventExpired", text)
        key, is_lasting = request.idempotency_key, True
        if not key and message.name:
            is_lasting = message.is_lasting
        first = f"key {key}" if key else message.name or f"invocation {invocation_id}"
        # The same name with another request is another request.
        name = hashlib.sha256(canonical([first, fields.pairs]).encode()).hexdigest()
        seconds = NAME_SECONDS if is_lasting else self._most_age_seconds
        return Claim(name, seconds, self._claims.find(name))

    def settle(self, claim: Claim, result: VerifyCodeResult) -> None:
        """Remembers the result, unless asking again does no harm."""
        if not _is_given_back(result):
            self._claims.settle(claim.name, result, claim.seconds)


def _is_given_back(result: VerifyCodeResult) -> bool:
    if result.sent != "no":
        return False
    return result.retryable or result.code in OWN_CODES or bool(_TO_MEND.fullmatch(result.code))
