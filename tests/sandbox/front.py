"""The addresses of a Function Compute on loopback: the HTTP trigger, and InvokeFunction."""

from __future__ import annotations

import json
import sys
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from tests.sandbox.http_event import HttpAnswer, http_answer, http_event
from tests.sandbox.invoked import Invoked, ResourceExhausted

if TYPE_CHECKING:
    from tests.sandbox.function_compute import FunctionCompute

INVOCATIONS = "/2023-03-30/functions/chatapp-verify-code/invocations"

#: The names of this machine for itself.
_OURSELVES = ("127.0.0.1", "localhost", "[::1]")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    platform: FunctionCompute

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client that went away
            super().handle_error(request, client_address)


class Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def _serve(self) -> None:
        answer = self._answer(self.server.platform, f"1-{uuid.uuid4()}")
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _answer(self, platform: FunctionCompute, request_id: str) -> HttpAnswer:
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal() or "Transfer-Encoding" in self.headers:
            return _error(400, "InvalidArgument", "Send a Content-Length.")
        event = body = self.rfile.read(int(length))
        if self._is_foreign():
            text = f"Ask the sandbox as {platform.url}, and not from the page of another site."
            return _error(403, "Forbidden", text)
        accepted = self.headers.get("Accept", "")
        if platform.console and (
            page := platform.console.answer(self.command, self.path, accepted, body)
        ):
            return page
        if self.path != INVOCATIONS:
            event = http_event(self.command, self.path, self.headers.items(), body, request_id)
        if self.headers.get("X-Fc-Invocation-Type", "").lower() == "async":
            platform.asynchronous.accept(event, request_id)
            return HttpAnswer(202, {"X-Fc-Async-Task-Id": request_id}, b"")
        try:
            return self._reply(platform.invoke(event, request_id), request_id)
        except ResourceExhausted:
            return _error(429, "ResourceExhausted", "Too many instances.")

    def _is_foreign(self) -> bool:
        """Did another site's page ask, or one by a name that its owner lets point here?"""
        port = self.server.server_address[1]
        host, *more = self.headers.get_all("Host", [""])
        ours = (f"{name}:{port}" for name in _OURSELVES)
        origins = self.headers.get_all("Origin", [])
        return bool(more) or host not in ours or any(f"http://{host}" != each for each in origins)

    def _reply(self, invoked: Invoked, request_id: str) -> HttpAnswer:
        if self.path == INVOCATIONS:
            headers = {"X-Fc-Error-Type": invoked.error_type} if invoked.error_type else {}
            return HttpAnswer(200, headers, invoked.answer)
        if invoked.error_type:
            return HttpAnswer(502, {"X-Fc-Request-Id": request_id}, b"Internal Server Error")
        return http_answer(invoked.answer, request_id)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("do_"):
            raise AttributeError(name)
        return self._serve  # whatever the method


def _error(status: int, code: str, message: str) -> HttpAnswer:
    headers = {"Content-Type": "application/json"}
    return HttpAnswer(status, headers, json.dumps({"Code": code, "Message": message}).encode())
