"""What tests of idempotency records, rate limits and callers share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.function_under_test import NUMBER, FunctionUnderTest, HttpReply

#: Empty settings, so that the defaults count.
DEFAULT_RATE_LIMITS = {"SEND_LIMITS_PER_NUMBER": "", "SEND_LIMITS_TOTAL": ""}

#: Lets this number of seconds pass for a store.
Turn = Callable[[float], None]


def event(event_id: object, phone_number: str = NUMBER) -> dict[str, Any]:
    """A CloudEvent with this id that asks for a code."""
    data = {"phone_number": phone_number}
    return {"specversion": "1.0", "source": "test", "id": str(event_id), "data": data}


def number(last: int) -> str:
    """A phone number that ends with these digits."""
    return f"+8613800{last:06}"


def ask_as(
    function: FunctionUnderTest, phone_number: str | None = NUMBER, **headers: str
) -> HttpReply:
    """Asks over HTTP with headers; an underscore in a header's name stands for a hyphen."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return function.post({"phone_number": phone_number}, headers=names)
