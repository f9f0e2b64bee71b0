"""The wire under the SDK: one connection, one request an attempt, and what became of it.

Only here is it known whether a byte of the request was written, and only that tells a call that
surely sent nothing from one that may have: the exception classes above lie both ways.
"""

from __future__ import annotations

import http.client
import io
import math
import os
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import certifi

#: Idle for longer, a connection may have died unseen while the instance was frozen.
MAX_IDLE_SECONDS = 10.0

MAX_BODY_BYTES = 256 * 1024

Clock = Callable[[], float]


@dataclass
class Exchange:
    """One attempt at the wire, as far as it went. Moments are seconds of the monotonic clock."""

    deadline: float
    latest_start: float
    entered: bool = False
    missed_its_turn: bool = False
    written: bool = False
    last_byte_written_at: float = math.inf
    ended_at: float = math.inf
    status: int | None = None
    #: Names in lower case.
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    timed_out: bool = False

    @property
    def is_whole(self) -> bool:
        return self.body is not None


class Transport:
    """One kept-alive connection to the API, for one caller at a time.

    It sends each request at most once, follows no redirect (which would carry the security token
    along), and uses no proxy.
    """

    def __init__(self, scheme: str, host: str, port: int, clock: Clock) -> None:
        self._address = (host, port)
        self._clock = clock
        self._tls = _tls_context() if scheme == "https" else None
        self._connection: _Connection | None = None
        self._idle_since = (0.0, 0.0)

    def open(self, timeout_seconds: float) -> None:
        """Makes sure that there is a connection to trust a call with; raises OSError if not."""
        if self._is_trusted():
            return
        self.close()
        deadline = self._clock() + timeout_seconds
        sock = _connect(self._address, deadline, self._clock)
        try:
            if self._tls is not None:
                sock.settimeout(_remaining(deadline, self._clock))
                # By default a missing handshake and an answer that was cut off pass for sound.
                sock = self._tls.wrap_socket(
                    sock,
                    server_hostname=self._address[0],
                    do_handshake_on_connect=False,
                    suppress_ragged_eofs=False,
                )
                sock.do_handshake()
        except BaseException:
            sock.close()
            raise
        self._connection = _Connection(sock, self._clock)
        self._idle_since = (self._clock(), time.time())

    def send(
        self, exchange: Exchange, method: str, target: str, headers: Mapping[str, str], body: Any
    ) -> None:
        """Sends a request, unless the exchange was used before, and writes into it what came."""
        if exchange.entered:
            return
        exchange.entered = True
        try:
            self._exchange_over_the_wire(exchange, method, target, body, headers)
        except TimeoutError:
            exchange.timed_out = True
        except (OSError, http.client.HTTPException, ValueError):
            pass
        finally:
            exchange.ended_at = self._clock()
            self._idle_since = (exchange.ended_at, time.time())
            if exchange.written and not exchange.is_whole:
                self.close()

    def close(self) -> None:
        """Closes the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange_over_the_wire(self, exchange: Exchange, *request: Any) -> None:
        connection = self._connection
        if connection is None or not self._is_trusted():
            return
        if self._clock() > exchange.latest_start:
            exchange.missed_its_turn = True
            return
        connection.exchange = exchange
        connection.request(*request)
        answer = connection.getresponse()
        # http.client takes an end among the headers for their end, and 103 for the answer.
        if answer.reader.has_ended or answer.status < 200:
            return
        body = answer.read(MAX_BODY_BYTES + 1)
        exchange.status = answer.status
        exchange.headers = {name.lower(): value for name, value in answer.headers.items()}
        is_too_large = len(body) > MAX_BODY_BYTES
        if is_too_large or not answer.length:
            exchange.body = b"" if is_too_large else body
        if is_too_large or answer.will_close:
            self.close()

    def _is_trusted(self) -> bool:
        if self._connection is None or self._connection.sock is None:
            return False
        monotonic, wall = self._idle_since  # a frozen machine may stop the monotonic clock
        idle_seconds = max(self._clock() - monotonic, abs(time.time() - wall))
        return idle_seconds <= MAX_IDLE_SECONDS and self._connection.is_silent()


class _Connection(http.client.HTTPConnection):
    """An open connection that marks what was written, and reads no longer than it may."""

    auto_open = 0  # a call never opens a connection: that must be done before its turn
    exchange: Exchange

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        super().__init__("")
        self.sock = sock
        self._clock = clock

    def is_silent(self) -> bool:
        """Neither closed by the server nor sent anything that wasn't asked for."""
        try:
            # A read, since the tickets of TLS 1.3 make a sound socket readable too.
            self.sock.settimeout(0)
            self.sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except (OSError, ValueError):
            pass
        return False

    def send(self, data: Any) -> None:
        view = memoryview(data)
        while view:
            self.sock.settimeout(_remaining(self.exchange.deadline, self._clock))
            count = self.sock.send(view)
            self.exchange.written = True
            self.exchange.last_byte_written_at = self._clock()
            view = view[count:]

    def getresponse(self) -> _Response:
        deadline = self.exchange.deadline
        self.response_class = partial(_Response, deadline, self._clock)  # type: ignore[assignment]
        return super().getresponse()  # type: ignore[return-value]


class _Response(http.client.HTTPResponse):
    def __init__(
        self, deadline: float, clock: Clock, sock: socket.socket, *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(sock, *args, **kwargs)
        self.reader = _DeadlineReader(self.fp.detach(), sock, deadline, clock)
        self.fp = io.BufferedReader(self.reader)


class _DeadlineReader(io.RawIOBase):
    """Reads a socket until a deadline, however slowly the bytes drip, and not without an end."""

    def __init__(
        self, raw: io.RawIOBase, sock: socket.socket, deadline: float, clock: Clock
    ) -> None:
        self._raw, self._sock, self._deadline, self._clock = raw, sock, deadline, clock
        self.has_ended = False
        self._bytes_left = 2 * MAX_BODY_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_remaining(self._deadline, self._clock))
        count = self._raw.readinto(buffer)
        self.has_ended = count == 0
        self._bytes_left -= count or 0
        if self._bytes_left < 0:
            raise OSError("the answer doesn't end")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


def _remaining(deadline: float, clock: Clock) -> float:
    seconds = deadline - clock()
    if seconds <= 0:
        raise TimeoutError("the deadline has passed")
    return seconds


def _connect(address: tuple[str, int], deadline: float, clock: Clock) -> socket.socket:
    # socket.create_connection gives every address the whole time-out; here they share it.
    failure: OSError = OSError("the name has no address")
    candidates = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
    for left, (family, kind, protocol, _, target) in zip(
        range(len(candidates), 0, -1), candidates, strict=True
    ):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(_remaining(deadline, clock) / left)
            sock.connect(target)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


def _tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certifi.where())
    if "SSL_CERT_FILE" in os.environ:  # else the system's, too, would take as long again to read
        context.load_default_certs()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context
