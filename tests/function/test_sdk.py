"""The SDK sends only through this package's transport."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from typing import Any

import pytest
from darabonba.core import DaraCore

from layers import build
from tests.sandbox.cams_gateway import CamsGateway
from tests.sandbox.function_compute import ROOT
from tests.support.function_under_test import NUMBER, FunctionUnderTest, log_lines

CLIENT = "alibabacloud_tea_openapi.client"

#: Calls each function by which the SDK sends, before and after the package replaced it.
TRY_EACH_WAY = """
import asyncio, inspect, json, sys
path, host, tries_the_sdks_own = json.loads(sys.argv[1])
sys.path[:1] = path
from darabonba.core import DaraCore
from darabonba.request import DaraRequest
names = [name for name in vars(DaraCore) if name.endswith("_action")]
own = {f"own {name}": getattr(DaraCore, name) for name in names} if tries_the_sdks_own else {}
import verify_code.cams.client
replaced = {name: getattr(DaraCore, name) for name in names}
request = DaraRequest()
request.headers, request.query = {"host": host}, {"Method": "sms"}
raised = {}
async def wait_for(outcome):
    if inspect.isasyncgen(outcome):
        return [part async for part in outcome]
    return await outcome
for name, send in (own | replaced).items():
    try:
        outcome = send(request, {})
        if inspect.isgenerator(outcome):
            list(outcome)
        elif inspect.isawaitable(outcome) or inspect.isasyncgen(outcome):
            asyncio.run(wait_for(outcome))
        raised[name] = None
    except Exception as error:
        raised[name] = type(error).__name__
print(json.dumps(raised))
"""


@pytest.mark.parametrize("libraries", ["stubs", "wheels"])
def test_no_other_way_out_connects(gateway: CamsGateway, libraries: str) -> None:
    """Outside of a call, each function by which the SDK sends raises before it connects."""
    stubs = [str(build.LAYERS / "stubs")] if libraries == "stubs" else []
    path = [str(ROOT / "function"), *stubs, sysconfig.get_path("purelib")]
    host = gateway.endpoint.removeprefix("http://")
    given = json.dumps([path, host, libraries == "stubs"])
    ran = subprocess.run(
        [sys.executable, "-S", "-E", "-c", TRY_EACH_WAY, given], stdout=subprocess.PIPE, check=True
    )
    raised = json.loads(ran.stdout)
    ways = {"do_action", "async_do_action", "do_sse_action", "async_do_sse_action"}
    # With the layer's stubs the steps that the package replaced raise too.
    own = {f"own {name}" for name in ways} if stubs else set()
    assert raised.keys() == ways | own
    assert raised == dict.fromkeys(ways | own, "RuntimeError") | {"do_action": "LookupError"}
    assert gateway.connections == 0


def test_an_error_of_the_sdk_before_it_sends(
    function: FunctionUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    """If the SDK raises before it uses the transport, `sent` is `no`, and a bug is logged."""

    def fails() -> None:
        raise DeprecationWarning(f"a text that quotes {NUMBER}")

    function.monkeypatch.setattr(f"{CLIENT}.Utils.get_timestamp", fails)
    reply = function.post()
    assert (reply.status, reply.result["code"]) == (500, "UnexpectedError")
    assert (reply.result["sent"], reply.result["retryable"]) == ("no", False)
    assert function.gateway.requests_seen == 0
    lines = log_lines(capsys)
    (bug,) = [line for line in lines if line["event"] == "bug"]
    assert bug["exception"] == "DeprecationWarning"
    assert bug["frames"][-1].startswith("fails in test_sdk.py:")
    assert NUMBER not in json.dumps(lines)


def test_an_sdk_that_returns_without_sending(
    function: FunctionUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    """If the SDK returns without using the transport, `sent` is `unknown`, and a bug is logged."""
    function.monkeypatch.setattr(f"{CLIENT}.Client.call_api", lambda *_: {})
    reply = function.post()
    assert (reply.status, reply.result["code"]) == (202, "UnexpectedError")
    assert reply.result["sent"] == "unknown"
    (bug,) = [line for line in log_lines(capsys) if line["event"] == "bug"]
    assert bug["what"] == "the SDK didn't use the transport"


def test_a_malformed_request_is_not_sent(
    function: FunctionUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    """A request that HTTP can't carry isn't sent, and a bug is logged."""

    def two_lines(_: str) -> str:
        return "two\nlines"

    function.monkeypatch.setattr(f"{CLIENT}.Utils.get_user_agent", two_lines)
    result = function.ask()
    assert (result["sent"], result["code"]) == ("no", "UnexpectedError")
    assert function.gateway.requests_seen == 0
    (bug,) = [line for line in log_lines(capsys) if line["event"] == "bug"]
    assert bug["exception"] == "LocalProtocolError"


def test_an_sdk_that_tries_again_sends_once(function: FunctionUnderTest) -> None:
    """If the SDK repeats its send step in one call, one request is sent."""
    send = DaraCore.do_action

    def twice(*arguments: Any) -> None:
        for _ in range(2):
            try:
                send(*arguments)
            except BaseException as error:
                done = error
        raise done

    function.monkeypatch.setattr(DaraCore, "do_action", twice)
    assert function.ask()["sent"] == "yes"
    assert function.gateway.requests_seen == 1
