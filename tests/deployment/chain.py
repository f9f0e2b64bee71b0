"""A machine to deploy from, on which `make deploy` runs: the real `s`, the real fc3 component, a
recorder for `aliyun`, and the control plane's stand-in for all that they ask."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.deployment.control_plane import ACCOUNT, CREDENTIALS, ControlPlane

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
DIST = ROOT / "layers" / "dist"

_S_YAML = yaml.safe_load((ROOT / "s.yaml").read_text())
#: Name and version of the component, as s.yaml pins them.
COMPONENT = str(_S_YAML["resources"]["http"]["component"])
KEPT = Path.home() / ".s" / "components" / "devsapp.cn" / "v3" / COMPONENT


def component() -> Path | None:
    """The folder of the fc3 component: the one that FC3_COMPONENT names, or where `s` keeps it."""
    named = os.environ.get("FC3_COMPONENT")
    folder = Path(named) if named else KEPT
    return folder if (folder / "package.json").exists() else None


def serverless_devs() -> str | None:
    """The command `s` that `make test-deploy` has installed."""
    found = shutil.which(os.environ.get("SERVERLESS_DEVS", "s"))
    return found and str(Path(found).absolute())


class Ended(NamedTuple):
    """How a command ended, and what it printed."""

    status: int
    text: str


class Machine:
    """A checkout with the built zips, and the tools beside it."""

    def __init__(self, folder: Path, plane: ControlPlane, runtime: str) -> None:
        tool, fc3 = serverless_devs(), component()
        assert tool
        assert fc3
        self.checkout, self.home, self.things = (
            folder / name for name in ("checkout", "home", "aliyun")
        )
        for each in (self.home, self.things, folder / "path"):
            each.mkdir(parents=True)
        ignored = shutil.ignore_patterns("dist", "wheels", "__pycache__")
        for name in ("function", "layers", "deploying"):
            shutil.copytree(ROOT / name, self.checkout / name, ignore=ignored)
        shutil.copytree(DIST, self.checkout / "layers" / "dist")
        (self.checkout / "docs").mkdir()
        in_docs = (f"docs/{name}.json" for name in ("role_policy", "log_index", "monitoring"))
        for name in ("deploy.py", "s.yaml", *in_docs):
            shutil.copy(ROOT / name, self.checkout / name)
        kept = self.home / KEPT.relative_to(Path.home())
        kept.parent.mkdir(parents=True)
        kept.symlink_to(fc3)
        (folder / "path" / "s").symlink_to(tool)
        aliyun = folder / "path" / "aliyun"
        aliyun.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {HERE}/aliyun.py "$@"\n')
        aliyun.chmod(0o755)
        proxy = f"http://127.0.0.1:{plane.port}"
        self.environment = {
            "PATH": f"{folder}/path:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "ALIYUN_STATE": str(self.things),
            "CONTROL_PLANE_PORT": str(plane.port),
            "NODE_OPTIONS": f"--require {HERE}/redirect.js",
            "NODE_EXTRA_CA_CERTS": str(plane.authority_file),
            "SSL_CERT_FILE": str(plane.authority_file),
            "HTTPS_PROXY": proxy,
            "RUNTIME": runtime,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        known = ("AccessKeyID", CREDENTIALS.access_key_id), ("AccountID", ACCOUNT)
        secret = ("AccessKeySecret", CREDENTIALS.access_key_secret)
        token = ("SecurityToken", CREDENTIALS.security_token)
        words = [word for name, value in (*known, secret, token) for word in (f"--{name}", value)]
        assert (
            self.run(str(folder / "path" / "s"), "config", "add", "-a", "default", *words).status
            == 0
        )

    def run(self, *words: str, environment: Mapping[str, str] = {}) -> Ended:
        """Runs a command without a terminal."""
        ended = subprocess.run(
            words,
            cwd=self.checkout,
            env=self.environment | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=500,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout)

    def deploy(self, *words: str, **environment: str) -> Ended:
        """Runs deploy.py, as make does, without a terminal."""
        python = (sys.executable, "deploy.py", *(words or ("deploy",)))
        return self.run(*python, environment=environment)

    def deploy_in_a_terminal(self, answers: list[str], *words: str) -> Ended:
        """Runs deploy.py with a real terminal and types the answers to its questions."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "deploy.py", *(words or ("deploy",))],
            cwd=self.checkout,
            env=self.environment,
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
        text, _ = process.communicate(timeout=500)
        os.close(ours)
        os.close(theirs)
        return Ended(process.returncode, text)

    def values(self) -> dict[str, str]:
        """What .env says."""
        text = (self.checkout / ".env").read_text()
        return dict(re.findall(r"^(\w+)='(.*)'$", text, re.MULTILINE))

    def set(self, **values: str) -> None:
        """Writes values into .env, as a user would with an editor."""
        path = self.checkout / ".env"
        text = path.read_text()
        for name, value in values.items():
            text = re.sub(rf"^{name}='.*'$", f"{name}='{value}'", text, flags=re.MULTILINE)
        path.write_text(text)

    def refuse(self, **codes: str) -> None:
        """Lets the next command of each name be refused by `aliyun` with a code."""
        (self.things / "fail.json").write_text(json.dumps(codes))

    def calls(self) -> list[list[str]]:
        """Each command that `aliyun` was given."""
        path = self.things / "calls.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def made(self) -> dict[str, Any]:
        """What `aliyun` has made and not removed."""
        path = self.things / "things.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}
