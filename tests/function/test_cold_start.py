"""What a new instance imports, and when; and the time that it has left."""

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

LOOK = """
import json, sys
from types import SimpleNamespace as Having
path, credentials, event = json.loads(sys.argv[1])
sys.path[:1] = path
def watch(event, arguments):
    assert event != "open" or ".dist-info" not in str(arguments[0]), arguments
sys.addaudithook(watch)
import index
context = Having(
    request_id="one", function=Having(timeout=20), credentials=Having(**credentials)
)
index.initialize(context)
before = set(sys.modules)
answer = index.handler(json.dumps(event).encode(), context)
print(json.dumps([answer, sorted(set(sys.modules) - before)]))
"""


@pytest.mark.parametrize("locale", ["zh_CN", "pt-BR"])
def test_all_is_imported_by_the_initializer(gateway: CamsGateway, locale: str) -> None:
    """The first call imports only data: of its number's country, and of the event's encoding.
    Nothing opens what packages say of themselves."""
    path = [str(ROOT / "function"), str(build.LAYERS / "stubs"), sysconfig.get_path("purelib")]
    credentials = new_credentials()
    gateway.accept(credentials)
    event = {"phone_number": "+8613800001234", "locale": locale}
    ran = subprocess.run(
        [sys.executable, "-S", "-E", "-c", LOOK, json.dumps([path, vars(credentials), event])],
        env=environment(gateway),
        stdout=subprocess.PIPE,
        check=True,
    )
    answer, imported = json.loads(ran.stdout.splitlines()[-1])
    assert answer["sent"] == "yes"
    data = ("phonenumbers.data.", "encodings.")
    assert [name for name in imported if not name.startswith(data)] == []


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
