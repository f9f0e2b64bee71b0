"""What is checked in beside the code: docs/openapi.json and docs/settings.md."""

from __future__ import annotations

from dataclasses import fields

from tests.support import judge, openapi
from tests.support.function_under_test import FunctionUnderTest
from tests.support.hostile import ROOT
from verify_code.result import OWN_CODES
from verify_code.settings import Settings


def test_openapi_is_what_the_models_say() -> None:
    """docs/openapi.json is what `make openapi` writes, with an example of each code of ours."""
    text = openapi.text()
    assert (ROOT / "docs" / "openapi.json").read_text() == text
    assert [code for code in OWN_CODES if f'"code": "{code}"' not in text] == []


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
    for each in fields(Settings):
        name, default = each.name.upper(), each.metadata["default"]
        assert f"`{name}`" in page, name
        assert not default or f"| `{name}` | `{default}` |" in page, name
