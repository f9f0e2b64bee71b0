"""The function as deployed: processes as instances, both runtimes, HTTP in front."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.sandbox.cams_gateway import Behaviour, CamsGateway
from tests.sandbox.function_compute import FunctionCompute
from tests.sandbox.http_event import http_event
from tests.support.platform import call, environment


@pytest.mark.parametrize("runtime", ["python3.10", "python3.12"])
def test_a_code_is_sent_by_both_ways(gateway: CamsGateway, runtime: str) -> None:
    """Over HTTP and by InvokeFunction one warm instance sends, over one connection, with the
    credentials that each invocation brings; each line of its log is a JSON object."""
    with FunctionCompute(environment(gateway), runtime=runtime) as platform:
        gateway.accept(platform.credentials)
        status, headers, body = call(platform.url)
        assert (status, json.loads(body)["sent"]) == (200, "yes")
        assert headers["Content-Type"] == "application/json; charset=utf-8"
        assert headers["X-Fc-Request-Id"] == json.loads(body)["invocation_id"]
        gateway.accept(platform.rotate_credentials())
        status, _, body = call(platform.invocations_url)
        assert (status, json.loads(body)["sent"]) == (200, "yes")
        assert len(gateway.messages) == 2
        assert (len(platform.instances), gateway.connections) == (1, 1)
        platform.instances[0].stop()
    events = [json.loads(line)["event"] for line in platform.log_lines]
    assert events == ["start", "invocation", "invocation"]


def test_what_the_platform_refuses(gateway: CamsGateway) -> None:
    """What is beyond the cap, since an instance has one request at a time, and a body of no
    known length."""
    with FunctionCompute(environment(gateway), reserved_concurrency=2) as platform:
        gateway.accept(platform.credentials)
        gateway.will(*[Behaviour(delay_seconds=0.5, takes_effect=True)] * 2)
        with ThreadPoolExecutor(4) as callers:
            answers = list(callers.map(lambda _: call(platform.url), range(4)))
        assert sorted(status for status, _, _ in answers) == [200, 200, 429, 429]
        refused = next(body for status, _, body in answers if status == 429)
        assert json.loads(refused)["Code"] == "ResourceExhausted"
        assert len(platform.instances) == 2
        assert call(platform.url, **{"Content-Length": "abc"})[0] == 400
        assert gateway.requests_seen == 2


@pytest.mark.parametrize(
    ("code", "error_type"),
    [
        ("def handler(event, context): raise ValueError('x')", "UnhandledInvocationError"),
        ("def handler(event, context): import os; os._exit(1)", "ProcessExited"),
        ("def handler(event, context): import time; time.sleep(9)", "FunctionTimedOut"),
        ("def initialize(context): raise ValueError('x')", "InitializationError"),
        ("def handler(event, context): return 'text'", None),
        ("def handler(event, context): return b'bytes'", None),
    ],
)
def test_what_other_functions_do(tmp_path: Path, code: str, error_type: str | None) -> None:
    """The platform answers for any function as documented, and keeps no instance that failed."""
    (tmp_path / "index.py").write_text(code)
    initializer = "index.initialize" if "initialize" in code else None
    with FunctionCompute(
        {}, code_directory=tmp_path, initializer=initializer, timeout_seconds=1
    ) as platform:
        with ThreadPoolExecutor(2) as callers:
            urls = (platform.url, platform.invocations_url)
            (status, _, body), (_, headers, _) = callers.map(call, urls)
        assert headers["X-Fc-Error-Type"] == error_type
        assert (body == b"Internal Server Error") == (status == 502) == bool(error_type)
        is_alive = error_type in (None, "UnhandledInvocationError")
        assert bool(platform.instances) == is_alive


def test_http_events() -> None:
    """An HTTP request becomes an event by the documented rules."""
    headers = [("content-type", "application/x-www-form-urlencoded"), ("X-a", "1"), ("x-A", "2")]
    event = json.loads(http_event("GET", "/a%20b?x=1&x=2&y=", headers, b"k=v", "id-1"))
    assert event["headers"] == {"Content-Type": "application/x-www-form-urlencoded", "X-A": "1,2"}
    assert event["queryParameters"] == {"x": "1,2", "y": ""}
    assert (event["rawPath"], event["requestContext"]["http"]["path"]) == ("/a%20b", "/a b")
    assert (event["body"], event["isBase64Encoded"]) == ("az12", True)
    text = json.loads(http_event("POST", "/", [("Content-Type", "text/plain")], b"hi", "id-2"))
    assert (text["body"], text["isBase64Encoded"]) == ("hi", False)


def test_foreign_pages_are_refused(gateway: CamsGateway) -> None:
    """A page of another site, or one by a name that leads here, can neither ask nor switch."""
    with FunctionCompute(environment(gateway)) as platform:
        gateway.accept(platform.credentials)
        port = platform.url.rpartition(":")[2]
        ours = [f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")]
        for host in ours:
            for headers in ({"Host": host}, {"Host": host, "Origin": f"http://{host}"}):
                assert call(platform.url, {}, **headers)[0] == 422
        foreign: list[dict[str, str]] = [
            *({"Host": host} for host in ("evil.example", f"evil.example:{port}", "localhost", "")),
            *({"Origin": f"http://{host}"} for host in ("evil.example", "127.0.0.1", ours[1])),
            {"Origin": "null"},
        ]
        for url in (platform.url, platform.invocations_url, f"{platform.url}/console/fault"):
            for headers in foreign:
                status, _, body = call(url, **headers)
                assert status == 403, headers
                assert platform.url in json.loads(body)["Message"]
        assert gateway.requests_seen == 0
