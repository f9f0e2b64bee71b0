"""What CAMS does with a call that reached it: three actions, each with its own rate limit."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.sandbox.acs3 import Rejected
from tests.sandbox.numbers import Numbers

CALLS_PER_SECOND = 10  # of each action

SEND, STATUS, VERIFY = (
    "GetChatappVerifyCode",
    "GetPhoneNumberVerificationStatus",
    "ChatappVerifyAndRegister",
)

_REQUIRED = {
    SEND: ("PhoneNumber", "Method", "Locale", "CustSpaceId"),
    STATUS: ("PhoneNumber", "CustSpaceId"),
    VERIFY: ("PhoneNumber", "CustSpaceId", "VerifyCode"),
}


@dataclass(frozen=True)
class Message:
    """A verification code that went out."""

    code: str
    phone_number: str
    method: str
    locale: str
    cust_space_id: str


class Registration(NamedTuple):
    """A number that was registered, and the code that did it."""

    phone_number: str
    code: str


class CamsApi:
    """Counts the calls, and keeps what took effect."""

    def __init__(self, on_message: Callable[[Message], None], clock: Callable[[], float]) -> None:
        self.messages: list[Message] = []
        self.registrations: list[Registration] = []
        self.numbers = Numbers(clock)
        self.calls: dict[str, list[float]] = {action: [] for action in _REQUIRED}  # when they came
        self.calls_per_second = CALLS_PER_SECOND
        self.throttled = 0
        self.on_message = on_message
        self.clock = clock
        self._counting = threading.Lock()

    @property
    def call_times(self) -> list[float]:
        """When the calls came that asked for a code."""
        return self.calls[SEND]

    def worst_second(self, action: str | None = None) -> int:
        """The most calls in any second: of one action, or of the action with the most."""
        return max(_worst_second(self.calls[each]) for each in ([action] if action else self.calls))

    def check(self, action: str, version: str, query: Mapping[str, str]) -> None:
        """Counts a call, or raises if the second is full; it raises too if the call is wrong."""
        if action not in self.calls or version != "2020-06-06":
            raise Rejected(404, "InvalidApi.NotFound", "No such API.")
        with self._counting:
            now, times = self.clock(), self.calls[action]
            times.append(now)
            recent = sum(1 for at in times[-4 * self.calls_per_second :] if now - at < 1)
            if recent > self.calls_per_second:
                self.throttled += 1
                raise Rejected(400, "Throttling.User", "Denied due to user flow control.")
        for name in _REQUIRED[action]:
            if not query.get(name):
                raise Rejected(400, f"Missing{name}", f"{name} is mandatory for this action.")
        if not query["PhoneNumber"].isdigit():
            raise Rejected(400, "InvalidParameter.PhoneNumberError", "The phone number is wrong.")
        if action == SEND and query["Method"] not in ("sms", "voice"):
            raise Rejected(400, "InvalidParameter.Method", "The method is wrong.")

    def perform(self, action: str, query: Mapping[str, str]) -> dict[str, Any]:
        """Lets the action take effect, or raises; the keys that it adds to the answer."""
        phone_number = query["PhoneNumber"]
        if action == STATUS:
            status = self.numbers.status(phone_number)
            data = {"PhoneNumber": phone_number, "Id": "1", "CodeVerificationStatus": status}
            return {"Data": data}
        if action == VERIFY:
            self.numbers.register(phone_number, query["VerifyCode"])
            self.registrations.append(Registration(phone_number, query["VerifyCode"]))
        else:
            code = self.numbers.new_code(phone_number)
            message = Message(code, *(query[name] for name in _REQUIRED[SEND]))
            self.messages.append(message)
            self.on_message(message)
        return {}


def _worst_second(call_times: list[float]) -> int:
    times = sorted(call_times)
    return max((i + 1 - bisect_right(times, at - 1) for i, at in enumerate(times)), default=0)
