"""What `make run`, `make serve` and `make event` run."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.event import sent_now
from tests.sandbox.function_compute import ROOT
from tests.sandbox.log_line import shortened
from tests.support.function_under_test import FunctionUnderTest
from tests.support.hostile import RECORDED
from tests.support.judge import SENT_AT
from tests.support.platform import call

LAST_LINE = "Each code that is sent, and a line for each request:\n"
SANDBOX = [sys.executable, "-m", "tests.sandbox"]
#: The times in an event, as its source has them.
TIMES = re.compile(r"(?<=ime|amp|och)\\*\": [^,}]*")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SANDBOX, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[Any, list[str]]]:
    """A sandbox that stays up, with the lines that it printed at first; it ends by Ctrl-C."""
    environment = {**os.environ, "PYTHONPATH": "function"}
    command = [*SANDBOX, "serve", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as served:
        assert served.stdout
        try:
            yield served.stdout, list(iter(served.stdout.readline, LAST_LINE))
        finally:
            served.send_signal(signal.SIGINT)
    assert served.returncode == 0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_it_runs() -> None:
    """One number is registered, a code is asked for another, and it says what to do next."""
    ended = run("run")
    printed = ended.stdout
    assert (ended.returncode, ended.stderr) == (0, "")
    assert printed.count('"sent": "yes"') == printed.count("WhatsApp code ") == 2
    statuses = re.findall(r'"verification_status": "(\w+)"', printed)
    assert statuses == ["NOT_VERIFIED", "VERIFIED"]
    assert printed.count('"registered": "yes"') == 1
    advised = re.findall(r"^  make (\w+)", printed.partition("\nNext:")[2], re.MULTILINE)
    assert advised == ["serve", "event", "deploy", "help"]


@pytest.mark.parametrize(
    ("code", "over_http", "directly"),
    [
        ("raise RuntimeError('no')", "502 Internal Server Error", 'result:  {"errorMessage": "no"'),
        ("initialize = handler = lambda *given: [1]", "200 [1]", "answer:  200 [1]"),
    ],
)
def test_a_function_that_is_broken(
    tmp_path: Path, code: str, over_http: str, directly: str
) -> None:
    """Each step says what was answered, and the end that something went wrong."""
    (tmp_path / "index.py").write_text(f"{code}\n")
    ended = run("run", CODE_DIRECTORY=str(tmp_path))
    assert (ended.returncode, ended.stderr) == (1, "")
    asked_over_http, _, asked_directly = ended.stdout.partition("5. Directly")
    assert asked_over_http.count(f"   answer:  {over_http}\n") == 4
    assert directly in asked_directly
    assert "\nSomething went wrong: see above" in asked_directly


def test_it_is_served() -> None:
    """At the port that is named there are the console and the function, and a line a request."""
    port = free_port()
    with serving("--port", str(port)) as (output, lines):
        url = next(line for line in lines if "http://" in line).split()[-1]
        assert url == f"http://127.0.0.1:{port}"
        assert b"<h1>" in call(url, method="GET", Accept="text/html")[2]
        assert json.loads(call(url)[2])["sent"] == "yes"
        output.readline()  # the message
        line = output.readline()
        assert re.fullmatch(
            r"\d\d:\d\d:\d\d  send, OK, sent yes, \+86\*+34 CN sms, \d+ ms\n", line
        ), line


def test_the_lines_for_curl_work() -> None:
    """Each line for curl gets an answer of the function, the one of InvokeFunction too."""
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    with serving("--log", "json") as (output, lines):
        commands = [line for line in lines if line.startswith("  curl")]
        assert len(commands) == 4
        answers = [
            subprocess.check_output(["sh", "-c", f"{each.strip()} -s"], text=True)
            for each in commands
        ]
        for answer, outcome in zip(
            answers,
            ('"sent": "yes"', '"registered": "no"', '"NOT_VERIFIED"', '"sent": "yes"'),
            strict=True,
        ):
            assert outcome in answer
        assert "/invocations " in commands[-1]
        assert json.loads(output.readline())["event"] == "start"


def test_a_port_that_is_taken() -> None:
    """A port that can't be used is a sentence."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = run("serve", "--port", str(taken.getsockname()[1]))
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "Address already in use" in ended.stderr
    assert "is no port" in run("serve", "--port", "70000").stderr


