"""Simple Log Service as far as the queries of docs/monitoring.json need it.

A query is a search and, behind a bar, SQL. The search part is evaluated here, in the form that the
service documents: `field: value` with a `*` at the end, comparisons, AND, OR, NOT and brackets.
Text is compared word by word, without case. SQLite runs the SQL part, with the functions that it
lacks. What the real service does otherwise, only the real service shows (docs/live_run.md).
"""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

_INDEX = json.loads((Path(__file__).parents[2] / "docs" / "log_index.json").read_text("utf-8"))
#: The fields of a line that are indexed, and their types.
FIELDS = {f"message.{key}": each["type"] for key, each in _INDEX["message"]["json_keys"].items()}
_DELIMITERS = "".join(_INDEX["message"]["token"])
_TOKEN = re.compile(r'\s*("[^"]*"|[()]|>=|<=|[<>:]|[^\s()<>:"]+)')

Line = dict[str, Any]


def run(query: str, lines: Iterable[tuple[int, Line]]) -> list[dict[str, Any]]:
    """The rows that a query gives of lines, each with the second in which it was written."""
    search, _, sql = query.partition("|")
    found = [(second, line) for second, line in lines if matches(search, line)]
    return _select(sql.strip(), found)


def fires(
    alarm: dict[str, Any], lines: Iterable[tuple[int, Line]], now: int
) -> list[dict[str, Any]]:
    """The rows for which an alarm fires, which looks back over its minutes."""
    recent = [each for each in lines if now - 60 * alarm["minutes"] <= each[0] <= now]
    condition = alarm["condition"].replace("&&", " and ").replace("||", " or ")
    return [row for row in run(alarm["query"], recent) if eval(condition, {}, dict(row))]


def matches(search: str, line: Line) -> bool:
    """Does the search find the line?"""
    return _Search(search).matches(line)


class _Search:
    """A recursive descent: OR binds least; two terms side by side are an AND."""

    def __init__(self, text: str) -> None:
        self.tokens = _TOKEN.findall(text.strip())
        assert "".join(self.tokens) == re.sub(r"\s+(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", "", text), (
            text
        )

    def matches(self, line: Line) -> bool:
        self.rest, self.line = list(self.tokens), line
        found = self._either()
        assert not self.rest, self.rest
        return found

    def _either(self) -> bool:
        found = self._both()
        while self._is_next("OR"):
            found = self._both() or found
        return found

    def _both(self) -> bool:
        found = self._term()
        while self.rest and self.rest[0] not in (")", "OR"):
            self._is_next("AND")
            found = self._term() and found
        return found

    def _term(self) -> bool:
        if self._is_next("NOT"):
            return not self._term()
        if self._is_next("("):
            found = self._either()
            assert self._is_next(")")
            return found
        field, operator, value = (self.rest.pop(0) for _ in range(3))
        assert field in FIELDS, f"{field} is not indexed"
        return _compare(self.line.get(field.removeprefix("message.")), field, operator, value)

    def _is_next(self, word: str) -> bool:
        if self.rest[:1] == [word]:
            self.rest.pop(0)
            return True
        return False


def _compare(there: Any, field: str, operator: str, value: str) -> bool:
    if operator == ":":
        assert FIELDS[field] == "text", f"{field} is a number"
        wanted = value.strip('"').lower()
        words = re.split(f"[{re.escape(_DELIMITERS)}]", _as_text(there).lower())
        if wanted.endswith("*"):
            return any(word.startswith(wanted[:-1]) for word in words if word)
        return wanted in words
    assert FIELDS[field] == "long", f"{field} is text"
    if there is None:
        return False
    left, right = int(there), int(value)
    return {">": left > right, ">=": left >= right, "<": left < right, "<=": left <= right}[
        operator
    ]


def _as_text(value: Any) -> str:
    """As the index holds it: JSON's true is the word true."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def _select(sql: str, lines: list[tuple[int, Line]]) -> list[dict[str, Any]]:
    assert set(re.findall(r'"(message\.\w+)"', sql)) <= FIELDS.keys(), sql
    with closing(sqlite3.connect(":memory:")) as database:
        database.row_factory = sqlite3.Row
        types = {"text": "TEXT", "long": "INTEGER"}
        columns = ", ".join(f'"{name}" {types[kind]}' for name, kind in FIELDS.items())
        database.execute(f"CREATE TABLE log (__time__ INTEGER, {columns})")
        for second, line in lines:
            values = [
                _stored(line.get(name.removeprefix("message.")), FIELDS[name]) for name in FIELDS
            ]
            marks = ", ".join("?" * (len(values) + 1))
            database.execute(f"INSERT INTO log VALUES ({marks})", [second, *values])
        database.create_aggregate("count_if", 1, _CountIf)
        # typeshed knows aggregates of one argument only.
        database.create_aggregate("approx_percentile", 2, _Percentile)  # type: ignore[arg-type]
        database.create_function("date_format", 2, _date_format)
        rows = database.execute(_with_from(sql)).fetchall()
    if not re.search(r"\bLIMIT\b", sql):
        rows = rows[:100]  # which is all that the service then gives
    return [dict(row) for row in rows]


def _stored(value: Any, kind: str) -> Any:
    return value if kind == "long" or value is None else _as_text(value)


def _with_from(sql: str) -> str:
    """Names the table, which the service lets one leave out."""
    outer = re.sub(r"\([^()]*(\([^()]*\)[^()]*)*\)", lambda found: "x" * len(found[0]), sql)
    if re.search(r"\bFROM\b", outer):
        return sql
    at = re.search(r" (WHERE|GROUP BY|ORDER BY|LIMIT)\b|$", outer)
    assert at
    return f"{sql[: at.start()]} FROM log{sql[at.start() :]}"


class _CountIf:
    def __init__(self) -> None:
        self.count = 0

    def step(self, condition: int | None) -> None:
        self.count += bool(condition)

    def finalize(self) -> int:
        return self.count


class _Percentile:
    def __init__(self) -> None:
        self.values: list[float] = []
        self.share = 0.0

    def step(self, value: float | None, share: float) -> None:
        self.share = share
        if value is not None:
            self.values.append(value)

    def finalize(self) -> float:
        """The nearest rank; the service approximates it. There is a value in each group."""
        values = sorted(self.values)
        return values[min(len(values) - 1, int(self.share * len(values)))]


def _date_format(second: int, form: str) -> str:
    return time.strftime(form.replace("%i", "%M"), time.gmtime(second))
