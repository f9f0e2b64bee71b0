"""What is installed and deployed: locked by hash, licensed, and used."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions

import pytest
from packaging.utils import canonicalize_name

from tests.support.audit import ROOT

LOCKS = ("layers", "tests", "tests/extras", "tests/bench/handlers", "tests/bench/handlers/named")
PINNED = re.compile(
    r"^([\w.-]+)==(\S+)(?: ; .*?)? \\$((?:\n    --hash=sha256:[0-9a-f]{64}.*)+)", re.MULTILINE
)


def locked(part: str) -> dict[str, set[str]]:
    """Each package of a lock and its versions, which may differ from Python to Python."""
    text = (ROOT / part / "requirements.txt").read_text()
    versions: dict[str, set[str]] = {}
    for name, version, _ in PINNED.findall(text):
        versions.setdefault(name, set()).add(version)
    assert sum(map(len, versions.values())) == len(re.findall(r"^\w", text, re.MULTILINE)) > 0
    return versions


def imported() -> set[str]:
    """The distributions that the function's code imports, but for its own."""
    names: set[str] = set()
    for path in (ROOT / "function").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.partition(".")[0])
    names -= {"verify_code", *sys.stdlib_module_names}
    owners = packages_distributions()
    return {canonicalize_name(owners.get(name, [name])[0]) for name in names}


@pytest.mark.parametrize("part", LOCKS)
def test_what_is_installed_is_locked(part: str) -> None:
    """Each package is pinned to its files' hashes, which pip is told to require, and to the version
    that is deployed."""
    assert "--require-hashes" in (ROOT / "Makefile").read_text()
    deployed = locked("layers")
    for name, versions in locked(part).items():
        assert versions == deployed.get(name, versions), name


def test_each_dependency_is_imported_and_each_import_is_one() -> None:
    """The function imports each package that it names, and else only what is a part of one."""
    named = (ROOT / "layers" / "requirements.in").read_text()
    parts = {"alibabacloud-credentials-api", "darabonba-core", "pydantic-core"}
    assert imported() - parts == set(re.findall(r"^([\w-]+)", named, re.MULTILINE))
