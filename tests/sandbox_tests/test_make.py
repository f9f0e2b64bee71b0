"""The Makefile's set-up, and its commands for the sandbox."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sandbox.function_compute import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
OLD = "import sys; sys.version_info = (3, 9)"


def make(
    *arguments: str, directory: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    """What make does and says; a make that runs the tests doesn't pass its own variables on."""
    inherited = {key: os.environ[key] for key in os.environ if not key.startswith("MAKE")}
    return subprocess.run(
        ["make", *arguments],
        cwd=directory,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def write_python(path: Path, first: str = "") -> Path:
    """A Python that does what this one does, after a line of code."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"""#!/bin/sh
[ "$1" != -c ] || {{ shift; exec {sys.executable} -c "{first}
$@"; }}
exec {sys.executable} "$@"
""")
    path.chmod(0o755)
    return path


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The Makefile, a .venv with almost this Python, and a requirement that nobody has."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    write_python(tmp_path / ".venv/bin/python", "import sys; sys.version += '!'")
    lock = tmp_path / "layers/requirements.txt"
    lock.parent.mkdir()
    lock.write_text(f"no-such-package==1 --hash=sha256:{'0' * 64}\n")
    return tmp_path


def test_help_lists_the_targets() -> None:
    """Each target that is a command has a line."""
    listed = re.findall(r"^make ([\w-]+) +\w", make("help").stdout, re.MULTILINE)
    declared = re.search(r"^\.PHONY: (run .*?[^\\])$", MAKEFILE, re.MULTILINE | re.DOTALL)
    assert declared
    assert sorted(listed) == sorted(declared[1].replace("\\", "").split())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no-such-python", "No no-such-python here"),
        ("./cannot-run", "can't be run"),
        ("./old", "is older than Python 3.10"),
    ],
)
def test_a_python_that_cannot_be_used(checkout: Path, name: str, said: str) -> None:
    """Another Python that isn't there, can't be run or is too old leaves .venv as it is."""
    (checkout / "cannot-run").write_text("#!/no/such/interpreter\n")
    (checkout / "cannot-run").chmod(0o755)
    write_python(checkout / "old", OLD)
    (checkout / ".venv/run-ready").touch()
    before = sorted((checkout / ".venv").rglob("*"))
    ended = make("run", f"PYTHON={name}", directory=checkout)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert sorted((checkout / ".venv").rglob("*")) == before


def test_another_python(checkout: Path) -> None:
    """One that can be used takes the place of the one that .venv was made with."""
    (checkout / ".venv/run-ready").touch()
    planned = make("-n", "run", f"PYTHON={checkout / '.venv/bin/python'}", directory=checkout)
    assert "-m venv" not in planned.stdout
    assert (checkout / ".venv").exists()
    planned = make("-n", "run", f"PYTHON={sys.executable}", directory=checkout)
    assert "-m venv .venv" in planned.stdout
    assert not (checkout / ".venv").exists()


def test_without_network(checkout: Path) -> None:
    """The set-up says in a sentence that the index can't be reached, and can be repeated."""
    offline = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "http://127.0.0.1:9/simple"}
    ended = make("run", directory=checkout, PIP_RETRIES="1", **offline)
    assert ended.returncode == 2
    assert "The package index can't be reached: connect to the network" in ended.stderr
    assert len(ended.stderr.splitlines()) == 3  # what it installs, the sentence, and make's own
    assert not (checkout / ".venv/run-ready").exists()
    assert "/simple/no-such-package" in (checkout / ".venv/pip.log").read_text()


def test_what_else_stops_the_set_up(checkout: Path) -> None:
    """What pip says is shown where it isn't about the network."""
    (checkout / "layers/requirements.txt").write_text("not a requirement\n")
    ended = make("run", directory=checkout)
    assert ended.returncode == 2
    assert "ERROR: Invalid requirement" in ended.stderr
    assert "network" not in ended.stderr


def said_after_ctrl_c(*command: str, directory: Path = ROOT) -> str:
    """What is said after Ctrl-C, which comes after the first line."""
    with subprocess.Popen(
        ["make", *command],
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, "PIP_INDEX_URL": "http://127.0.0.1:9/simple"},
    ) as running:
        assert running.stdout
        running.stdout.readline()
        os.killpg(running.pid, signal.SIGINT)
        said = running.stdout.read()
    assert running.returncode == -signal.SIGINT
    return said


@pytest.mark.skipif(not (ROOT / ".venv/run-ready").exists(), reason="the tests weren't run by make")
@pytest.mark.parametrize("command", ["run", "serve"])
def test_ctrl_c_is_quiet(command: str) -> None:
    """It ends at once, and says nothing of it."""
    said = said_after_ctrl_c(command)
    assert not re.search(r"make|Error|Traceback|Interrupt", said.replace("make serve", ""))


def test_ctrl_c_during_the_set_up(checkout: Path) -> None:
    """It is quiet too, and what isn't finished doesn't count as ready."""
    assert said_after_ctrl_c("run", directory=checkout) == ""
    assert not (checkout / ".venv/run-ready").exists()


def test_the_commands_get_what_is_named() -> None:
    """PORT, LOG and EVENT reach the sandbox from the command line, and not from the environment."""
    served = make("-n", "serve", "PORT=8000", "LOG=json").stdout
    assert "-m tests.sandbox serve --port 8000 --log json" in served
    assert "-m tests.sandbox event mns_queue" in make("-n", "event", "EVENT=mns_queue").stdout
    for command in ("serve", "event"):
        planned = make("-n", command, PORT="1", LOG="debug", EVENT="x").stdout
        assert planned.split()[-1] == command
