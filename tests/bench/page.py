"""Puts figures into the pages of the documentation, between two marks.

docs/measured.json keeps each table whole. A page shows as much of it as a reader needs.
"""

from __future__ import annotations

import json
import os
import platform as machine
import time
from collections.abc import Iterable, Sequence
from typing import Any

from tests.sandbox.function_compute import ROOT

MEASURED = ROOT / "docs" / "measured.json"
END = "<!-- end -->"
SEPARATOR = " | "


def write(
    name: str,
    what: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    note: str = "",
    shown: Sequence[str] = (),
) -> None:
    """Writes the table that ``make bench`` made, what is to note, and on what it was made.

    ``shown`` are the columns that the page has besides the first; without it all of them.
    """
    cores = f"{machine.system()} {machine.machine()}, {os.cpu_count()} cores"
    made_on = f"{cores}, Python {machine.python_version()}, {time.strftime('%Y-%m-%d')}"
    kept = measured()
    lines = [SEPARATOR.join(row) for row in (header, *rows)]
    table = {"lines": lines, "note": note, "made_on": made_on, "shown": shown}
    kept[what] = {"page": name, **table}
    MEASURED.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    put(name, f"bench: {what}", rendered(kept[what]))


def measured() -> dict[str, Any]:
    """All tables, by what stands in their marks."""
    tables: dict[str, Any] = json.loads(MEASURED.read_text())
    return tables


def put(name: str, mark: str, text: str) -> None:
    """Puts the text behind the mark in a page."""
    page = ROOT / "docs" / name
    before, rest = _parts(name, mark)
    page.write_text(f"{before}\n{text}\n\n{rest}")


def found(name: str, mark: str) -> str:
    """The text that stands behind the mark in a page."""
    before, rest = _parts(name, mark)
    return (ROOT / "docs" / name).read_text()[len(before) : -len(rest)].strip()


def _parts(name: str, mark: str) -> tuple[str, str]:
    before, begin, rest = (ROOT / "docs" / name).read_text().partition(f"<!-- {mark} -->\n")
    if not begin:
        raise LookupError(f"docs/{name} has no mark {mark}")
    return before + begin, rest[rest.index(END) :]


def rendered(kept: dict[str, Any]) -> str:
    """What a page shows of a table: of one that ends in a total, the total alone."""
    header, *rows = (line.split(SEPARATOR) for line in kept["lines"])
    of_all = rows[-1][0] == "**all**"
    wanted = [name for name in header[1:] if name in (kept["shown"] or header)]
    of = {name: [row[header.index(name)] for row in rows] for name in wanted}
    same = [name for name in wanted if of_all or len(set(of[name])) == 1]
    lines = []
    if not of_all:
        columns = [of[name] for name in wanted if name not in same]
        first = [row[0] for row in rows]
        names = (header[0], *(name for name in wanted if name not in same))
        lines += [table(names, zip(first, *columns, strict=True), figures=True), ""]
    said = "; ".join(f"{name} {of[name][-1]}" for name in same)
    said = f"{'In all' if of_all else 'In each row'}: {said}." if said else ""
    on = kept["made_on"].partition(", ")[2]
    lines.append(" ".join(filter(None, (said, kept["note"], f"On {on}."))))
    return "\n".join(lines)


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, figures: bool = False) -> str:
    """A table in Markdown; the figures of all columns but the first stand on the right."""
    rule = "| --- |" + (" --: |" if figures else " --- |") * (len(header) - 1)
    return "\n".join([_row(header), rule, *map(_row, rows)])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
