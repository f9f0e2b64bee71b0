"""A stand-in of Alibaba Cloud's control plane on loopback, as far as a deployment asks it.

It speaks TLS under every host name, checks the signatures of the Function Compute API, keeps what
it is told, and runs the deployed functions from the zips that were uploaded.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import trustme

from tests.deployment.deployed import DeployedFunctions
from tests.sandbox.acs3 import Rejected, StsCredentials, Verifier

ACCOUNT = "1234567890123456"
REGION = "ap-southeast-1"
CREDENTIALS = StsCredentials("STS.deployer", "deployers-secret", "deployers-token")

#: What `s` reports to, and asks for news of itself: it goes on without an answer.
_REPORTS = ("api.devsapp.cn", "serverless-devs3-metrics.cn-hangzhou.log.aliyuncs.com")
_TLS_HANDSHAKE = b"\x16"
_API = "/2023-03-30"
_HOSTS = (
    *("*.aliyuncs.com", f"*.{REGION}.aliyuncs.com", f"*.{REGION}.fc.aliyuncs.com"),
    *("*.oss-accelerate.aliyuncs.com", f"*.{REGION}.fcapp.run", "*.devsapp.cn"),
    "*.cn-hangzhou.log.aliyuncs.com",
)


class Request(NamedTuple):
    """One request that reached the control plane."""

    method: str
    host: str
    path: str
    body: Any


class Answer(NamedTuple):
    status: int
    body: Any = None


@dataclass
class Failure:
    """What the control plane answers to the next requests that match."""

    pattern: str
    code: str
    status: int = 400


@dataclass
class State:
    """What was deployed: all that a second deployment may or may not change."""

    functions: dict[str, dict[str, Any]] = field(default_factory=dict)
    code: dict[str, bytes] = field(default_factory=dict)
    triggers: dict[str, dict[str, Any]] = field(default_factory=dict)
    asynchronous: dict[str, dict[str, Any]] = field(default_factory=dict)
    caps: dict[str, int] = field(default_factory=dict)
    layers: dict[str, list[bytes]] = field(default_factory=dict)
    service_linked_roles: set[str] = field(default_factory=set)


class ControlPlane:
    """The stand-in, and its server while it is entered as a context."""

    def __init__(self, folder: Path) -> None:
        self.state = State()
        self.requests: list[Request] = []
        self.failures: list[Failure] = []
        self.unexpected: list[str] = []
        self.deployed = DeployedFunctions(self.state, folder)
        self.verifier = Verifier({CREDENTIALS.access_key_id: CREDENTIALS})
        self._uploads: dict[str, bytes] = {}
        self._lock = threading.Lock()
        authority = trustme.CA()
        self.authority_file = folder / "authority.pem"
        authority.cert_pem.write_to_path(str(self.authority_file))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*_HOSTS).configure_cert(context)
        self._server = _Server(("127.0.0.1", 0), _Front)
        self._server.plane, self._server.tls = self, context

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> ControlPlane:
        threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.deployed.stop()

    @contextlib.contextmanager
    def recording(self) -> Iterator[list[Request]]:
        """The requests of the block that change something, in their order."""
        begin = len(self.requests)
        changes: list[Request] = []
        yield changes
        changes += [each for each in self.requests[begin:] if each.method != "GET"]

    def answer(self, request: Request, target: str, headers: dict[str, str], raw: bytes) -> Answer:
        """What the control plane says to one request."""
        host, path = request.host, request.path
        with self._lock:
            if host.endswith(".fcapp.run"):
                return self.deployed.over_http(host, request.method, target, headers, raw)
            if host in _REPORTS:
                return _error(404, "NotFound")
            self.requests.append(request)
            for failure in self.failures:
                if re.search(failure.pattern, f"{request.method} {path}"):
                    self.failures.remove(failure)
                    return _error(failure.status, failure.code)
            if ".oss-accelerate." in host and request.method == "PUT":
                self._uploads[path.lstrip("/")] = raw
                return Answer(200)
            if path.endswith("/tempBucketToken"):
                return self._bucket_token()
            if host.endswith(".aliyuncs.com"):
                try:
                    now = datetime.now(timezone.utc)
                    self.verifier.verify(request.method, target, headers, raw, now)
                except Rejected as rejected:
                    return _error(rejected.status, rejected.code)
            if host.startswith("resourcemanager."):
                return self._service_linked_role(headers["x-acs-action"], target, raw)
            if path.startswith(_API):
                return self._function_compute(request)
            self.unexpected.append(f"{request.method} https://{host}{path}")
            return _error(404, "NotFound")

    def _bucket_token(self) -> Answer:
        keys = {"AccessKeyId": "upload", "AccessKeySecret": "upload", "SecurityToken": "upload"}
        name = f"object-{uuid.uuid4().hex}"
        return Answer(200, {"credentials": keys, "ossBucket": "uploads", "objectName": name})

    def _service_linked_role(self, action: str, target: str, raw: bytes) -> Answer:
        found = re.search(r"ServiceName=([\w.-]+)", target + "&" + raw.decode())
        assert found, target
        if action == "CheckServiceLinkedRoleExistence":
            exists = found[1] in self.state.service_linked_roles
            return Answer(200, {"Exists": exists, "exists": exists})
        self.state.service_linked_roles.add(found[1])
        return Answer(200, {"Role": {}})

    def _function_compute(self, request: Request) -> Answer:
        parts = request.path.removeprefix(_API).strip("/").split("/")
        method, body, state = request.method, request.body, self.state
        match [method, *parts]:
            case ["POST", "functions"]:
                return self._put_function(body["functionName"], body)
            case ["PUT", "functions", name]:
                return self._put_function(name, body)
            case ["POST", "functions", name, "invocations"] if name in state.functions:
                return Answer(200, self.deployed.invoke(name, json.dumps(body or {}).encode()))
            case ["DELETE", "functions", name]:
                if any(key.startswith(f"{name}/") for key in state.triggers):
                    return _error(409, "FunctionHasTriggers")
                return _removed(state.functions, name, "FunctionNotFound")
            case ["GET", "functions", name]:
                return _found(state.functions, name, "FunctionNotFound")
            case ["GET", "functions", name, "triggers"]:
                mine = [each for key, each in state.triggers.items() if key.startswith(f"{name}/")]
                return Answer(200, {"triggers": mine})
            case ["POST", "functions", name, "triggers"]:
                return self._put_trigger(name, body["triggerName"], body)
            case ["PUT", "functions", name, "triggers", trigger]:
                return self._put_trigger(name, trigger, body)
            case ["DELETE", "functions", name, "triggers", trigger]:
                return _removed(state.triggers, f"{name}/{trigger}", "TriggerNotFound")
            case ["GET", "functions", name, "triggers", trigger]:
                return _found(state.triggers, f"{name}/{trigger}", "TriggerNotFound")
            case ["PUT", "functions", name, "async-invoke-config"]:
                state.asynchronous[name] = body
                return Answer(200, body)
            case ["DELETE", "functions", name, "async-invoke-config"]:
                return _removed(state.asynchronous, name, "AsyncConfigNotExists")
            case ["GET", "functions", name, "async-invoke-config"]:
                return _found(state.asynchronous, name, "AsyncConfigNotExists")
            case ["GET", "functions", name, "async-invoke-configs"]:
                mine = [state.asynchronous[name]] if name in state.asynchronous else []
                return Answer(200, {"configs": mine})
            case ["PUT", "functions", name, "concurrency"] if name in state.functions:
                state.caps[name] = body["reservedConcurrency"]
                return Answer(200, body)
            case ["DELETE", "functions", name, "concurrency"]:
                return _removed(state.caps, name, "ConcurrencyConfigNotExist")
            case ["GET", "functions", name, "concurrency"] if name in state.caps:
                return Answer(200, {"reservedConcurrency": state.caps[name]})
            case ["GET", "functions", _, "vpc-bindings"]:
                return Answer(200, {"vpcIds": []})
            case ["GET", "functions", _, "versions"]:
                return Answer(200, {"versions": []})
            case ["GET", "functions", _, "aliases"]:
                return Answer(200, {"aliases": []})
            case ["POST", "layers", name, "versions"]:
                return self._publish_layer(name, body)
            case ["GET", "layers", name, "versions"]:
                versions = [self._layer(name, number) for number in self._versions(name)]
                return Answer(200, {"layers": versions})
            case ["DELETE", "layers", name, "versions", number]:
                state.layers[name][int(number) - 1] = b""
                return Answer(204)
        return _error(404, "NotFound")

    def _put_function(self, name: str, body: dict[str, Any]) -> Answer:
        given = {key: value for key, value in body.items() if key != "code"}
        known = self.state.functions.get(name, {})
        code = body.get("code")
        if code:
            self.state.code[name] = self._uploads[code["ossObjectName"]]
        self.state.functions[name] = (
            known
            | given
            | {
                "functionName": name,
                "functionArn": f"acs:fc:{REGION}:{ACCOUNT}:functions/{name}",
                "layers": [{"arn": each, "size": 1} for each in given.get("layers", [])],
                "codeChecksum": str(crc64(self.state.code[name])),
                "lastModifiedTime": known.get("lastModifiedTime", _now()),
                "state": "Active",
            }
        )
        return Answer(200, self.state.functions[name])

    def _put_trigger(self, function: str, name: str, body: dict[str, Any]) -> Answer:
        if function not in self.state.functions:
            return _error(404, "FunctionNotFound")
        host = f"{function}-abcdefghij.{REGION}.fcapp.run"
        known = self.state.triggers.get(f"{function}/{name}", {})
        self.state.triggers[f"{function}/{name}"] = (
            known
            | body
            | {
                "triggerName": name,
                "triggerId": "1",
                "httpTrigger": {"urlInternet": f"https://{host}", "urlIntranet": "https://x"},
            }
        )
        return Answer(200, self.state.triggers[f"{function}/{name}"])

    def _publish_layer(self, name: str, body: dict[str, Any]) -> Answer:
        versions = self.state.layers.setdefault(name, [])
        versions.append(self._uploads[body["code"]["ossObjectName"]])
        return Answer(200, self._layer(name, len(versions)))

    def _versions(self, name: str) -> list[int]:
        versions = self.state.layers.get(name, [])
        return [number for number in range(len(versions), 0, -1) if versions[number - 1]]

    def _layer(self, name: str, number: int) -> dict[str, Any]:
        return {
            "layerName": name,
            "version": number,
            "codeChecksum": str(crc64(self.state.layers[name][number - 1])),
            "layerVersionArn": f"acs:fc:{REGION}:{ACCOUNT}:layers/{name}/versions/{number}",
        }


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _error(status: int, code: str) -> Answer:
    return Answer(status, {"Code": code, "Message": f"{code}: said by the stand-in"})


def _found(kept: dict[str, Any], key: str, code: str) -> Answer:
    return Answer(200, kept[key]) if key in kept else _error(404, code)


def _removed(kept: dict[str, Any], key: str, code: str) -> Answer:
    return Answer(204) if kept.pop(key, None) is not None else _error(404, code)


def _crc64_table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (0xC96C5795D7870F42 if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _crc64_table()
_KNOWN: dict[int, int] = {}


def crc64(content: bytes) -> int:
    """The CRC-64/XZ that Function Compute gives of code ("GetFunction", codeChecksum)."""
    key = hash(content)
    if key not in _KNOWN:
        value = 0xFFFFFFFFFFFFFFFF
        for byte in content:
            value = _TABLE[(value ^ byte) & 0xFF] ^ (value >> 8)
        _KNOWN[key] = value ^ 0xFFFFFFFFFFFFFFFF
    return _KNOWN[key]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    plane: ControlPlane
    tls: ssl.SSLContext


class _Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # a client that goes away
            if self.connection.recv(1, socket.MSG_PEEK) == _TLS_HANDSHAKE:
                self._start_tls()
            super().handle()

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()
        self.connection.close()

    def _start_tls(self) -> None:
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)

    def do_CONNECT(self) -> None:
        """As an HTTPS proxy, for programs that aren't redirected otherwise."""
        self.send_response_only(200)
        self.end_headers()
        self._start_tls()
        self.close_connection = False

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            raw = b"".join(self._chunks())
        try:
            body = json.loads(raw or b"null")
        except ValueError:
            body = None
        host = self.headers.get("Host", "").partition(":")[0]
        request = Request(self.command, host, urlsplit(self.path).path, body)
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.plane.answer(request, self.path, headers, raw)
        content = answer.body
        if not isinstance(content, bytes):
            content = b"" if content is None else json.dumps(content).encode()
        self.send_response_only(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Fc-Request-Id", "1-request")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _chunks(self) -> Iterator[bytes]:
        while length := int(self.rfile.readline().partition(b";")[0], 16):
            yield self.rfile.read(length)
            self.rfile.readline()
        self.rfile.readline()

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve

    def log_message(self, *_: object) -> None:
        pass
