"""When an invocation began, and what is left of its time."""

from __future__ import annotations

import importlib
import os
import time
from pathlib import Path
from typing import Any

import pytest

from chatapp_code import invocation
from tests.function_under_test import FunctionUnderTest, as_bytes


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
    index._instance._parts.close()


def test_the_age_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's account agrees with what this process can see of itself; without one it is 0."""
    started = Path(f"/proc/{os.getpid()}").stat().st_ctime
    assert invocation.process_age_seconds() == pytest.approx(time.time() - started, abs=2)

    def fails(*_: Any, **__: Any) -> None:
        raise FileNotFoundError

    monkeypatch.setattr("builtins.open", fails)
    assert invocation.process_age_seconds() == 0
