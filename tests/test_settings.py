"""The operator's settings: what is right, and how a wrong one reads."""

from __future__ import annotations

import json

import pytest

from chatapp_code.settings import WrongSettings, load
from tests.function_under_test import FunctionUnderTest

RIGHT = {"CUST_SPACE_IDS": "cams-one", "ALLOWED_COUNTRIES": "SG"}


def test_defaults() -> None:
    """Two settings are required; the others have the documented defaults."""
    settings = load(RIGHT, 20)
    assert (settings.cams_scheme, settings.cams_host, settings.cams_port) == (
        "https",
        "cams.ap-southeast-1.aliyuncs.com",
        443,
    )
    assert settings.allowed_methods == ("sms", "voice")
    assert (settings.default_method, settings.default_locale) == ("sms", "en")
    assert (settings.connect_timeout_seconds, settings.read_timeout_seconds) == (3, 10)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CUST_SPACE_IDS", "a, b"),
        ("ALLOWED_COUNTRIES", "sg, ID,001"),
        ("ALLOWED_METHODS", "Voice,SMS"),
        ("DEFAULT_LOCALE", "zh-CN"),
        ("CAMS_ENDPOINT", "https://cams.ap-southeast-1.aliyuncs.com/"),
        ("CAMS_ENDPOINT", "127.0.0.1:8443"),
        ("CAMS_ENDPOINT", "http://localhost:8080"),
        ("CAMS_ENDPOINT", "http://[::1]:8080"),
        ("READ_TIMEOUT_SECONDS", "2.5"),
        ("DEBUG", "1"),
    ],
)
def test_right_settings(name: str, value: str) -> None:
    """What the documentation allows is taken."""
    load({**RIGHT, name: value}, 20)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CUST_SPACE_IDS", ""),
        ("CUST_SPACE_IDS", ","),
        ("CUST_SPACE_IDS", "a,*"),
        ("CUST_SPACE_IDS", "has a space"),
        ("ALLOWED_COUNTRIES", " "),
        ("ALLOWED_COUNTRIES", ";"),
        ("ALLOWED_COUNTRIES", "SG,Indonesia"),
        ("ALLOWED_COUNTRIES", "86"),
        ("ALLOWED_METHODS", "sms,fax"),
        ("ALLOWED_METHODS", ","),
        ("DEFAULT_METHOD", "fax"),
        ("DEFAULT_LOCALE", "ka"),
        ("DEFAULT_LOCALE", "en_US.UTF-8"),
        ("CAMS_ENDPOINT", "http://cams.ap-southeast-1.aliyuncs.com"),
        ("CAMS_ENDPOINT", "ftp://cams.ap-southeast-1.aliyuncs.com"),
        ("CAMS_ENDPOINT", "cams.ap-southeast-1.aliyuncs.com/path"),
        ("CAMS_ENDPOINT", "user:secret@cams.ap-southeast-1.aliyuncs.com"),
        ("CAMS_ENDPOINT", "two words"),
        ("CAMS_ENDPOINT", "host:port"),
        ("CONNECT_TIMEOUT_SECONDS", "0"),
        ("CONNECT_TIMEOUT_SECONDS", "nan"),
        ("READ_TIMEOUT_SECONDS", "-1"),
        ("READ_TIMEOUT_SECONDS", "inf"),
        ("READ_TIMEOUT_SECONDS", "ten"),
        ("READ_TIMEOUT_SECONDS", "16.5"),
        ("DEBUG", "SDK"),
    ],
)
def test_wrong_settings(name: str, value: str) -> None:
    """A wrong setting is a sentence that names it and doesn't repeat what may be secret."""
    with pytest.raises(WrongSettings) as wrong:
        load({**RIGHT, name: value}, 20)
    assert name in str(wrong.value)
    assert str(wrong.value).endswith(".")
    assert "secret" not in str(wrong.value)


def test_a_default_method_that_is_not_allowed() -> None:
    """The default method must be one of the allowed ones."""
    with pytest.raises(WrongSettings, match="DEFAULT_METHOD is not among"):
        load({**RIGHT, "ALLOWED_METHODS": "voice"}, 20)


def test_all_wrong_settings_at_once() -> None:
    """Every wrong setting is named in one go."""
    with pytest.raises(WrongSettings, match=r"CUST_SPACE_IDS.*ALLOWED_COUNTRIES.*DEFAULT_METHOD"):
        load({"DEFAULT_METHOD": "fax"}, 20)


def test_a_misconfigured_function(
    function: FunctionUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    """One ERROR line at initialize, and Misconfigured at every call: neutral over HTTP."""
    function.set(ALLOWED_COUNTRIES="Atlantis")
    function.instance.initialize(function.context)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["level"] for line in lines] == ["ERROR"]
    assert "ALLOWED_COUNTRIES" in lines[0]["message"]
    for _ in range(2):
        reply = function.post()
        assert (reply.status, reply.result["code"]) == (500, "Misconfigured")
        assert "ALLOWED_COUNTRIES" not in json.dumps(reply.result)
        direct = function.ask()
        assert (direct["code"], direct["sent"]) == ("Misconfigured", "no")
        assert "ALLOWED_COUNTRIES" in direct["message"]


def test_no_request_comes_before_a_wrong_setting(function: FunctionUnderTest) -> None:
    """The rows' order: an invalid event, then the settings, then the fields."""
    function.set(ALLOWED_COUNTRIES="Atlantis")
    assert function.post(b"[]").result["code"] == "InvalidEvent"
    assert function.post({"phone_number": "wrong"}).result["code"] == "Misconfigured"


@pytest.mark.parametrize("timeout", ["20", 20, 20.0])
def test_the_timeout_may_be_text(function: FunctionUnderTest, timeout: object) -> None:
    """Some runtimes give the function's timeout as a string."""
    function.timeout_seconds = timeout
    assert function.ask()["sent"] == "yes"


@pytest.mark.parametrize("timeout", [None, "", "soon", 0, -5])
def test_a_context_without_a_timeout(function: FunctionUnderTest, timeout: object) -> None:
    """Where the context doesn't tell, the deployment files' timeout is taken."""
    function.timeout_seconds = timeout
    assert function.ask()["sent"] == "yes"


def test_a_timeout_too_short_for_a_call(function: FunctionUnderTest) -> None:
    """A function that would be killed before its call can end is misconfigured."""
    function.timeout_seconds = 13
    assert function.ask()["code"] == "Misconfigured"
