"""Writes the tables that the code itself has into docs/: ``make codes``."""

from __future__ import annotations

from collections import defaultdict

from tests.bench import page
from tests.support import codes, costs
from tests.support.answers import examples
from verify_code.operations import SEND, STATUS, VERIFY


def of_an_app() -> str:
    """What an app does, by the status and the code of the answer."""
    told: defaultdict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    statuses: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for operation in (SEND, VERIFY, STATUS):
        for each in examples(operation):
            key = codes.of(each.code).title, each.outcome
            if operation is not STATUS or key in told:  # the page explains its 503 for 202
                told[key][operation.name] = codes.advice(each, operation)
                statuses[key].add(each.http_status)
    alike: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for (title, outcome), texts in told.items():
        numbers = ", ".join(map(str, sorted(statuses[title, outcome])))
        alike[numbers, outcome, _in_short(texts)].append(title)
    rows = [
        (numbers, outcome, ", ".join(titles), text)
        for (numbers, outcome, text), titles in sorted(alike.items())
    ]
    return page.table(("HTTP", "`sent`, `registered`", "`code`", "the app"), rows)


def _in_short(texts: dict[str, str]) -> str:
    """What an app does after /, and after the other operations where that is something else."""
    first = texts[SEND.name]
    others = [f"`{name}`: {text}" for name, text in texts.items() if text != first]
    return " ".join([f"`{SEND.name}`: {first}" if others else first, *others])


def of_an_operator() -> str:
    """What happened, and what an operator does."""
    rows = [(each.title, each.happened, each.operator) for each in codes.TABLE]
    return page.table(("code", "what happened", "what you do"), rows)


#: The page, the mark in it, and what stands there.
TABLES = (
    ("answers.md", "an app", of_an_app),
    ("operating.md", "an operator", of_an_operator),
    ("operating.md", "costs", costs.table),
)


def main() -> None:
    for name, what, made in TABLES:
        page.put(name, f"codes: {what}", made())


if __name__ == "__main__":
    main()
