"""The function in this process, set up against a gateway, with the sleeping turned."""

from __future__ import annotations

import contextlib
import json
import os
import time
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from tests.sandbox.cams_gateway import CamsGateway
from tests.sandbox.function_compute import new_credentials
from tests.sandbox.http_event import http_event
from tests.support.faulty_transport import FaultyTransport
from verify_code.app import App
from verify_code.clock import Clock
from verify_code.events.event_source import CodeNotSentError
from verify_code.invocation import timeout_seconds
from verify_code.settings import SettingsError, load
from verify_code.store.memory import MemoryStore
from verify_code.store.redis import RedisStore

NUMBER = "+8613800001234"

#: Settings for tests that aren't about rate limits; those that aren't about pacing add the others.
WITHOUT_LIMITS = {
    "SEND_LIMITS_PER_NUMBER": "99999/second",
    "SEND_LIMITS_TOTAL": "99999/second",
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
        self.store: MemoryStore | RedisStore | None = None
        self.transport = FaultyTransport("http", "127.0.0.1", 9, self.clock)
        self._app: App | None = None
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

    def close(self) -> None:
        """Closes the connections that an instance keeps for as long as it lives."""
        if self._app:
            self._app.close()
        self._app = None

    @property
    def app(self) -> App:
        """The application that the environment sets up now; a new one after `set`."""
        if self._app is None:
            self._app = self.start()
        return self._app

    def start(self, imported_at: float = -1e9) -> App:
        """A new application, by default in a process that is no cold start."""
        clock = Clock(self.clock, self.sleep, lambda: self.now or time.time(), imported_at)
        context = self._context("")
        with contextlib.suppress(SettingsError):
            endpoint = load(os.environ, timeout_seconds(context)).cams_endpoint
            self.transport = FaultyTransport(*endpoint, self.clock)
        given = {"store": self.store, "transport": self.transport, "clock": clock}
        return App.from_environment(os.environ, context, **given)

    def clock(self) -> float:
        return time.monotonic() + self.turned_seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.turned_seconds += seconds

    def close_before_the_next_call(self) -> None:
        """Lets the connection break between its turn and its call."""
        self.transport.losses_before_sending = 1

    @property
    def context(self) -> Any:
        self.invocations += 1
        return self._context(f"invocation-{self.invocations}")

    def _context(self, request_id: str) -> Any:
        return SimpleNamespace(
            request_id=request_id,
            function=SimpleNamespace(timeout=self.timeout_seconds),
            credentials=SimpleNamespace(**vars(self.credentials)),
        )

    def initialize(self) -> None:
        self.app.initialize()

    def ask(self, **fields: Any) -> dict[str, Any]:
        """Asks by a direct invocation."""
        result: dict[str, Any] = self.handle({"phone_number": NUMBER, **fields})
        return result

    def handle(self, event: Any) -> Any:
        """What the handler returns; the event is JSON unless it is bytes."""
        return self.app.handle(as_bytes(event), self.context)

    def deliver(self, event: Any) -> tuple[Any, bool]:
        """As an event source does: the answer, and was it raised, to be delivered again?"""
        try:
            return self.handle(event), False
        except CodeNotSentError as raised:
            return json.loads(str(raised)), True

    def raised(self, event: Any) -> dict[str, Any]:
        """What the handler raises: a result, or the counts and the results of a batch."""
        answer, is_raised = self.deliver(event)
        assert is_raised, answer
        content: dict[str, Any] = answer
        return content

    def post(
        self,
        body: Any = None,
        method: str = "POST",
        headers: dict[str, str] | None = None,
        path: str = "/",
    ) -> HttpReply:
        """Asks over HTTP; the body is JSON unless it is bytes."""
        sent = {"Content-Type": "application/json"} if headers is None else headers
        body = {"phone_number": NUMBER} if body is None else body
        event = http_event(method, path, sent.items(), as_bytes(body), "http-1")
        return read_reply(self.handle(event))


def read_reply(reply: Any) -> HttpReply:
    """An HTTP reply of the function, as the platform would read it."""
    assert reply["isBase64Encoded"] is False
    assert reply["headers"]["Content-Type"] == "application/json; charset=utf-8"
    assert reply["headers"]["Cache-Control"] == "no-store"
    return HttpReply(reply["statusCode"], reply["headers"], json.loads(reply["body"]))


def as_bytes(content: Any) -> bytes:
    return content if isinstance(content, bytes) else json.dumps(content).encode()


def log_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What the function has written to its log since this was last asked."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]
