"""What the benches ask for: each operation, in all its ways, and how its outcome is seen."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.sandbox.cams_gateway import CamsGateway
from tests.sandbox.http_event import http_event
from verify_code.operations import SEND, STATUS, VERIFY, Operation

#: All operations are enabled, and none but sending is limited otherwise.
ALL_OPERATIONS = {
    "OPERATIONS": "send,status,verify",
    "VERIFY_LIMITS_PER_NUMBER": "99999/second",
    "VERIFY_LIMITS_PER_CALLER": "99999/second",
    "VERIFY_LIMITS_TOTAL": "99999/second",
    "STATUS_LIMITS_PER_CALLER": "99999/second",
    "STATUS_LIMITS_TOTAL": "99999/second",
}


@dataclass(frozen=True, eq=False)
class Asked:
    """One operation, as it is asked for, and as its result and the sandbox show what was done."""

    operation: Operation
    path: str
    #: The ways in which it may be asked for.
    ways: tuple[str, ...]
    #: The key of the result that says whether it was done.
    outcome_key: str
    #: Each value that the key can have -> the outcome.
    outcomes: dict[Any, str]
    #: The phone number of each time when it was done.
    done: Callable[[CamsGateway], list[str]]

    @property
    def name(self) -> str:
        return self.operation.name

    def outcome(self, result: dict[str, Any]) -> str:
        """Was it done? yes, no or unknown; a status that was told counts as done."""
        return self.outcomes[result[self.outcome_key]]

    def event(self, way: str, name: str, number: str, code: str = "") -> bytes:
        """The event of a request of this name for a number; the code is what it hands in."""
        fields = {"phone_number": f"+{number}"}
        if self.operation is VERIFY:
            fields["code"] = code
        if way == "HTTP":
            headers = {"Content-Type": "application/json", "Idempotency-Key": name}
            body = json.dumps(fields).encode()
            return http_event("POST", self.path, headers.items(), body, name)
        if way == "direct":
            fields |= {"operation": self.name, "idempotency_key": name}
            return json.dumps(fields).encode()
        return json.dumps(cloud_event(name, fields)).encode()


def cloud_event(name: str, fields: dict[str, str]) -> dict[str, Any]:
    """The request as an event source delivers it."""
    return {"specversion": "1.0", "source": "bench", "id": name, "data": fields}


_SAID = {"yes": "yes", "no": "no", "unknown": "unknown"}

SENDING = Asked(
    SEND,
    "/",
    ("HTTP", "event", "batch"),
    "sent",
    _SAID,
    lambda gateway: [message.phone_number for message in gateway.messages],
)
ASKING_FOR_STATUS = Asked(
    STATUS,
    "/status",
    ("HTTP", "direct"),
    "verification_status",
    {None: "no", "NOT_VERIFIED": "yes", "VERIFIED": "yes", "EXPIRED": "yes"},
    lambda gateway: [],
)
VERIFYING = Asked(
    VERIFY,
    "/verify",
    ("HTTP", "direct"),
    "registered",
    _SAID,
    lambda gateway: [each.phone_number for each in gateway.registrations],
)

ASKED = {each.name: each for each in (SENDING, ASKING_FOR_STATUS, VERIFYING)}


def all_done(gateway: CamsGateway) -> dict[str, Counter[str]]:
    """By operation and phone number: how often it was done."""
    return {each.name: Counter(each.done(gateway)) for each in ASKED.values()}
