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


TAKEN = {
    "CUST_SPACE_IDS": ["a, b"],
    "ALLOWED_COUNTRIES": ["sg, ID,001"],
    "ALLOWED_METHODS": ["Voice,SMS"],
    "DEFAULT_LOCALE": ["zh-CN"],
    "CAMS_ENDPOINT": [
        *("https://cams.ap-southeast-1.aliyuncs.com/", "HTTPS://CAMS.ap-southeast-1.ALIYUNCS.com"),
        *("127.0.0.1:8443", "http://localhost:8080", "http://[::1]:8080"),
    ],
    "READ_TIMEOUT_SECONDS": ["2.5"],
    "DEBUG": ["1"],
    "RESERVED_CONCURRENCY": ["9 ", "1"],
    "MAX_CALLS_PER_SECOND": ["9"],
    "TRANSIT_ALLOWANCE_SECONDS": ["0.5"],
    "STORE_URL": ["memory://"],
    "SEND_LIMITS_PER_NUMBER": [" 1/Minute ; 5 / hour;10/day"],
    "SEND_LIMITS_IN_ALL": ["99999/second"],
    "CALLER_HEADER": ["X-Caller-0f"],
    "TEST_NUMBERS": ["+86 100 0000 0001, 65 8123 4567,"],
}

REFUSED = {
    "CUST_SPACE_IDS": ["", ",", "a,*", "has a space"],
    "ALLOWED_COUNTRIES": [" ", ";", "SG,Indonesia", "86"],
    "ALLOWED_METHODS": ["sms,fax", ","],
    "DEFAULT_METHOD": ["fax"],
    "DEFAULT_LOCALE": ["ka", "en_US.UTF-8"],
    "CAMS_ENDPOINT": [
        *("http://cams.ap-southeast-1.aliyuncs.com", "ftp://cams.ap-southeast-1.aliyuncs.com"),
        *("cams.ap-southeast-1.aliyuncs.com/path", "user:secret@cams.ap-southeast-1.aliyuncs.com"),
        *("two words", "host:port", "host:0", "host:99999", f"{'a' * 64}.com", "cams..com", "-"),
        ":secret@host",
    ],
    "CONNECT_TIMEOUT_SECONDS": ["0", "nan"],
    "READ_TIMEOUT_SECONDS": ["1_0", "\u0663", "-1", "inf", "ten", "16.5", "15"],
    "DEBUG": ["SDK"],
    "STORE_URL": [
        *("MEMORY://", "REDIS://127.0.0.1/0", "redis://127.0.0.1:99999/0", "http://127.0.0.1"),
        *("redis://127.0.0.1/0?unknown=1", "redis://", "redis://:secret@host:port"),
        *("redis://:secret@127.0.0.1/0", "redis://user#secret@host/0", "redis://[secret@host"),
        *("redis://u?decode_responses=true&z=secret@host", "redis://host..secret"),
        f"redis://{'a' * 64}",
    ],
    "STORE_SECRET": [
        "a-short-secret",
        f"{'secret' * 8}\n{'secret' * 8}",
        f"{'secret' * 8}\udcff",
    ],
    "RESERVED_CONCURRENCY": ["0", "10", "nine"],
    "MAX_CALLS_PER_SECOND": ["10", "8", "-1"],
    "TRANSIT_ALLOWANCE_SECONDS": ["0.1", "soon"],
    "SEND_LIMITS_PER_NUMBER": ["0/minute", "1/minutes", "1/minute,5/hour"],
    "SEND_LIMITS_PER_CALLER": ["100000/day"],
    "SEND_LIMITS_IN_ALL": ["\u0661/day"],
    "CALLER_HEADER": ["X-Forwarded-For", "X-Client-IP", "Remote-Addr", "Authorization"],
    "CUST_SPACE_HEADER": ["Origin", "two words"],
    "TEST_NUMBERS": ["+86 100 secret", "+86\n100"],
}


def each(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, values in table.items() for value in values]


@pytest.mark.parametrize(("name", "value"), each(TAKEN))
def test_right_settings(name: str, value: str) -> None:
    """What the documentation allows is taken."""
    load({**RIGHT, name: value}, 20)


@pytest.mark.parametrize(("name", "value"), each(REFUSED))
def test_wrong_settings(name: str, value: str) -> None:
    """A wrong setting is a sentence that names it and doesn't repeat what may be secret."""
    needed = {"STORE_URL": "redis://127.0.0.1/0"} if name == "STORE_SECRET" else {}
    with pytest.raises(WrongSettings) as wrong:
        load({**RIGHT, **needed, name: value}, 20)
    assert name in str(wrong.value)
    assert str(wrong.value).endswith(".")
    assert "secret" not in str(wrong.value)
    assert "must ." not in str(wrong.value)


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        (
            {**RIGHT, "ALLOWED_METHODS": "voice", "DEFAULT_METHOD": "sms"},
            "DEFAULT_METHOD is not among",
        ),
        # A name in capitals is still the real API's.
        (
            {**RIGHT, "CAMS_ENDPOINT": "CAMS.A.ALIYUNCS.COM", "MAX_CALLS_PER_SECOND": "10"},
            "MAX_CALLS_PER_SECOND is 10",
        ),
        ({"DEFAULT_METHOD": "fax"}, "CUST_SPACE_IDS is not set.*ALLOWED_COUNTRIES.*is 'fax': it"),
        # Of an address no more is shown than where it leads.
        (
            {**RIGHT, "STORE_URL": "redis://me:secret@here.example:99999/0"},
            "is 'redis://here.example': it",
        ),
        ({**RIGHT, "TEST_NUMBERS": "86 100"}, "TEST_NUMBERS is wrong: it must"),
        # Among forty codes the operator reads which one is wrong.
        (
            {**RIGHT, "ALLOWED_COUNTRIES": "SG,UK,AQ,ZZ"},
            "ALLOWED_COUNTRIES is 'SG,UK,AQ,ZZ': it must .*, not UK,ZZ",
        ),
    ],
)
def test_what_is_wrong_is_told(environment: dict[str, str], sentence: str) -> None:
    """Every wrong setting is named in one go, and every contradiction."""
    with pytest.raises(WrongSettings, match=sentence):
        load(environment, 20)


def test_many_instances_share_a_store() -> None:
    """With a store there may be more instances than calls a second."""
    store = {"STORE_URL": "rediss://user:pass@host:6380/1", "STORE_SECRET": "s" * 32}
    settings = load({**RIGHT, **store, "RESERVED_CONCURRENCY": "16"}, 20)
    assert settings.shares_a_store
    assert settings.attempt_seconds == 14


def test_a_stand_in_has_limits_of_its_own() -> None:
    """Only the real API's quota bounds MAX_CALLS_PER_SECOND."""
    load({**RIGHT, "CAMS_ENDPOINT": "127.0.0.1:8443", "MAX_CALLS_PER_SECOND": "1000"}, 20)


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


@pytest.mark.parametrize(
    ("timeout", "code"),
    [
        *((timeout, "OK") for timeout in ("20", 20, 20.0)),  # some runtimes give a string
        # Where the context doesn't tell, the deployment files' is taken.
        *((timeout, "OK") for timeout in (None, "", "soon", 0, -5, 10**400)),
        (13, "Misconfigured"),  # the function would be killed before its call can end
    ],
)
def test_the_functions_timeout(function: FunctionUnderTest, timeout: object, code: str) -> None:
    """The call and what comes around it must fit in the function's timeout."""
    function.timeout_seconds = timeout
    assert function.ask()["code"] == code
