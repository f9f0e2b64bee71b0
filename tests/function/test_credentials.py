"""The role's credentials come from the context or the environment, fresh for each call."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest

from tests.sandbox.acs3 import StsCredentials
from tests.sandbox.cams_gateway import Behaviour
from tests.sandbox.function_compute import new_credentials
from tests.support.function_under_test import FunctionUnderTest
from verify_code import credentials
from verify_code.cams.client import RoleProvider

NAMES = ("access_key_id", "access_key_secret", "security_token")


def ask_with(function: FunctionUnderTest, in_context: Any, in_environment: StsCredentials) -> Any:
    """Asks with these credentials in the invocation's context, and those in the environment."""
    for name in NAMES:
        value = getattr(in_environment, name)
        function.monkeypatch.setenv(f"ALIBABA_CLOUD_{name.upper()}", value)
    context = SimpleNamespace(credentials=in_context)
    return function.app.handle(b'{"PhoneNumber": "+6581234567"}', context)


@pytest.mark.parametrize("place", ["context", "environment"])
def test_rotation(function: FunctionUnderTest, place: str) -> None:
    """New credentials are used for the next call, and those of the context come first."""
    for _ in range(2):
        fresh, stale = new_credentials(), new_credentials()
        function.gateway.accept(fresh)
        in_context, in_environment = (fresh, stale) if place == "context" else (None, fresh)
        assert ask_with(function, in_context, in_environment)["sent"] == "yes"
    assert ask_with(function, stale, fresh)["code"] == "InvalidAccessKeyId.NotFound"
    assert fresh.access_key_secret not in repr(credentials.read(None))


@pytest.mark.parametrize("empty", ["", None, " ", 5, "two\nlines", "\u5bc6\u94a5"])
def test_empty_credentials_are_none(function: FunctionUnderTest, empty: Any) -> None:
    """Credentials that are empty, or that no header can carry, are ignored."""
    in_context = SimpleNamespace(**dict.fromkeys(NAMES, empty))
    assert ask_with(function, in_context, function.credentials)["sent"] == "yes"


SPELLINGS = {
    "as it is": lambda value: value,
    "escaped in JSON": lambda value: value.replace("=", "\\u003d").replace("/", "\\/"),
    "escaped in JSON, in capitals": lambda value: value.replace("+", "\\u002B"),
    "percent-encoded": lambda value: quote(value, safe=""),
    "percent-encoded twice": lambda value: quote(quote(value, safe="")),
    "percent-encoded in small letters": lambda value: value.replace("=", "%3d").replace("/", "%2f"),
}


@pytest.mark.parametrize("code", ["SignatureDoesNotMatch", "isv.Refused"])
@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("name", NAMES)
def test_an_answer_that_quotes_credentials(
    function: FunctionUnderTest,
    capsys: pytest.CaptureFixture[str],
    name: str,
    spell: Callable[[str], str],
    code: str,
) -> None:
    """Quoted credentials are masked in any spelling; the text of a signature error is dropped."""
    value = f"STS.{secrets.token_hex(8)}+/{secrets.token_hex(8)}/+=="
    found = replace(function.credentials, **{name: value})
    function.gateway.accept(found)
    text = f"The server's CanonicalRequest is POST {spell(value)}."
    body = f'{{"Code": "{code}", "Message": "{text}", "AccessDeniedDetail": {{"A": "{text}"}}}}'
    function.gateway.will(Behaviour(400, body.encode()))
    result = ask_with(function, found, found)
    assert (result["code"], result["sent"]) == (code, "no")
    logged = capsys.readouterr().out
    for run in re.findall(r"[A-Za-z0-9]{16}", value):
        assert run not in json.dumps(result) + logged
    if code == "isv.Refused":
        assert result["message"] == "The server's CanonicalRequest is POST ***."
    else:
        assert result["access_denied_detail"] is None
        assert "CanonicalRequest" not in json.dumps(result) + logged


def test_no_role(function: FunctionUnderTest) -> None:
    """A function without a role answers `Misconfigured` before it reads any field."""
    result = function.app.handle(b"{}", SimpleNamespace(credentials=None))
    assert (result["code"], result["sent"]) == ("Misconfigured", "no")
    assert "role" in result["message"]


def test_credentials_that_vanish_at_the_call(function: FunctionUnderTest) -> None:
    """If the credentials are gone when the SDK asks for them, nothing is sent."""
    answers = [function.credentials]

    class Context:
        @property
        def credentials(self) -> StsCredentials | None:
            return answers.pop() if answers else None

    result = function.app.handle(b'{"PhoneNumber": "+6581234567"}', Context())
    assert (result["sent"], result["code"]) == ("no", "UnexpectedError")
    assert function.gateway.requests_seen == 0


def test_the_provider_for_asynchronous_callers(function: FunctionUnderTest) -> None:
    """The SDK's asynchronous interface gets the same credentials."""
    role = RoleProvider()
    role.context = function.context
    found = asyncio.run(role.get_credentials_async())
    assert found.get_access_key_id() == function.credentials.access_key_id


def test_an_answer_that_quotes_a_part_of_a_token(
    function: FunctionUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    """A part of a token in the API's message is masked too."""
    token = f"CAIS{secrets.token_hex(40)}"
    found = replace(function.credentials, security_token=token)
    function.gateway.accept(found)
    function.gateway.will(Behaviour.says(400, Code="Other", Message=f"token={token[5:60]}"))
    result = ask_with(function, found, found)
    assert result["message"] == "token=***"
    assert token[5:30] not in capsys.readouterr().out
