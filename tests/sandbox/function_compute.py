"""A Function Compute on loopback: instances are processes, each with one request at a time."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from tests.sandbox.acs3 import StsCredentials
from tests.sandbox.delivery import AsynchronousInvocations
from tests.sandbox.front import INVOCATIONS, Front, Server
from tests.sandbox.invoked import Invoked, ResourceExhausted

if TYPE_CHECKING:
    from tests.sandbox.console import Console

ROOT = Path(__file__).parents[2]

#: What an instance runs: this checkout, or what `make test-layers` has built and unpacked.
CODE = Path(os.environ.get("CODE_DIRECTORY", ROOT / "function"))
LAYER = Path(os.environ.get("LAYER_DIRECTORY", sysconfig.get_path("purelib")))


class FunctionCompute:
    """The platform with one function, and its server while it is entered as a context."""

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        code_directory: Path = CODE,
        layer_directory: Path = LAYER,
        runtime: str = "python3.12" if sys.version_info >= (3, 12) else "python3.10",
        handler: str = "index.handler",
        initializer: str | None = "index.initialize",
        reserved_concurrency: int = 9,
        timeout_seconds: int = 20,
        port: int = 0,
        on_log: Callable[[str], None] | None = None,
    ) -> None:
        self.environment = dict(environment)
        self.handler = handler
        self.initializer = initializer
        self.reserved_concurrency = reserved_concurrency
        self.timeout_seconds = timeout_seconds
        self.log_lines: list[str] = []
        self.credentials = new_credentials()
        self.configuration = {
            "path": [str(code_directory), str(layer_directory)],
            "runtime": runtime,
            "timeout_seconds": timeout_seconds,
        }
        self.asynchronous = AsynchronousInvocations(self)
        self.console: Console | None = None
        self.instances: list[_Instance] = []
        self._idle: list[_Instance] = []
        self._lock = threading.Lock()
        self.on_log = on_log
        self._server = Server(("127.0.0.1", port), Front)
        self._server.platform = self

    @property
    def url(self) -> str:
        """The HTTP trigger's address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def invocations_url(self) -> str:
        """The address of InvokeFunction."""
        return self.url + INVOCATIONS

    def __enter__(self) -> FunctionCompute:
        threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        for instance in self.instances:
            instance.stop()

    def rotate_credentials(self) -> StsCredentials:
        """Gives the role new credentials, which the next invocation gets."""
        self.credentials = new_credentials()
        return self.credentials

    def invoke(self, event: bytes, request_id: str) -> Invoked:
        """Runs the function once, on an idle instance or a new one."""
        instance = self._take()
        try:
            if not instance.is_initialized and self.initializer:
                initialized = instance.call(self.initializer, None, request_id)
                if initialized.error_type:
                    instance.stop()
                    return initialized._replace(error_type="InitializationError")
            instance.is_initialized = True
            return instance.call(self.handler, event, request_id)
        finally:
            with self._lock:
                if instance.is_alive:
                    instance.ended_at = time.monotonic()
                    self._idle.append(instance)
                elif instance in self.instances:
                    self.instances.remove(instance)

    def _take(self) -> _Instance:
        with self._lock:
            while self._idle:
                instance = self._idle.pop()
                if instance.is_alive:
                    instance.ended_at = None
                    return instance
                instance.stop()
                self.instances.remove(instance)
            if len(self.instances) >= self.reserved_concurrency:
                raise ResourceExhausted
            instance = _Instance(self)
            self.instances.append(instance)
            return instance


class _Instance:
    def __init__(self, platform: FunctionCompute) -> None:
        self.is_initialized = False
        self.ended_at: float | None = None  # of its last invocation, unless it is busy
        self._platform = platform
        ours, theirs = socket.socketpair()
        with theirs:
            runtime = str(Path(__file__).with_name("instance_process.py"))
            self.process = subprocess.Popen(
                # -S: nothing but the code, the layers and the standard library
                [sys.executable, "-S", "-E", runtime, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={"PATH": "/usr/bin:/bin", **platform.environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self._stopping = threading.Lock()
        self._connection = Connection(ours.detach())
        self._connection.send(platform.configuration)
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def call(self, handler: str, event: bytes | None, request_id: str) -> Invoked:
        call = {
            "handler": handler,
            "event": event,
            "request_id": request_id,
            "credentials": vars(self._platform.credentials),
        }
        try:
            self._connection.send(call)
            if self._connection.poll(self._platform.timeout_seconds):
                return Invoked(*self._connection.recv())
            error_type = "FunctionTimedOut"
        except (EOFError, OSError):
            error_type = "ProcessExited"
        self.stop()
        return Invoked(json.dumps({"errorMessage": error_type}).encode(), error_type)

    def state(self, now: float, rest_seconds: float) -> str:
        """Busy with an invocation, resting since its last one, or free."""
        if self.ended_at is None:
            return "busy"
        return "resting" if now - self.ended_at < rest_seconds else "free"

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        with self._stopping:  # the platform may end while a call finds that its instance has
            self.process.kill()
            self.process.wait()
            self._reader.join(5)
            self._connection.close()
            if self.process.stdout:
                self.process.stdout.close()

    def _read_log(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._platform.log_lines.append(line.rstrip("\n"))
            if self._platform.on_log:
                self._platform.on_log(line.rstrip("\n"))


def new_credentials() -> StsCredentials:
    """Credentials as a role gets them for a while."""
    return StsCredentials(
        f"STS.{secrets.token_hex(12)}", secrets.token_hex(16), secrets.token_urlsafe(64)
    )
