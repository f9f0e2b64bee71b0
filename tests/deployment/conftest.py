from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.deployment.rendering import ROOT


@pytest.fixture
def things(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the recorder, in the place of `aliyun`, keeps what was made."""
    aliyun = tmp_path / "aliyun"
    recorder = ROOT / "tests/deployment/aliyun.py"
    aliyun.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {recorder} "$@"\n')
    aliyun.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("ALIYUN_STATE", str(tmp_path))
    return tmp_path
