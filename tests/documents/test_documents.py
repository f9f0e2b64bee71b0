"""What the pages say of the code: the OpenAPI document, answers and settings."""

from __future__ import annotations

import re

from tests.support import judge, openapi
from tests.support.answers import examples
from tests.support.function_under_test import FunctionUnderTest
from tests.support.hostile import ROOT
from verify_code.operations import OPERATIONS
from verify_code.request import Request
from verify_code.result import CODES, Result
from verify_code.settings import Settings, load
from verify_code.validation import NAMES

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
    """docs/answers.md says of each operation its path, its action, its fields and its keys."""
    rows = re.findall(
        r"^\| `(\w+)`: .* \| `(/\w*)` \| `(\w+)` \|(.*)\|(.*)\|$", ANSWERS, re.MULTILINE
    )
    keys = {
        name: set(each.result.showing(Result.accepted()).for_http())
        for name, each in OPERATIONS.items()
    }
    common = set.intersection(*keys.values())
    assert [name for name, *_ in rows] == list(OPERATIONS)
    for name, path, action, fields, own_keys in rows:
        operation = OPERATIONS[name]
        assert (path, action) == ("/" if name == "send" else f"/{name}", operation.action)
        assert quoted(fields) == operation.request.model_fields.keys() - Request.model_fields.keys()
        assert quoted(own_keys) == keys[name] - common
    told = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| [^|]* \|$", ANSWERS, re.MULTILINE)
    assert quoted(" ".join(told)) == set.union(*keys.values())


def test_the_page_has_each_field() -> None:
    """docs/answers.md has each field of a request, under all its names."""
    rows = re.findall(r"^\| `(\w+)` \| (`\w+`.*?) \| .* \|$", ANSWERS, re.MULTILINE)
    told = {name: {name, *quoted(others)} for name, others in rows}
    assert told == {name: set(names) for name, names in NAMES.items()}


def test_the_page_has_each_status() -> None:
    """docs/answers.md has each code of ours beside its HTTP status and its outcome."""
    rows = re.findall(r"^\| ([\d, ]+) \| (yes|no|unknown) \| (.*?) \|", ANSWERS, re.MULTILINE)
    told = {
        (int(status), outcome, code)
        for statuses, outcome, codes in rows
        for status in statuses.split(", ")
        for code in quoted(codes)
    }
    for operation in OPERATIONS.values():
        for each in examples(operation):
            row = (each.http_status, each.outcome, each.code)
            meaning = CODES.get(each.code)
            if meaning and meaning.outcome == "unknown" and not operation.changes_something:
                assert (each.http_status, each.retryable) == (503, True)
                row = (202, "unknown", each.code)  # to which the row of 503 refers
            assert row in told or each.origin == "api", row
