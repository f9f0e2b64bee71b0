"""One attempt makes one request, and `sent` is true wherever the exchange breaks."""

from __future__ import annotations

import socket
import time
import tracemalloc
from collections.abc import Iterator

import pytest

from tests.sandbox.cams_gateway import Behaviour, Fault, Handshake, Stage
from tests.support.function_under_test import FunctionUnderTest

STAGES: tuple[Stage, ...] = (
    "before_reading",
    "while_reading",
    "before_answer",
    "in_status_line",
    "in_headers",
    "in_body",
)


@pytest.fixture(params=["http", "tls"])
def broken(request: pytest.FixtureRequest) -> Iterator[FunctionUnderTest]:
    """The function over HTTP and over TLS, with a short read timeout."""
    name = "function" if request.param == "http" else "function_over_tls"
    function: FunctionUnderTest = request.getfixturevalue(name)
    function.set(READ_TIMEOUT_SECONDS="0.4")
    yield function
    function.gateway.released.set()


@pytest.mark.parametrize("fault", ["close", "reset", "hang"])
@pytest.mark.parametrize("stage", STAGES)
def test_faults_after_writing(broken: FunctionUnderTest, stage: Stage, fault: Fault) -> None:
    """A call that breaks after its first byte is `unknown`, and isn't repeated."""
    broken.gateway.will(Behaviour(stage=stage, fault=fault, takes_effect=True))
    reply = broken.post()
    assert reply.status == 202
    assert reply.result["sent"] == "unknown"
    expected = "UpstreamTimeout" if fault == "hang" else "UpstreamDisconnected"
    assert reply.result["code"] == expected
    assert reply.result["retryable"] is False
    assert broken.gateway.requests_seen == 1
    assert len(broken.gateway.messages) <= 1


@pytest.mark.parametrize("stage", ["in_headers", "in_body"])
def test_a_refusal_cut_short_is_no_refusal(broken: FunctionUnderTest, stage: Stage) -> None:
    """A refusal that isn't complete is `unknown`, even if its status says flow control."""
    broken.gateway.will(Behaviour(429, b'{"Code": "Throttling"}', stage=stage, fault="close"))
    assert broken.ask()["sent"] == "unknown"
    assert broken.gateway.requests_seen == 1


@pytest.mark.parametrize("stage", ["in_status_line", "in_headers", "in_body"])
def test_dripping_answers(broken: FunctionUnderTest, stage: Stage) -> None:
    """An answer that arrives slowly can't keep a call open after its deadline."""
    broken.gateway.will(Behaviour(stage=stage, fault="drip", takes_effect=True))
    result = broken.ask()
    # Without a deadline for the whole, the answer would end, and say yes.
    assert (result["sent"], result["code"]) == ("unknown", "UpstreamTimeout")
    assert broken.gateway.requests_seen == 1


def test_a_bad_tls_record_after_reading(function_over_tls: FunctionUnderTest) -> None:
    """A TLS error after the request was read is `unknown`."""
    function = function_over_tls
    function.gateway.will(Behaviour(fault="bad_tls_record", takes_effect=True))
    result = function.ask()
    assert (result["sent"], result["code"]) == ("unknown", "UpstreamDisconnected")
    assert function.gateway.requests_seen == 1


# Python 3.10 leaves the socket to the collector where the reset is there before the handshake.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("handshake", ["hang", "cut", "garbage"])
def test_faults_of_the_handshake(
    function_over_tls: FunctionUnderTest, handshake: Handshake
) -> None:
    """A TLS handshake that fails or hangs writes nothing, and is attempted three times."""
    function = function_over_tls
    function.set(CONNECT_TIMEOUT_SECONDS="0.2")
    function.gateway.handshake = handshake
    reply = function.post()
    function.gateway.released.set()
    assert (reply.status, reply.result["sent"]) == (503, "no")
    assert reply.result["code"] == "UpstreamUnavailable"
    assert reply.result["retryable"] is True
    assert int(reply.headers["Retry-After"]) > 0
    assert function.gateway.requests_seen == 0
    assert function.gateway.connections == 3


