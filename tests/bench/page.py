"""Puts figures into a page of the documentation, between two marks."""

from __future__ import annotations

import os
import platform as machine
import time
from collections.abc import Sequence
from pathlib import Path

from tests.sandbox.function_compute import ROOT


def write(
    name: str, what: str, header: Sequence[str], rows: Sequence[Sequence[str]], note: str = ""
) -> None:
    """Writes the table that ``make bench`` made, what is to note, and on what it was made."""
    page: Path = ROOT / "docs" / name
    begin, end = f"<!-- {what}: made by make bench -->", "<!-- end -->"
    before, found, rest = page.read_text().partition(begin)
    if not found:
        raise LookupError(f"docs/{name} has no mark {begin}")
    day = time.strftime("%Y-%m-%d")
    where = f"{machine.system()} {machine.machine()}, {os.cpu_count()} cores"
    lines = [
        begin,
        "",
        _row(header),
        "| --- |" + " --: |" * (len(header) - 1),
        *map(_row, rows),
        "",
        f"{note} On {where}, Python {machine.python_version()}, {day}.".strip(),
        "",
    ]
    page.write_text(before + "\n".join(lines) + end + rest.partition(end)[2])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
