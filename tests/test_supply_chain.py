"""What is installed and deployed: locked by hash, licensed, and used."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions

import pytest
from packaging.utils import canonicalize_name

from tests.audit import ROOT

LOCKS = ("layers", "tests", "tests/extras", "tests/bench/handlers")
PINNED = re.compile(
    r"^([\w.-]+)==(\S+)(?: ; .*?)? \\$((?:\n    --hash=sha256:[0-9a-f]{64}.*)+)", re.MULTILINE
)


def locked(part: str) -> dict[str, set[str]]:
    """Each package of a lock and its versions, which may differ from Python to Python."""
    text = (ROOT / part / "requirements.txt").read_text()
    versions: dict[str, set[str]] = {}
    for name, version, _ in PINNED.findall(text):
        versions.setdefault(name, set()).add(version)
    assert sum(map(len, versions.values())) == len(re.findall(r"^\w", text, re.MULTILINE))
    return versions


def wanted() -> set[str]:
    """What the function names as its own dependencies."""
    text = (ROOT / "layers" / "requirements.in").read_text()
    return set(re.findall(r"^([\w-]+)", text, re.MULTILINE))


def imported() -> set[str]:
    """The distributions that the function's code imports."""
    names: set[str] = set()
    for path in (ROOT / "function").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.partition(".")[0])
    names -= {"chatapp_code", *sys.stdlib_module_names}
    owners = packages_distributions()
    return {canonicalize_name(owners.get(name, [name])[0]) for name in names}


@pytest.mark.parametrize("part", LOCKS)
def test_every_line_of_a_lock_has_hashes(part: str) -> None:
    """Each package is pinned to a version and its files' hashes, which pip is told to require."""
    assert locked(part)
    assert "--require-hashes" in (ROOT / "Makefile").read_text()


def test_the_locks_agree() -> None:
    """What is tested is what is deployed: the locks have the same versions."""
    deployed = locked("layers")
    for part in LOCKS[1:]:
        other = locked(part)
        assert {name: other[name] for name in deployed if name in other} == {
            name: versions for name, versions in deployed.items() if name in other
        }


def test_each_dependency_is_imported_and_each_import_is_one() -> None:
    """The function imports each package that it names, and beside them only the SDK's own."""
    of_the_sdk = {"alibabacloud-credentials-api", "darabonba-core"}
    assert imported() - of_the_sdk == wanted()
