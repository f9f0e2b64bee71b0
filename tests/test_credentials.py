"""The role's credentials: from either place, fresh at each call, and never from elsewhere."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from chatapp_code import credentials
from tests.function_under_test import FunctionUnderTest
from tests.sandbox.acs3 import StsCredentials
from tests.sandbox.cams_gateway import Behaviour
from tests.sandbox.function_compute import new_credentials

NAMES = ("access_key_id", "access_key_secret", "security_token")


def ask_with(function: FunctionUnderTest, in_context: Any, in_environment: StsCredentials) -> Any:
    """Asks with what the invocation brings, and what the instance was started with."""
    for name in NAMES:
        value = getattr(in_environment, name)
        function.monkeypatch.setenv(f"ALIBABA_CLOUD_{name.upper()}", value)
    context = SimpleNamespace(credentials=in_context)
    return function.instance.handle(b'{"PhoneNumber": "+6581234567"}', context)


@pytest.mark.parametrize("place", ["context", "environment"])
def test_rotation(function: FunctionUnderTest, place: str) -> None:
    """Credentials that rotate between two calls are used at once, the context's first."""
    for _ in range(2):
        fresh, stale = new_credentials(), new_credentials()
        function.gateway.accept(fresh)
        in_context, in_environment = (fresh, stale) if place == "context" else (None, fresh)
        assert ask_with(function, in_context, in_environment)["sent"] == "yes"
    assert ask_with(function, stale, fresh)["code"] == "InvalidAccessKeyId.NotFound"
    assert fresh.access_key_secret not in repr(credentials.read(None))


@pytest.mark.parametrize("empty", ["", None, " ", 5, "two\nlines", "\u5bc6\u94a5"])
def test_empty_credentials_are_none(function: FunctionUnderTest, empty: Any) -> None:
    """Credentials that are empty, or that no header could carry, count as none."""
    in_context = SimpleNamespace(**dict.fromkeys(NAMES, empty))
    assert ask_with(function, in_context, function.credentials)["sent"] == "yes"


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_that_quotes_them(
    function: FunctionUnderTest, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """A refusal that quotes what was signed shows no key and no token, in whatever field."""
    value = getattr(function.credentials, name)
    refusal = {"Code": "SignatureDoesNotMatch", "AccessDeniedDetail": {"AuthAction": value}}
    quote = "The server's CanonicalRequest is POST {}."
    function.gateway.will(Behaviour.says(400, Message=quote.format(value), **refusal))
    result = function.ask()
    assert (result["code"], result["sent"]) == ("SignatureDoesNotMatch", "no")
    assert result["message"] == quote.format("***")
    assert value not in json.dumps(result) + capsys.readouterr().out


def test_no_role(function: FunctionUnderTest) -> None:
    """A function without a role is misconfigured, before any field is looked at."""
    result = function.instance.handle(b"{}", SimpleNamespace(credentials=None))
    assert (result["code"], result["sent"]) == ("Misconfigured", "no")
    assert "role" in result["message"]


def test_credentials_that_vanish_at_the_call(function: FunctionUnderTest) -> None:
    """Credentials that are gone when the SDK asks for them send nothing."""
    answers = [function.credentials]

    class Context:
        @property
        def credentials(self) -> StsCredentials | None:
            return answers.pop() if answers else None

    result = function.instance.handle(b'{"PhoneNumber": "+6581234567"}', Context())
    assert (result["sent"], function.gateway.requests_seen) == ("unknown", 0)


def test_the_provider_is_the_interfaces(function: FunctionUnderTest) -> None:
    """The SDK asks through the interface of its credentials package, also when asynchronous."""
    function.ask()
    function.cams._role.context = function.context
    found = asyncio.run(function.cams._role.get_credentials_async())
    assert found.get_access_key_id() == function.credentials.access_key_id