def test_an_event_is_sent() -> None:
    """A recorded event sends a code, and nothing when it comes again."""
    ended = run("event", "mns_queue")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count("WhatsApp code ") == 1
    assert ended.stdout.count('"sent": "yes"') == 2
    assert re.findall('"replayed": (true|false)', ended.stdout) == ["false", "true"]
    assert '"code": "InvalidEvent"' in run("event", "dts").stdout


def test_the_names_of_the_events() -> None:
    """Without a name the events are listed; an unknown one is a sentence."""
    listed = run("event")
    assert (listed.returncode, listed.stdout.split()[-len(RECORDED) :]) == (0, list(RECORDED))
    unknown = run("event", "nosuch")
    assert unknown.returncode == 1
    assert unknown.stderr == "No recorded event is called nosuch: make event lists them.\n"


@pytest.mark.parametrize(
    "name", ["http_queued", "eventbridge_rule", "mns_queue", "mns_topic_json", "kafka_strings"]
)
def test_the_time_of_an_event_is_now(function: FunctionUnderTest, name: str) -> None:
    """A recorded event is too old by itself, and isn't with its time set to now."""
    function.now = SENT_AT + 30 * 86400
    sent = sent_now(RECORDED[name], function.now)
    function.handle(sent)
    assert len(function.gateway.messages) == 1
    assert TIMES.sub("", as_text(sent)) == TIMES.sub("", as_text(RECORDED[name]))
    assert TIMES.findall(as_text(sent)) != TIMES.findall(as_text(RECORDED[name]))


def as_text(event: bytes) -> str:
    return json.dumps(json.loads(event))


INVOCATION = json.loads("""
{"event": "invocation", "operation": "send", "code": "OK", "sent": "yes", "registered": null,
 "verification_status": null, "replayed": false, "phone_number": "+86*34", "country": "CN",
 "method": "sms", "waited_ms": 900, "connecting_ms": 1, "upstream_ms": 33}
""")


@pytest.mark.parametrize(
    ("line", "short"),
    [
        (INVOCATION, "send, OK, sent yes, +86*34 CN sms, 934 ms"),
        (
            {**INVOCATION, "replayed": True, "method": None},
            "send, OK, sent yes, the first answer again, +86*34 CN, 934 ms",
        ),
        (
            {**INVOCATION, "operation": "verify", "code": "X", "sent": None, "registered": "no"},
            "verify, X, registered no, +86*34 CN sms, 934 ms",
        ),
        (
            {**INVOCATION, "operation": "status", "sent": None, "verification_status": "EXPIRED"},
            "status, OK, EXPIRED, +86*34 CN sms, 934 ms",
        ),
        ({"event": "unreachable", "level": "WARNING", "message": "m"}, "WARNING unreachable: m"),
    ],
)
def test_short_lines_of_the_log(line: dict[str, Any], short: str) -> None:
    """A line says when and what came of one request, or what the function warns of."""
    told = shortened(json.dumps(line)) or ""
    assert re.sub(r"^\d\d:\d\d:\d\d  ", "", told) == short


def test_other_lines_of_the_log() -> None:
    """What each new instance writes is left out; what isn't JSON stays as it is."""
    assert shortened('{"event": "start"}') is shortened('{"event": "memory"}') is None
    for line in ("a traceback", "[1]", "1", "{}"):
        assert shortened(line) == line


def test_it_imports_nothing_else_of_the_tests() -> None:
    """The sandbox stands by itself: it imports of tests/ only its own modules."""
    for path in (ROOT / "tests" / "sandbox").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert not name.startswith("tests") or name.startswith("tests.sandbox"), path
