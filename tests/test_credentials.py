"""The role's credentials: from either place, fresh at each call, and never from elsewhere."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from chatapp_code import credentials
from tests.function_under_test import FunctionUnderTest
from tests.sandbox.cams_gateway import Behaviour
from tests.sandbox.function_compute import new_credentials


def put_into_environment(monkeypatch: pytest.MonkeyPatch, given: Any) -> None:
    for name, value in vars(given).items():
        monkeypatch.setenv(f"ALIBABA_CLOUD_{name.upper()}", value)


@pytest.mark.parametrize("place", ["context", "environment"])
def test_rotation(function: FunctionUnderTest, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """Credentials that rotate between two calls are used at once, by the same SDK client."""
    clients = []
    for _ in range(2):
        function.credentials = new_credentials()
        function.gateway.accept(function.credentials)
        context = function.context
        if place == "environment":
            put_into_environment(monkeypatch, function.credentials)
            del context.credentials
        assert function.instance.handle(b'{"PhoneNumber": "+6581234567"}', context)["sent"] == "yes"
        clients.append(function.cams)
    assert clients[0] is clients[1]


def test_the_context_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the invocation brings is fresher than what the instance was started with."""
    old, new = new_credentials(), new_credentials()
    put_into_environment(monkeypatch, old)
    found = credentials.read(SimpleNamespace(credentials=SimpleNamespace(**vars(new))))
    assert found is not None
    assert found.access_key_id == new.access_key_id
    assert new.access_key_secret not in repr(found)


@pytest.mark.parametrize("empty", ["", None, " ", 5, "two\nlines", "\u5bc6\u94a5"])
def test_empty_credentials_are_none(monkeypatch: pytest.MonkeyPatch, empty: Any) -> None:
    """Credentials that are empty, or that no header could carry, count as none."""
    given = dict.fromkeys(("access_key_id", "access_key_secret", "security_token"), empty)
    context = SimpleNamespace(credentials=SimpleNamespace(**given))
    assert credentials.read(context) is None
    put_into_environment(monkeypatch, new_credentials())
    assert credentials.read(context) is not None


@pytest.mark.parametrize("name", ["access_key_id", "access_key_secret", "security_token"])
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
    context = function.context
    context.credentials = None
    result = function.instance.handle(b"{}", context)
    assert (result["code"], result["sent"]) == ("Misconfigured", "no")
    assert "role" in result["message"]


def test_wrong_credentials_are_refused_by_the_gateway(function: FunctionUnderTest) -> None:
    """The sandbox's gateway lets nobody in with other credentials."""
    function.credentials = new_credentials()
    result = function.ask()
    assert (result["code"], result["sent"]) == ("InvalidAccessKeyId.NotFound", "no")


def test_credentials_that_vanish_at_the_call(
    function: FunctionUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials that are gone when the SDK asks for them send nothing."""
    answers = [credentials.read(function.context)]
    monkeypatch.setattr(credentials, "read", lambda _: answers.pop() if answers else None)
    assert function.ask()["sent"] == "unknown"
    assert function.gateway.requests_seen == 0


def test_the_provider_is_the_interfaces(function: FunctionUnderTest) -> None:
    """The SDK asks through the interface of its credentials package, also when asynchronous."""
    import asyncio

    function.ask()
    function.cams._role.context = function.context
    found = asyncio.run(function.cams._role.get_credentials_async())
    assert found.get_access_key_id() == function.credentials.access_key_id
