"""The function in this process, set up against a gateway, with the sleeping turned."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from chatapp_code.cams import Cams
from chatapp_code.instance import Instance
from chatapp_code.invocation import Time
from chatapp_code.parts import Parts
from tests.sandbox.cams_gateway import CamsGateway
from tests.sandbox.function_compute import new_credentials
from tests.sandbox.http_event import http_event

NUMBER = "+8613800001234"

#: Settings for tests that aren't about allowances; those that aren't about pacing add the others.
WITHOUT_LIMITS = {
    "SEND_LIMITS_PER_NUMBER": "99999/second",
    "SEND_LIMITS_IN_ALL": "99999/second",
}
WITHOUT_PACING = {**WITHOUT_LIMITS, "RESERVED_CONCURRENCY": "1", "MAX_CALLS_PER_SECOND": "1000"}


class HttpReply(NamedTuple):
    status: int
    headers: dict[str, str]
    result: dict[str, Any]


class FunctionUnderTest:
    def __init__(self, gateway: CamsGateway, monkeypatch: pytest.MonkeyPatch) -> None:
        self.gateway = gateway
        self.monkeypatch = monkeypatch
        self.credentials = new_credentials()
        gateway.accept(self.credentials)
        self.slept: list[float] = []
        self.turned_seconds = 0.0
        self.invocations = 0
        self.now = 0.0  # the wall clock, where a test sets it
        self.timeout_seconds: Any = 20
        self.instance = Instance()
        self.set(
            CAMS_ENDPOINT=gateway.endpoint,
            CUST_SPACE_IDS="cams-one,cams-two",
            ALLOWED_COUNTRIES="CN,SG,US,AT,GB",
            **WITHOUT_PACING,
        )

    def set(self, **environment: str) -> None:
        """Sets settings, and starts a new instance, which reads them."""
        for name, value in environment.items():
            self.monkeypatch.setenv(name, value)
        self.close()
        self.instance = Instance(Time(self.clock, self.sleep, lambda: self.now or time.time()))
        self.instance._is_first = False  # this process is no cold start

    def close(self) -> None:
        """Closes the connection that an instance keeps for as long as it lives."""
        if isinstance(self.instance._parts, Parts):
            self.instance._parts.close()

    @property
    def cams(self) -> Cams:
        return self.parts.sender._cams

    @property
    def parts(self) -> Parts:
        """What the instance made of the settings, after its first request."""
        assert isinstance(self.instance._parts, Parts)
        return self.instance._parts

    def clock(self) -> float:
        return time.monotonic() + self.turned_seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.turned_seconds += seconds

    def close_before_the_next_call(self) -> None:
        """Lets the connection break between its turn and its call."""
        transport = self.cams._transport
        real_send = transport.send

        def close_first(*arguments: Any) -> None:
            self.monkeypatch.setattr(transport, "send", real_send)
            transport.close()
            real_send(*arguments)

        self.monkeypatch.setattr(transport, "send", close_first)

    @property
    def context(self) -> Any:
        self.invocations += 1
        return SimpleNamespace(
            request_id=f"invocation-{self.invocations}",
            function=SimpleNamespace(timeout=self.timeout_seconds),
            credentials=SimpleNamespace(**vars(self.credentials)),
        )

    def ask(self, **fields: Any) -> dict[str, Any]:
        """Asks by a direct invocation."""
        event = json.dumps({"phone_number": NUMBER, **fields}).encode()
        result: dict[str, Any] = self.handle(event)
        return result

    def handle(self, event: bytes) -> Any:
        return self.instance.handle(event, self.context)

    def post(
        self,
        body: Any = None,
        method: str = "POST",
        headers: dict[str, str] | None = None,
    ) -> HttpReply:
        """Asks over HTTP; the body is JSON unless it is bytes."""
        sent = {"Content-Type": "application/json"} if headers is None else headers
        body = {"phone_number": NUMBER} if body is None else body
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        event = http_event(method, "/", sent.items(), raw, "http-1")
        return read_reply(self.handle(event))


def read_reply(reply: Any) -> HttpReply:
    """An HTTP reply of the function, as the platform would read it."""
    assert reply["isBase64Encoded"] is False
    assert reply["headers"]["Content-Type"] == "application/json; charset=utf-8"
    assert reply["headers"]["Cache-Control"] == "no-store"
    return HttpReply(reply["statusCode"], reply["headers"], json.loads(reply["body"]))
