"""What the pages say of the code: the OpenAPI document, answers and settings."""

from __future__ import annotations

import re

import pytest

from tests.bench import page
from tests.support import codes, judge, openapi, tables
from tests.support.answers import examples
from tests.support.function_under_test import FunctionUnderTest
from tests.support.hostile import ROOT
from verify_code.operations import OPERATIONS, SEND
from verify_code.request import Request
from verify_code.result import CODES, Result
from verify_code.settings import Settings, load
from verify_code.validation import NAMES

DOCUMENTS = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")} - {ROOT / "CHANGELOG.md"})
ANSWERS = (ROOT / "docs" / "answers.md").read_text()


def quoted(text: str) -> set[str]:
    """The names that stand in code quotes."""
    return set(re.findall(r"`([\w.]+)`", text))


def test_openapi_is_what_the_models_say() -> None:
    """docs/openapi.json is what `make openapi` writes, with an example of each code of ours."""
    text = openapi.text()
    assert (ROOT / "docs" / "openapi.json").read_text() == text
    assert [code for code in CODES if f'"code": "{code}"' not in text] == []


def test_answers_are_as_openapi_says(function: FunctionUnderTest) -> None:
    """Real answers, and the examples, fit the published schema."""
    document = openapi.document()
    answers = [function.post().result, function.post({}).result, function.post(b"x").result]
    responses = document["paths"]["/"]["post"]["responses"]
    for response in (responses[status] for status in responses if status != "default"):
        examples = response["content"]["application/json"]["examples"]
        answers += [example["value"] for example in examples.values()]
    for answer in answers:
        judge.schema().validate(answer)


def test_every_setting_is_explained() -> None:
    """docs/settings.md has each setting that the function reads, with its default."""
    page = (ROOT / "docs" / "settings.md").read_text()
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (.*?) \|", page, re.MULTILINE))
    assert rows.keys() == {name.upper() for name in Settings.model_fields}
    required = {"CUST_SPACE_IDS": "a", "ALLOWED_COUNTRIES": "SG"}
    texts = {name: found[0] for name, row in rows.items() if (found := re.findall("^`(.+?)`", row))}
    assert load({**texts, **required}, 20) == load(required, 20)
    assert len(texts) >= 14


def test_the_page_has_each_operation() -> None:
    """docs/answers.md says of each operation path, action and fields, and no wrong key."""
    rows = re.findall(r"^\| `(\w+)`: .* \| `(/\w*)` \| `(\w+)` \|(.*)\|$", ANSWERS, re.MULTILINE)
    assert [name for name, *_ in rows] == list(OPERATIONS)
    for name, path, action, fields in rows:
        operation = OPERATIONS[name]
        assert (path, action) == ("/" if name == "send" else f"/{name}", operation.action)
        assert quoted(fields) == operation.request.model_fields.keys() - Request.model_fields.keys()
    told = quoted(" ".join(re.findall(r"^\| (`\w+`) \| [^|]* \|$", ANSWERS, re.MULTILINE)))
    keys = [
        set(each.result.of_operation(Result.accepted()).for_http()) for each in OPERATIONS.values()
    ]
    every, common = set[str]().union(*keys), set(keys[0]).intersection(keys[1], keys[2])
    assert every - common - {"method", "locale"} <= told <= every


def test_the_page_has_each_field() -> None:
    """docs/answers.md has each field of a request, under all its names."""
    rows = re.findall(r"^\| `(\w+)` \| (`\w+`.*?) \| .* \|$", ANSWERS, re.MULTILINE)
    told = {name: {name, *quoted(others)} for name, others in rows}
    assert told == {name: set(names) for name, names in NAMES.items()}


def test_tables_of_codes_are_what_the_code_says() -> None:
    """The tables of codes and costs in docs/ are what `make codes` writes."""
    for name, what, made in tables.TABLES:
        assert page.found(name, f"codes: {what}") == made(), (name, what)


def test_every_code_has_its_row() -> None:
    """Each code of ours has its own row, and each row of the API's codes has an example."""
    titles = {code: codes.of(code).title for code in CODES}
    assert titles == {code: f"`{code}`" for code in CODES}
    shown = {codes.of(each.code) for each in examples(SEND)} | {
        codes.of("DeliveryMethodNotAllowed")
    }
    assert shown == set(codes.TABLE)


@pytest.mark.parametrize("what", page.measured())
def test_tables_of_figures_are_what_was_measured(what: str) -> None:
    """Each measured table in docs/ shows what `make bench` left in docs/measured.json."""
    measured = page.measured()[what]
    assert page.found(measured["page"], f"bench: {what}") == page.rendered(measured)


def test_every_mark_has_its_table() -> None:
    """No table in docs/ stands behind a mark that nothing writes."""
    written = {f"codes: {what}" for _, what, _ in tables.TABLES}
    written |= {f"bench: {what}" for what in page.measured()}
    marks = [
        mark
        for path in DOCUMENTS
        for mark in re.findall(r"<!-- ((?:bench|codes): .*) -->\n\n", path.read_text())
    ]
    assert sorted(marks) == sorted(written)


def test_the_documents_are_short() -> None:
    """All documents together, but for the list of changes, have at most 9,000 words.

    The bars of a table are no words.
    """
    words = {path.name: len(re.findall(r"\S*\w\S*", path.read_text())) for path in DOCUMENTS}
    assert sum(words.values()) <= 9000, words
