"""The connection under the SDK: it sends one request for an attempt, and records what happened.

Only this module knows whether a byte of the request was written. That separates a call that sent
nothing from one that may have sent a code. h11 decides where an answer begins and ends.
"""

import math
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import h11

from verify_code.cams.connecting import Monotonic, connect, seconds_until, tls_context

#: A connection that was idle for longer may have died unseen while the instance was frozen.
MAX_IDLE_SECONDS = 10.0

MAX_BODY_BYTES = 256 * 1024


@dataclass
class Exchange:
    """One attempt, as far as it went. Moments are seconds of the monotonic clock."""

    deadline: float
    latest_start: float
    #: The transport was asked to send the request.
    entered: bool = False
    #: The SDK raised an error of its own.
    sdk_raised: bool = False
    missed_its_turn: bool = False
    written: bool = False
    last_byte_written_at: float = math.inf
    ended_at: float = math.inf
    status: int | None = None
    #: Names are in lower case.
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    timed_out: bool = False

    @property
    def is_whole(self) -> bool:
        """The answer was read to an end that the answer itself defines."""
        return self.body is not None


class Transport:
    """One kept-alive connection to the API, for one caller at a time.

    It sends each request at most once. It follows no redirect, which would take the security
    token along, and uses no proxy.
    """

    def __init__(self, scheme: str, host: str, port: int, clock: Monotonic) -> None:
        self._address = (host, port)
        self._clock = clock
        self._tls = tls_context() if scheme == "https" else None
        self._socket: socket.socket | None = None
        self._idle_since = (0.0, 0.0)

    def open(self, timeout_seconds: float, needed_seconds: float = 0.0) -> None:
        """Opens a connection unless one is open that stays fresh for ``needed_seconds``.

        Raises OSError if it can't.
        """
        if self._is_trusted(needed_seconds):
            return
        self.close()
        deadline = self._clock() + timeout_seconds
        self._socket = connect(self._address, self._tls, deadline, self._clock)
        self._idle_since = (self._clock(), time.time())

    def send(
        self, exchange: Exchange, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> None:
        """Sends a request and reads its answer into the exchange; does nothing a second time.

        A malformed request raises before the exchange is entered.
        """
        if exchange.entered:
            return
        http = h11.Connection(h11.CLIENT)
        request = _serialized(http, method, target, headers, body)
        exchange.entered = True
        try:
            if not self._is_trusted():
                self.close()
            elif self._clock() > exchange.latest_start:
                exchange.missed_its_turn = True
            else:
                self._write(request, exchange)
                self._read(http, exchange)
        except TimeoutError:
            exchange.timed_out = True
        except (OSError, h11.RemoteProtocolError):
            pass  # what happened stands in the exchange
        finally:
            exchange.ended_at = self._clock()
            self._keep_or_close(http, exchange)

    def close(self) -> None:
        """Closes the connection, if there is one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _write(self, request: bytes, exchange: Exchange) -> None:
        rest = memoryview(request)
        while rest:
            count = self._ready_socket(exchange).send(rest)
            exchange.written = True
            exchange.last_byte_written_at = self._clock()
            rest = rest[count:]

    def _read(self, http: h11.Connection, exchange: Exchange) -> None:
        body = bytearray()
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                data = self._ready_socket(exchange).recv(65536)
                if not data:  # an answer without a length is refused: a cut one looks the same
                    raise ConnectionError("the connection ended before the answer")
                http.receive_data(data)
            elif isinstance(event, h11.Response):
                exchange.status = event.status_code
                exchange.headers = {name.decode(): v.decode("latin-1") for name, v in event.headers}
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > MAX_BODY_BYTES:
                    raise ConnectionError("the answer is too large")
            elif isinstance(event, h11.EndOfMessage):
                exchange.body = bytes(body)
                return
            else:  # an informational answer: what follows may answer something else
                raise ConnectionError("not an answer")

    def _keep_or_close(self, http: h11.Connection, exchange: Exchange) -> None:
        # h11 is done on both sides only after a whole answer that lets the connection live.
        is_done = http.our_state is http.their_state is h11.DONE
        if is_done and not http.trailing_data[0]:
            self._idle_since = (exchange.ended_at, time.time())
        elif not exchange.missed_its_turn:
            self.close()

    def _ready_socket(self, exchange: Exchange) -> socket.socket:
        """Returns the connection, set to wait no longer than until the deadline."""
        if self._socket is None:
            raise ConnectionError("there is no connection")
        self._socket.settimeout(seconds_until(exchange.deadline, self._clock))
        return self._socket

    def _is_trusted(self, needed_seconds: float = 0.0) -> bool:
        """Tells whether it was used lately, is open, and has nothing to read."""
        if self._socket is None:
            return False
        monotonic, wall = self._idle_since  # a frozen machine may stop the monotonic clock
        idle_seconds = max(self._clock() - monotonic, abs(time.time() - wall))
        if idle_seconds + needed_seconds > MAX_IDLE_SECONDS:
            return False
        try:
            # It has to read, because the tickets of TLS 1.3 make a good socket readable too.
            self._socket.settimeout(0)
            self._socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            pass
        return False


def _serialized(
    http: h11.Connection, method: str, target: str, headers: Mapping[str, str], body: bytes
) -> bytes:
    # Nothing here decompresses an answer.
    added = {"accept-encoding": "identity", "content-length": str(len(body))}
    lines = [*headers.items(), *added.items()]
    head = http.send(h11.Request(method=method, target=target, headers=lines))
    return head + http.send(h11.Data(data=body)) + http.send(h11.EndOfMessage())