def test_an_untrusted_certificate(
    function_over_tls: FunctionUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written to a server whose certificate isn't trusted."""
    monkeypatch.delenv("SSL_CERT_FILE")
    function_over_tls.set()
    result = function_over_tls.ask()
    assert (result["sent"], result["code"]) == ("no", "UpstreamUnavailable")
    assert function_over_tls.gateway.requests_seen == 0


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:{port}", "no-such-host.invalid"])
def test_unreachable(function: FunctionUnderTest, endpoint: str) -> None:
    """A refused connection, or an unknown host name, means that nothing was sent."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        function.set(CAMS_ENDPOINT=endpoint.format(port=closed.getsockname()[1]))
        result = function.ask()
    assert (result["sent"], result["code"]) == ("no", "UpstreamUnavailable")
    assert len(function.slept) == 2  # before the second try and the third


def test_a_second_attempt_connects(function: FunctionUnderTest) -> None:
    """A connection that fails once is made again, and the code is sent once."""
    function.ask()
    function.transport.failures_to_open = 1
    assert function.ask()["sent"] == "yes"
    assert len(function.gateway.messages) == 2


def test_connections_are_kept_alive(broken: FunctionUnderTest) -> None:
    """The calls of an instance use the connection that initialize opened."""
    broken.initialize()
    assert [broken.ask()["sent"] for _ in range(3)] == ["yes"] * 3
    assert broken.gateway.connections == 1


def test_an_idle_connection_is_replaced(broken: FunctionUnderTest) -> None:
    """A connection that was idle for too long is replaced before the call."""
    broken.ask()
    broken.turned_seconds += 11
    assert broken.ask()["sent"] == "yes"
    assert broken.gateway.connections == 2


def test_an_idle_connection_by_the_wall_clock(
    function: FunctionUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wall clock, too, shows that a connection was idle while the machine was frozen."""
    function.ask()
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 11)
    assert function.ask()["sent"] == "yes"
    assert function.gateway.connections == 2


def test_a_connection_closed_by_the_server_is_not_used(broken: FunctionUnderTest) -> None:
    """A connection that the server has closed is replaced before the next call."""
    body = b'{"Code": "OK", "Success": true}'
    broken.gateway.will(Behaviour(200, body, {"Connection": "close"}, takes_effect=True))
    assert broken.ask()["sent"] == "yes"
    assert broken.ask()["sent"] == "yes"
    assert len(broken.gateway.messages) == 2
    assert broken.gateway.connections == 2


def test_a_connection_with_bytes_past_the_answer_is_not_used(broken: FunctionUnderTest) -> None:
    """A connection with bytes after the end of the answer is replaced before the next call."""
    body = b'{"Code": "OK", "Success": true}'
    broken.gateway.will(
        Behaviour(200, body + b"HTTP/1.1 429 ?", {"Content-Length": f"{len(body)}"})
    )
    assert [broken.ask()["sent"] for _ in range(2)] == ["yes", "yes"]
    assert broken.gateway.connections == 2


def test_a_connection_that_closes_between_opening_and_sending(
    function: FunctionUnderTest,
) -> None:
    """A connection that closes just before the call writes nothing, and another is opened."""
    function.initialize()
    function.close_before_the_next_call()
    assert function.ask()["sent"] == "yes"
    assert function.gateway.requests_seen == 1


def test_an_answer_in_chunks(broken: FunctionUnderTest) -> None:
    """A chunked answer is complete with its last chunk, and `unknown` without it."""
    chunk = b'{"Code": "OK", "Success": true}'
    whole = b"%x\r\n%b\r\n0\r\n\r\n" % (len(chunk), chunk)
    for body, sent in ((whole, "yes"), (whole[:-7], "unknown")):
        headers = {"Transfer-Encoding": "chunked", "Content-Length": "0", "Connection": "close"}
        broken.gateway.will(Behaviour(200, body, headers))
        assert broken.ask()["sent"] == sent


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (429, b"0", {"Transfer-Encoding": "chunked", "Content-Length": ""}),  # of 0039
        (400, b'14\r\n{"Code": "Throttling"}\r\n', {"Transfer-Encoding": "chunked"}),
        (429, b'{"Code": "Throttling"}', {"Content-Length": None}),
        (429, b'{"Code": "Th', {"Content-Length": ""}),
        (429, b'{"Code": "Th', {"Content-Length": "-1"}),
        (429, b'{"Code": "Throttling"}', {"Content-Length": "22, 12"}),
        (429, b'{"Code": "Throttling"}', {"content-length": "12"}),  # beside the right one
        (429, b"0\r\n\r\n", {"Transfer-Encoding": "gzip, chunked"}),
    ],
)
def test_half_an_answer_that_looks_whole(
    broken: FunctionUnderTest, status: int, body: bytes, headers: dict[str, str | None]
) -> None:
    """An answer whose end isn't marked, or is marked wrongly, is `unknown`."""
    broken.gateway.will(Behaviour(status, body, {**headers, "Connection": "close"}))
    assert broken.ask()["sent"] == "unknown"


