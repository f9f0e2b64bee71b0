"""The operator's settings: what is right, and how a wrong one reads."""

from __future__ import annotations

import gc
import json
import weakref

import pytest

from chatapp_code.settings import WrongSettings, load
from tests.function_under_test import FunctionUnderTest

RIGHT = {"CUST_SPACE_IDS": "cams-one", "ALLOWED_COUNTRIES": "SG"}


def test_defaults() -> None:
    """Two settings are required; the others have the documented defaults."""
    settings = load(RIGHT, 20)
    assert settings.cams_endpoint == ("https", "cams.ap-southeast-1.aliyuncs.com", 443)
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
        ("CAMS_ENDPOINT", "HTTPS://CAMS.ap-southeast-1.ALIYUNCS.com"),
        ("CAMS_ENDPOINT", "127.0.0.1:8443"),
        ("CAMS_ENDPOINT", "http://localhost:8080"),
        ("CAMS_ENDPOINT", "http://[::1]:8080"),
        ("READ_TIMEOUT_SECONDS", "2.5"),
        ("DEBUG", "1"),
        ("RESERVED_CONCURRENCY", "9 "),
        ("RESERVED_CONCURRENCY", "1"),
        ("MAX_CALLS_PER_SECOND", "9"),
        ("TRANSIT_ALLOWANCE_SECONDS", "0.5"),
        ("STORE_URL", "memory://"),
        ("SEND_LIMITS_PER_NUMBER", " 1/Minute ; 5 / hour;10/day"),
        ("SEND_LIMITS_IN_ALL", "99999/second"),
        ("CALLER_HEADER", "X-Caller-0f"),
        ("TEST_NUMBERS", "+86 100 0000 0001, 65 8123 4567,"),
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
        ("CAMS_ENDPOINT", "host:0"),
        ("CAMS_ENDPOINT", f"{'a' * 64}.com"),
        ("STORE_URL", "MEMORY://"),
        ("STORE_URL", "REDIS://127.0.0.1/0"),
        ("STORE_URL", "redis://127.0.0.1:99999/0"),
        ("STORE_URL", "redis://127.0.0.1/0?unknown=1"),
        ("CAMS_ENDPOINT", "host:99999"),
        ("CAMS_ENDPOINT", "cams..com"),
        ("CAMS_ENDPOINT", "-"),
        ("CAMS_ENDPOINT", ":secret@host"),
        ("READ_TIMEOUT_SECONDS", "1_0"),
        ("READ_TIMEOUT_SECONDS", "\u0663"),
        ("CONNECT_TIMEOUT_SECONDS", "0"),
        ("CONNECT_TIMEOUT_SECONDS", "nan"),
        ("READ_TIMEOUT_SECONDS", "-1"),
        ("READ_TIMEOUT_SECONDS", "inf"),
        ("READ_TIMEOUT_SECONDS", "ten"),
        ("READ_TIMEOUT_SECONDS", "16.5"),
        ("DEBUG", "SDK"),
        ("STORE_URL", "http://127.0.0.1"),
        ("STORE_URL", "redis://"),
        ("STORE_URL", "redis://:secret@host:port"),
        ("STORE_URL", "redis://:secret@127.0.0.1/0"),
        ("STORE_SECRET", "a-short-secret"),
        ("RESERVED_CONCURRENCY", "0"),
        ("RESERVED_CONCURRENCY", "10"),
        ("RESERVED_CONCURRENCY", "nine"),
        ("MAX_CALLS_PER_SECOND", "10"),
        ("MAX_CALLS_PER_SECOND", "8"),
        ("MAX_CALLS_PER_SECOND", "-1"),
        ("TRANSIT_ALLOWANCE_SECONDS", "0.1"),
        ("TRANSIT_ALLOWANCE_SECONDS", "soon"),
        ("STORE_URL", "redis://user#secret@host/0"),
        ("STORE_URL", "redis://u?decode_responses=true&z=secret@host"),
        ("STORE_URL", "redis://[secret@host"),
        ("STORE_URL", "redis://host..secret"),
        ("STORE_URL", f"redis://{'a' * 64}"),
        ("STORE_SECRET", f"{'secret' * 8}\n{'secret' * 8}"),
        ("STORE_SECRET", f"{'secret' * 8}\udcff"),
        ("SEND_LIMITS_PER_NUMBER", "0/minute"),
        ("SEND_LIMITS_PER_NUMBER", "1/minutes"),
        ("SEND_LIMITS_PER_NUMBER", "1/minute,5/hour"),
        ("SEND_LIMITS_PER_CALLER", "100000/day"),
        ("SEND_LIMITS_IN_ALL", "\u0661/day"),
        ("CALLER_HEADER", "X-Forwarded-For"),
        ("CALLER_HEADER", "X-Client-IP"),
        ("CUST_SPACE_HEADER", "Origin"),
        ("CUST_SPACE_HEADER", "two words"),
        ("TEST_NUMBERS", "+86 100 secret"),
        ("TEST_NUMBERS", "+86\n100"),
        ("READ_TIMEOUT_SECONDS", "15"),
    ],
)
def test_wrong_settings(name: str, value: str) -> None:
    """A wrong setting is a sentence that names it and doesn't repeat what may be secret."""
    needed = {"STORE_URL": "redis://127.0.0.1/0"} if name == "STORE_SECRET" else {}
    with pytest.raises(WrongSettings) as wrong:
        load({**RIGHT, **needed, name: value}, 20)
    assert name in str(wrong.value)
    assert str(wrong.value).endswith(".")
    assert "secret" not in str(wrong.value)
    assert "must ." not in str(wrong.value)


