"""What is checked in beside the code: docs/openapi.json and docs/settings.md."""

from __future__ import annotations

import re

from tests.support import judge, openapi
from tests.support.function_under_test import FunctionUnderTest
from tests.support.hostile import ROOT
from verify_code.result import CODES
from verify_code.settings import Settings, load


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
