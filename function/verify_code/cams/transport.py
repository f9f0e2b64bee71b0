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
        self._socket: socket.socket | None = None
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
        self._socket = sock
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
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _exchange_over_the_wire(self, exchange: Exchange, method: str, *request: Any) -> None:
        if self._socket is None or not self._is_trusted():
            self.close()
            return
        if self._clock() > exchange.latest_start:
            exchange.missed_its_turn = True
            return
        wire: Any = _Wire(self._socket, exchange, self._clock)
        connection = http.client.HTTPConnection("")
        connection.sock = wire
        connection.request(method, *request)
        answer = http.client.HTTPResponse(wire, method=method)
        answer.begin()
        # http.client takes an end among the headers for their end, and 103 for the answer.
        lengths = {length.strip() for length in answer.headers.get_all("content-length", ())}
        if wire.has_ended or answer.status < 200 or len(lengths) > 1:
            return
        says_its_length = answer.chunked or answer.length is not None
        body = answer.read(MAX_BODY_BYTES + 1)  # which counts answer.length down
        exchange.status = answer.status
        exchange.headers = {name.lower(): value for name, value in answer.headers.items()}
        is_too_large = len(body) > MAX_BODY_BYTES
        # It takes the connection's end for that of the chunks, too, and of an answer of any length.
        is_complete = says_its_length and not answer.length and not wire.has_ended
        if is_too_large or is_complete:
            exchange.body = b"" if is_too_large else body
        if is_too_large or answer.will_close:
            self.close()

    def _is_trusted(self) -> bool:
        """Not long idle, not closed by the server, and nothing waits in it unasked for."""
        if self._socket is None:
            return False
        monotonic, wall = self._idle_since  # a frozen machine may stop the monotonic clock
        if max(self._clock() - monotonic, abs(time.time() - wall)) > MAX_IDLE_SECONDS:
            return False
        try:
            # A read, since the tickets of TLS 1.3 make a sound socket readable too.
            self._socket.settimeout(0)
            self._socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except (OSError, ValueError):
            pass
        return False


class _Wire(io.RawIOBase):
    """The socket in one exchange, as http.client uses one.

    It marks what was written, and reads until the deadline, however slowly the bytes drip, and
    not without an end.
    """

    def __init__(self, sock: socket.socket, exchange: Exchange, clock: Clock) -> None:
        self._socket, self._exchange, self._clock = sock, exchange, clock
        self._bytes_left = 2 * MAX_BODY_BYTES
        self.has_ended = False

    def sendall(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self._socket.settimeout(_remaining(self._exchange.deadline, self._clock))
            count = self._socket.send(view)
            self._exchange.written = True
            self._exchange.last_byte_written_at = self._clock()
            view = view[count:]

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._socket.settimeout(_remaining(self._exchange.deadline, self._clock))
        count = self._socket.recv_into(buffer)
        self.has_ended = count == 0
        self._bytes_left -= count
        if self._bytes_left < 0:
            raise OSError("the answer doesn't end")
        return count


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
