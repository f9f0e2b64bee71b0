"""A CAMS gateway on loopback: checks signatures, and fails as it is told."""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import ssl
import struct
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from tests.sandbox.acs3 import Rejected, StsCredentials, Verifier
from tests.sandbox.cams_api import STATUS, CamsApi, Message

_SECONDS_PER_BYTE = 0.05  # of an answer that drips

Stage = Literal[
    "before_reading", "while_reading", "before_answer", "in_status_line", "in_headers", "in_body"
]
Fault = Literal["close", "reset", "hang", "drip", "bad_tls_record"]
Handshake = Literal["normal", "hang", "cut", "garbage"]


@dataclass(frozen=True)
class Behaviour:
    """What the gateway does with one call, instead of taking it as the API would.

    With a ``fault`` the answer breaks off at ``stage``. ``takes_effect`` says whether a code is
    sent, or a number registered, all the same, as when only the answer is lost. A header that is
    None isn't sent.
    """

    status: int = 200
    body: bytes | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict)
    stage: Stage = "before_answer"
    fault: Fault | None = None
    takes_effect: bool = False
    delay_seconds: float = 0.0

    @classmethod
    def says(cls, status: int, **answer: Any) -> Behaviour:
        """Answers with JSON of these keys."""
        return cls(status, json.dumps(answer).encode())