def test_an_endless_answer(function: FunctionUnderTest) -> None:
    """An answer that is too large for this API isn't read to its end."""
    function.gateway.will(Behaviour(200, b'{"Code": "OK"}' + b" " * 300_000))
    assert function.ask()["sent"] == "unknown"


def test_a_chunk_of_no_end(function: FunctionUnderTest) -> None:
    """A chunk of an invalid size isn't read to its end."""
    headers = {"Transfer-Encoding": "chunked", "Connection": "close"}
    function.gateway.will(Behaviour(200, b"-1\r\n" + b" " * 2_000_000, headers))
    tracemalloc.start()
    assert function.ask()["sent"] == "unknown"
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("status", [100, 102, 103])
def test_an_early_hint_is_no_answer(broken: FunctionUnderTest, status: int) -> None:
    """After an informational answer the connection is closed, and the call is `unknown`."""
    answer = b'HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{"Code": "OK"}'
    broken.gateway.will(Behaviour(status, answer, {"Content-Length": None}, takes_effect=True))
    assert broken.ask()["sent"] == "unknown"
    assert broken.ask()["sent"] == "yes"
    assert broken.gateway.connections == 2


def test_an_answer_that_tls_did_not_end(function_over_tls: FunctionUnderTest) -> None:
    """An answer without Content-Length that TLS didn't close is `unknown`."""
    function = function_over_tls
    half = b'{"Code": "Thrott'
    function.gateway.will(Behaviour(429, half, {"Content-Length": None, "Connection": "close"}))
    assert function.ask()["sent"] == "unknown"
    assert function.gateway.requests_seen == 1


def test_dead_addresses_share_the_timeout(function_over_tls: FunctionUnderTest) -> None:
    """Addresses that don't answer leave enough of the timeout to connect to the last one."""
    function = function_over_tls
    function.set(CONNECT_TIMEOUT_SECONDS="1.5")
    with socket.socket() as full:  # its queue is full: nobody connects, nobody is refused
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        dead, (live,) = full.getsockname(), socket.getaddrinfo(*_address(function))
        found = [(*live[:4], dead), (*live[:4], dead), live]
        function.monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        assert function.ask()["sent"] == "yes"
        assert function.gateway.connections == 1
        for each in waiting:
            each.close()


def _address(function: FunctionUnderTest) -> tuple[str, str, int, int]:
    host, _, port = function.gateway.endpoint.partition(":")
    return host, port, socket.AF_INET, socket.SOCK_STREAM


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Length": "abc", "Connection": "close"},
        {"Bad Header": "x"},
        {"X": "y\r\nnot a header at all"},
    ],
)
def test_malformed_headers_leak_nothing(
    function: FunctionUnderTest, headers: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    """A malformed response header puts no number into the log."""
    body = b'{"Code": "OK", "Success": true}'
    function.gateway.will(Behaviour(200, body, headers))
    function.ask()
    output = capfd.readouterr()
    assert output.err == ""
    assert "13800001234" not in output.out


def test_redirects_are_not_followed(function: FunctionUnderTest) -> None:
    """A redirect isn't followed, because that would send the call and its token twice."""
    function.gateway.will(Behaviour(307, b"{}", {"Location": f"{function.gateway.endpoint}/"}))
    assert function.ask()["sent"] == "unknown"
    assert function.gateway.requests_seen == 1


def test_proxies_are_not_used(function: FunctionUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call ignores proxy settings, because a proxy could read the token of an http call."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert function.ask()["sent"] == "yes"


def test_no_time_left_for_a_call(function: FunctionUnderTest) -> None:
    """A call that doesn't fit in the time left isn't started."""
    function.initialize()
    function.timeout_seconds = 10  # less than a call may take
    result = function.ask()
    assert (result["sent"], result["code"]) == ("no", "QuotaExhausted")
    assert result["retryable"] is True
    assert function.gateway.requests_seen == 0
    assert function.slept == []
