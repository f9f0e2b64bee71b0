"""What a new instance imports, counted, on any machine; and the time that it has left."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any

import pytest

from layers import build
from tests.sandbox.cams_gateway import CamsGateway
from tests.sandbox.function_compute import ROOT, new_credentials
from tests.support.function_under_test import FunctionUnderTest, as_bytes
from tests.support.platform import environment
from verify_code import invocation

#: Raised only with a reason: each module more is time that somebody waits.
MOST_BEFORE_A_REFUSAL = 150
MOST_BEFORE_A_CALL = 400

NEVER_BEFORE_A_REFUSAL = {
    *("alibabacloud_credentials", "alibabacloud_tea_openapi", "darabonba", "Tea"),
    *("aiohttp", "apscheduler", "cryptography", "requests", "redis"),
    *("asyncio", "logging", "pydantic", "ssl", "http", "multiprocessing", "concurrent", "xml"),
}

LOOK = """
import gc, json, sys
from types import SimpleNamespace as Having
path, credentials, initializes, event = json.loads(sys.argv[1])
sys.path[:1] = path
before = set(sys.modules)
def watch(event, arguments):
    assert event != "open" or ".dist-info" not in str(arguments[0]), arguments
sys.addaudithook(watch)
import verify_code
searched = gc.get_stats()[0]["collections"]
import index
context = Having(
    request_id="one", function=Having(timeout=20), credentials=Having(**credentials)
)
if initializes:
    index.initialize(context)
answer = index.handler(json.dumps(event).encode(), context)
assert gc.get_stats()[0]["collections"] == searched
print(json.dumps([answer, sorted(set(sys.modules) - before)]))
"""


def imported(gateway: CamsGateway, initializes: bool, **event: str) -> tuple[Any, set[str]]:
    """The answer to the first request of a new process, and the modules that it took."""
    site_packages = sysconfig.get_path("purelib")
    path = [str(ROOT / "function"), str(build.LAYERS / "stubs"), site_packages]
    credentials = new_credentials()
    gateway.accept(credentials)
    given = json.dumps([path, vars(credentials), initializes, event])
    ran = subprocess.run(
        [sys.executable, "-S", "-E", "-c", LOOK, given],
        env=environment(gateway),
        stdout=subprocess.PIPE,
        check=True,
    )
    answer, modules = json.loads(ran.stdout.splitlines()[-1])
    return answer, set(modules)


@pytest.mark.parametrize("number", ["+861380", "+6581234567"])
def test_a_refusal_imports_little(gateway: CamsGateway, number: str) -> None:
    """A first request that is refused takes nothing heavy, nor what is known of packages."""
    answer, modules = imported(gateway, False, phone_number=number)
    assert answer["sent"] == "no"
    assert not NEVER_BEFORE_A_REFUSAL & {name.partition(".")[0] for name in modules}
    assert len(modules) <= MOST_BEFORE_A_REFUSAL, sorted(modules)


@pytest.mark.parametrize("locale", ["zh_CN", "pt-BR"])
def test_a_call_imports_a_bounded_number(gateway: CamsGateway, locale: str) -> None:
    """A first code takes the SDK, and not the store's library;
    all but the number's country's data is imported by the initializer."""
    answer, modules = imported(gateway, True, phone_number="+8613800001234", locale=locale)
    assert answer["sent"] == "yes"
    assert "redis" not in modules
    assert len(modules) <= MOST_BEFORE_A_CALL, sorted(modules)
    _, before = imported(gateway, True, phone_number="+861380")
    left = {name for name in modules - before if not name.startswith("phonenumbers.data.")}
    assert left == set()


@pytest.mark.parametrize(
    ("age_seconds", "first"), [(0.1, "OK"), (1.5, "QuotaExhausted"), (300.0, "OK")]
)
def test_a_cold_start_takes_of_the_time(
    function: FunctionUnderTest, age_seconds: float, first: str
) -> None:
    """index's first invocation began with its process, unless that was warmed up long before."""
    function.monkeypatch.setattr(invocation, "process_age_seconds", lambda: age_seconds)
    function.timeout_seconds = 15  # a call may take 13 s, and what comes after it 1 s
    index = importlib.reload(importlib.import_module("index"))
    index.initialize(function.context)
    event = as_bytes({"phone_number": "+8613800001234"})
    assert [index.handler(event, function.context)["code"] for _ in range(2)] == [first, "OK"]
    index._app._parts.close()


def test_the_age_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's account agrees with what this process can see of itself; without one it is 0."""
    started = Path(f"/proc/{os.getpid()}").stat().st_ctime
    assert invocation.process_age_seconds() == pytest.approx(time.time() - started, abs=2)

    def fails(*_: Any, **__: Any) -> None:
        raise FileNotFoundError

    monkeypatch.setattr("builtins.open", fails)
    assert invocation.process_age_seconds() == 0
