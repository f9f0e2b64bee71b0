"""The tools that a deployment runs, and what it makes with `aliyun` where it isn't there yet."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from typing import Any, NamedTuple

Command = tuple[str, ...]


class StepFailed(Exception):
    """A step can't be done; the text says why."""


class Thing(NamedTuple):
    """What `aliyun` looks for, and makes where it isn't there."""

    name: str
    look: Command
    make: Command


#: What the APIs say of what isn't there.
NOT_THERE = (
    r"\b(EntityNotExist|ContactNotExists|ResourceNotFound"
    r"|(Queue|Project|LogStore|Index|IndexConfig|Dashboard|Job|ResourceRecord)(NotExist|NotFound))"
)


def ensure(*things: Thing) -> str:
    """Makes what isn't there yet; what stands on something new may have to wait for it."""
    made = []
    for thing in things:
        if aliyun(*thing.look) is None:
            for wait_seconds in (5, 10, 20, 0):
                if aliyun(*thing.make) is not None:
                    break
                time.sleep(wait_seconds)
            else:
                raise StepFailed(f"aliyun {' '.join(thing.make[:2])} still says: not found.")
            made.append(thing.name)
    return f"made {', '.join(made)}" if made else "there already"


def need_log_plugin() -> None:
    """Installs the plugin sls of aliyun if it isn't there; it would ask in the midst of a step."""
    if not re.search(r"^(aliyun-cli-)?sls\b", run("aliyun", "plugin", "list"), re.MULTILINE):
        run("aliyun", "plugin", "install", "--names", "sls", given=b"y\n")


def removed(*commands: Command) -> str:
    """Runs the commands and says whether there was anything to remove."""
    gone = [aliyun(*command) for command in commands]
    return "was not there" if all(each is None for each in gone) else "removed"


def aliyun(*words: str) -> dict[str, Any] | None:
    """What the API answers; None where there is no such thing, {} where there is one already."""
    printed, is_well = tried("aliyun", *words)
    if is_well:
        return dict(json.loads(printed)) if printed.startswith("{") else {}
    if re.search(r"\b\w*AlreadyExist", printed):
        return {}
    if re.search(NOT_THERE, printed):
        return None
    raise StepFailed(f"aliyun {' '.join(words[:2])} failed: {printed[-800:]}")


LONGEST_SECONDS = 180
TOOLS = {
    "aliyun": "install the Alibaba Cloud CLI, then aliyun configure",
    "s": "npm install --global @serverless-devs/s@3.1.10, then s config add",
    "openssl": "install openssl, which signs tokens",
}


def run(tool: str, *words: str, given: bytes = b"") -> str:
    """What a tool prints; its failure is one of the step."""
    printed, is_well = tried(tool, *words, given=given)
    if not is_well:
        raise StepFailed(f"{tool} {' '.join(words[:2])} failed: {printed[-800:]}")
    return printed


def path_of(tool: str) -> str:
    """Where a tool is; a sentence says how to get it if it isn't."""
    path = shutil.which(tool)
    if path is None:
        raise StepFailed(f"{tool} is not here: {TOOLS[tool]}.")
    return path


def tried(
    tool: str, *words: str, given: bytes = b"", environment: dict[str, str] | None = None
) -> tuple[str, bool]:
    """What a tool prints, with its errors where it failed, and whether it ended well."""
    path = path_of(tool)
    for _ in range(2):  # `s` was seen to stay after its work was done; each of its steps can repeat
        try:
            ended = subprocess.run(
                [path, *words],
                input=given,
                env=os.environ | (environment or {}),
                capture_output=True,
                check=False,
                timeout=LONGEST_SECONDS,
            )
        except subprocess.TimeoutExpired:
            continue
        printed = ended.stdout + (ended.stderr if ended.returncode else b"")
        return printed.decode("utf-8", "replace").strip(), ended.returncode == 0
    raise StepFailed(f"{tool} {' '.join(words[:2])} did not end within {LONGEST_SECONDS} seconds.")