class CamsGateway(CamsApi):
    """The API behind a gateway, and the server while it is entered as a context."""

    def __init__(
        self,
        tls: ssl.SSLContext | None = None,
        on_message: Callable[[Message], None] = lambda message: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(on_message, clock)
        self.tls = tls
        self.verifier = Verifier()
        self.requests_seen = 0
        self.connections = 0
        self.handshake: Handshake = "normal"
        self.latency_seconds = (0.0, 0.0)  # between these, before an answer
        self.behaviours: deque[Behaviour] = deque()
        self.standing: Behaviour | None = None  # of every call that has no behaviour of its own
        self.open_sockets: set[socket.socket] = set()
        self.released = threading.Event()
        self._lock = threading.Lock()
        self._port = 0  # any

    @property
    def endpoint(self) -> str:
        """What CAMS_ENDPOINT must be."""
        return f"127.0.0.1:{self._port}" if self.tls else f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> CamsGateway:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self.stop()

    def start(self) -> None:
        """Takes connections, after a stop at the same address."""
        self._server = _Server(("127.0.0.1", self._port), _Handler)
        self._server.gateway = self
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True).start()

    def stop(self) -> None:
        """Ends the connections that are open, and refuses new ones."""
        self._server.shutdown()
        self._server.server_close()
        for each in list(self.open_sockets):
            with contextlib.suppress(OSError):  # it ended by itself
                each.shutdown(socket.SHUT_RDWR)

    def accept(self, *credentials: StsCredentials) -> None:
        """Makes these the valid credentials, and no others."""
        self.verifier.credentials = {each.access_key_id: each for each in credentials}

    def will(self, *behaviours: Behaviour) -> None:
        """Behaves so at the next calls, one after the other."""
        self.behaviours.extend(behaviours)

    def next_behaviour(self) -> Behaviour | None:
        """The behaviour for a call that is arriving."""
        with self._lock:
            self.requests_seen += 1
            return self.behaviours.popleft() if self.behaviours else self.standing


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    gateway: CamsGateway

    def shutdown_request(self, request: Any) -> None:
        request.close()  # without the shutdown that would turn a reset into an end

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that goes away, or a fault that was asked for


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 60

    def setup(self) -> None:
        gateway = self.server.gateway
        gateway.connections += 1
        if gateway.handshake == "hang":
            gateway.released.wait(60)
        if gateway.handshake == "garbage":
            self.request.recv(1024)
            self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        if gateway.handshake != "normal":
            _reset_on_close(self.request)
            raise ConnectionError("the handshake failed, as it should")
        if gateway.tls:
            self.request = gateway.tls.wrap_socket(self.request, server_side=True)
        gateway.open_sockets.add(self.request)
        super().setup()

    def finish(self) -> None:
        self.server.gateway.open_sockets.discard(self.request)
        super().finish()
        self.connection.close()

    def handle_one_request(self) -> None:
        self.close_connection = True
        if not self.rfile.peek(1):  # type: ignore[attr-defined]
            return
        gateway = self.server.gateway
        behaviour = gateway.next_behaviour()
        if behaviour and behaviour.stage == "before_reading":
            return self._break_off(behaviour)
        self.raw_requestline = self.rfile.readline(65537)
        if behaviour and behaviour.stage == "while_reading":
            return self._break_off(behaviour)
        if not self.parse_request():
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        action, version = (headers.get(f"x-acs-{name}", "") for name in ("action", "version"))
        try:
            now = datetime.now(timezone.utc)
            query = gateway.verifier.verify(self.command, self.path, headers, body, now)
            gateway.check(action, version, query)
        except Rejected as rejected:
            return self._answer(_refusal(rejected))
        told = behaviour or Behaviour(takes_effect=True)
        return self._answer(_performed(gateway, told, action, query))

    def _answer(self, behaviour: Behaviour) -> None:
        latency_seconds = random.uniform(*self.server.gateway.latency_seconds)
        time.sleep(behaviour.delay_seconds + latency_seconds)
        if behaviour.fault and behaviour.stage == "before_answer":
            return self._break_off(behaviour)
        body = behaviour.body or b""
        headers = {
            "Content-Type": "application/json;charset=utf-8",
            "Content-Length": str(len(body)),
            **behaviour.headers,
        }
        status_line = f"HTTP/1.1 {behaviour.status} Sandbox\r\n".encode()
        lines = [f"{name}: {value}\r\n" for name, value in headers.items() if value is not None]
        head = "".join(lines).encode() + b"\r\n"
        answer = status_line + head + body
        if behaviour.fault:
            length = {
                "in_status_line": len(status_line) // 2,
                "in_headers": len(status_line) + len(head) // 2,
                "in_body": len(status_line) + len(head) + len(body) // 2,
            }[behaviour.stage]
            self.connection.sendall(answer[:length])
            return self._break_off(behaviour, answer[length:])
        self.close_connection = headers.get("Connection") == "close"
        self.connection.sendall(answer)
        return None

    def _break_off(self, behaviour: Behaviour, rest: bytes = b"") -> None:
        self.close_connection = True
        if behaviour.fault == "hang":
            self.server.gateway.released.wait(60)
        elif behaviour.fault == "drip":
            for byte in rest:
                self.connection.sendall(bytes([byte]))
                if self.server.gateway.released.wait(_SECONDS_PER_BYTE):
                    break
        elif behaviour.fault == "bad_tls_record":
            # Past the TLS layer, in clear.
            os.write(self.connection.fileno(), b"\x17\x03\x03\x00\x20" + bytes(32))
        elif behaviour.fault == "reset":
            _reset_on_close(self.connection)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


def _performed(
    gateway: CamsGateway, told: Behaviour, action: str, query: Mapping[str, str]
) -> Behaviour:
    """What it is told to do, with the API's own answer unless it is told another."""
    try:
        added = gateway.perform(action, query) if told.takes_effect or action == STATUS else {}
    except Rejected as rejected:
        own = _refusal(rejected)
    else:
        taken = {"Code": "OK", "Message": "OK", "RequestId": _uuid(), "Success": True, **added}
        own = Behaviour.says(told.status, AccessDeniedDetail="None", **taken)
    return told if told.body is not None else replace(told, status=own.status, body=own.body)


def _refusal(rejected: Rejected) -> Behaviour:
    answer = {"Code": rejected.code, "Message": rejected.message, "HostId": "sandbox"}
    return Behaviour.says(rejected.status, RequestId=_uuid(), **answer)


def _uuid() -> str:
    return str(uuid.uuid4()).upper()


def _reset_on_close(sock: socket.socket) -> None:
    """Makes the next close a TCP reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
