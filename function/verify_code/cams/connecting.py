"""How a connection to the API is made: name, TCP and TLS, within one time-out."""

import os
import socket
import ssl
from collections.abc import Callable

import certifi

Monotonic = Callable[[], float]


def connect(
    address: tuple[str, int], tls: ssl.SSLContext | None, deadline: float, clock: Monotonic
) -> socket.socket:
    """Returns a connection, after the TLS handshake if there is one; raises OSError if it can't."""
    sock = _connect_tcp(address, deadline, clock)
    if tls is None:
        return sock
    try:
        sock.settimeout(seconds_until(deadline, clock))
        # The defaults would accept a handshake or an answer that was cut off.
        sock = tls.wrap_socket(
            sock,
            server_hostname=address[0],
            do_handshake_on_connect=False,
            suppress_ragged_eofs=False,
        )
        sock.do_handshake()
    except BaseException:
        sock.close()
        raise
    return sock


def seconds_until(deadline: float, clock: Monotonic) -> float:
    """Returns the time that is left; raises TimeoutError if there is none."""
    seconds = deadline - clock()
    if seconds <= 0:
        raise TimeoutError("the deadline has passed")
    return seconds


def tls_context() -> ssl.SSLContext:
    """Returns the context of all connections: TLS 1.2 or newer, and certifi's authorities."""
    context = ssl.create_default_context(cafile=certifi.where())
    if "SSL_CERT_FILE" in os.environ:  # reading the system's, too, would double the time
        context.load_default_certs()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _connect_tcp(address: tuple[str, int], deadline: float, clock: Monotonic) -> socket.socket:
    # socket.create_connection gives every address the whole time-out; here they share it.
    failure = OSError("the name has no address")
    candidates = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
    for index, (family, kind, protocol, _, target) in enumerate(candidates):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(seconds_until(deadline, clock) / (len(candidates) - index))
            sock.connect(target)
            # Else the request would wait for the server to acknowledge the handshake.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure
