"""When an invocation began, and what is left of its time."""

from __future__ import annotations

import importlib
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from chatapp_code import invocation
from tests.function_under_test import FunctionUnderTest

CONTEXT = SimpleNamespace(request_id="id-1", function=SimpleNamespace(timeout=20))


@pytest.mark.parametrize(
    ("age_seconds", "is_first", "left_seconds"),
    [(1.5, True, 17.5), (1.5, False, 19.0), (300.0, True, 19.0)],
)
def test_the_time_left(
    monkeypatch: pytest.MonkeyPatch, age_seconds: float, is_first: bool, left_seconds: float
) -> None:
    """A cold start counts from the process's start; an instance that was warmed up does not."""
    monkeypatch.setattr(invocation, "process_age_seconds", lambda: age_seconds)
    began = invocation.begin(CONTEXT, is_first, clock=lambda: 100.0)
    assert began.seconds_left == left_seconds


def test_the_age_of_this_process() -> None:
    """The kernel's account agrees with what this process can see of itself."""
    started = Path(f"/proc/{os.getpid()}").stat().st_ctime
    assert invocation.process_age_seconds() == pytest.approx(time.time() - started, abs=2)


def test_an_age_that_the_kernel_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no /proc a process counts as just started."""
    monkeypatch.setattr("builtins.open", _fails)
    assert invocation.process_age_seconds() == 0


def _fails(*_: Any, **__: Any) -> None:
    raise FileNotFoundError


def test_the_entry_points(function: FunctionUnderTest) -> None:
    """index.initialize and index.handler are what the platform calls."""
    index = importlib.reload(importlib.import_module("index"))
    index.initialize(function.context)
    event = b'{"phone_number": "+8613800001234"}'
    assert index.handler(event, function.context)["sent"] == "yes"
    index._instance._parts.close()


def test_an_invocation_without_an_id() -> None:
    """Two invocations are never taken for one, even where the context gives no id."""
    ids = {invocation.begin(None, is_first=False, clock=lambda: 0.0).id for _ in range(2)}
    assert len(ids - {""}) == 2