def test_a_default_method_that_is_not_allowed() -> None:
    """The default method must be one of the allowed ones."""
    with pytest.raises(WrongSettings, match="DEFAULT_METHOD is not among"):
        load({**RIGHT, "ALLOWED_METHODS": "voice", "DEFAULT_METHOD": "sms"}, 20)


def test_many_instances_share_a_store() -> None:
    """With a store there may be more instances than calls a second."""
    store = {"STORE_URL": "rediss://user:pass@host:6380/1", "STORE_SECRET": "s" * 32}
    settings = load({**RIGHT, **store, "RESERVED_CONCURRENCY": "16"}, 20)
    assert settings.shares_a_store
    assert settings.attempt_seconds == 14


def test_the_quota_holds_however_the_endpoint_is_spelled() -> None:
    """A name in capitals is still the real API's."""
    wrong = {"CAMS_ENDPOINT": "CAMS.AP-SOUTHEAST-1.ALIYUNCS.COM", "MAX_CALLS_PER_SECOND": "10"}
    with pytest.raises(WrongSettings, match="MAX_CALLS_PER_SECOND is 10"):
        load({**RIGHT, **wrong}, 20)


def test_a_stand_in_has_limits_of_its_own() -> None:
    """Only the real API's quota bounds MAX_CALLS_PER_SECOND."""
    load({**RIGHT, "CAMS_ENDPOINT": "127.0.0.1:8443", "MAX_CALLS_PER_SECOND": "1000"}, 20)


def test_all_wrong_settings_at_once() -> None:
    """Every wrong setting is named in one go."""
    with pytest.raises(WrongSettings, match=r"CUST_SPACE_IDS.*ALLOWED_COUNTRIES.*DEFAULT_METHOD"):
        load({"DEFAULT_METHOD": "fax"}, 20)


def test_wrong_countries_are_named() -> None:
    """Among forty codes the operator reads which one is wrong."""
    with pytest.raises(WrongSettings, match="ALLOWED_COUNTRIES has AQ,UK, but must"):
        load({**RIGHT, "ALLOWED_COUNTRIES": "SG,UK,ID,AQ"}, 20)


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


class Context:
    request_id = "id-1"


def test_a_misconfigured_function_keeps_nothing(function: FunctionUnderTest) -> None:
    """However often it is called, a misconfigured instance holds on to no event and no key."""
    function.set(ALLOWED_COUNTRIES="Atlantis")
    contexts = []
    for _ in range(3):
        context = Context()
        contexts.append(weakref.ref(context))
        function.instance.handle(b"{}", context)
    del context
    gc.collect()
    assert [reference() for reference in contexts] == [None] * 3


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


@pytest.mark.parametrize("timeout", [None, "", "soon", 0, -5, 10**400])
def test_a_context_without_a_timeout(function: FunctionUnderTest, timeout: object) -> None:
    """Where the context doesn't tell, the deployment files' timeout is taken."""
    function.timeout_seconds = timeout
    assert function.ask()["sent"] == "yes"


def test_a_timeout_too_short_for_a_call(function: FunctionUnderTest) -> None:
    """A function that would be killed before its call can end is misconfigured."""
    function.timeout_seconds = 13
    assert function.ask()["code"] == "Misconfigured"
