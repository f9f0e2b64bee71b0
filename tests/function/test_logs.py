"""The log: one JSON object a line, without numbers, keys or codes."""

from __future__ import annotations

import json
import logging
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from tests.sandbox.http_event import http_event
from tests.support.faulty_transport import FaultyTransport
from tests.support.function_under_test import NUMBER, FunctionUnderTest, log_lines


def broken(*_: Any, **__: Any) -> Any:
    raise RuntimeError(f"no way to {NUMBER}")


def test_one_line_at_start_and_one_an_invocation(
    function: FunctionUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log has one line for the start of an instance, and one for each invocation."""
    function.initialize()
    function.ask()
    start, invocation = log_lines(capsys)
    assert (start["event"], invocation["event"]) == ("start", "invocation")
    assert start["countries"] == ["AT", "CN", "GB", "SG", "US"]
    result = {"code": "OK", "sent": "yes", "replayed": False, "phone_number": "+86*******34"}
    asked = {"invocation_id": "invocation-1", "source": "direct", "country": "CN", "method": "sms"}
    assert {"level": "INFO", **result, **asked, "attempts": 1}.items() <= invocation.items()
    assert {"connecting_ms", "upstream_ms"} <= invocation.keys()


def test_values_from_outside_stay_values(
    function: FunctionUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    """A caller's value can't add a line or a field to the log."""
    context = function.context
    context.request_id = 'x"}\n{"level": "ERROR", "event": "forged\u2028'
    function.app.handle(b'{"phone_number": "\\n{}\\n", "method": "\\nsms"}', context)
    (_, invocation) = log_lines(capsys)
    assert invocation["event"] == "invocation"
    assert invocation["invocation_id"] == context.request_id


def test_a_closed_pipe_costs_nobody_the_result(function: FunctionUnderTest) -> None:
    """The caller gets the result even if the log can't be written."""

    def closed(_: str) -> None:
        raise BrokenPipeError

    function.monkeypatch.setattr(sys.stdout, "write", closed)
    assert function.ask()["sent"] == "yes"


def test_a_bug_is_logged_without_its_text(
    function: FunctionUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log shows where a bug was raised, without the exception's text."""
    function.monkeypatch.setattr("phonenumbers.parse", broken)
    reply = function.post()
    assert (reply.status, reply.result["code"]) == (500, "UnexpectedError")
    assert (reply.result["sent"], reply.result["retryable"]) == ("no", False)
    bug = next(line for line in log_lines(capsys) if line["event"] == "bug")
    assert bug["exception"] == "RuntimeError"
    assert bug["frames"][-1].startswith("broken in test_logs.py:")
    assert NUMBER not in json.dumps([bug, reply.result])


def test_a_bug_after_the_call_is_unknown(function: FunctionUnderTest) -> None:
    """A bug after the call makes the result `unknown`, never `no`."""
    function.monkeypatch.setattr("verify_code.sending.interpret", broken)
    reply = function.post()
    assert (reply.status, reply.result["sent"]) == (202, "unknown")
    assert reply.result["code"] == "UnexpectedError"


def test_initialize_never_raises(
    function: FunctionUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    """The initializer doesn't raise if the API can't be reached, or for a bug."""
    function.set(CAMS_ENDPOINT="http://127.0.0.1:9")
    function.initialize()
    assert [line["event"] for line in log_lines(capsys)] == ["start", "unreachable"]
    function.monkeypatch.setattr(FaultyTransport, "open", broken)
    function.set()
    function.initialize()
    assert [line["event"] for line in log_lines(capsys)] == ["start", "bug"]


def test_the_libraries_loggers_are_silent(
    function: FunctionUnderTest, capfd: pytest.CaptureFixture[str]
) -> None:
    """The libraries' loggers write nothing."""
    function.ask()
    function.monkeypatch.setattr(logging.getLogger(), "handlers", [logging.StreamHandler()])
    clients = ("urllib3", "urllib3.connectionpool", "requests", "redis")
    for name in (*clients, "darabonba-core", "alibabacloud-tea", "credentials"):
        logging.getLogger(name).critical("GET /?PhoneNumber=8613800001234")
    output = capfd.readouterr()
    assert output.err == ""
    assert "8613800001234" not in output.out


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    ("span_context", "traceparent", "told"),
    [
        (None, None, None),
        (None, f"00-{TRACE}-00f067aa0ba902b7-01", TRACE),
        (None, f"00-{NUMBER}-00f067aa0ba902b7-01", None),
        ("5f22f355044a957a:5708f1a6ebc1e1a5:5f22f355044a957a:1", None, "5f22f355044a957a"),
        ("5f22f355044a957a:1:2:1", f"00-{TRACE}-00f067aa0ba902b7-01", "5f22f355044a957a"),
        ({}, 1, None),
    ],
)
def test_the_trace(
    function: FunctionUnderTest,
    capsys: pytest.CaptureFixture[str],
    span_context: Any,
    traceparent: Any,
    told: str | None,
) -> None:
    """The log has the trace id of the platform, or of the HTTP caller."""
    context = function.context
    context.tracing = SimpleNamespace(span_context=span_context)
    headers = [("traceparent", traceparent)] if isinstance(traceparent, str) else []
    event = http_event("POST", "/", headers, b'{"phone_number": "+8613800001234"}', "1")
    function.app.handle(event, context)
    assert log_lines(capsys)[-1]["trace_id"] == told
