"""The operator's settings: which values are right, and what is said of wrong ones."""

from __future__ import annotations

import gc
import json
import re
import socket
import weakref
from typing import Any

import pytest

from tests.support.function_under_test import WITHOUT_PACING, FunctionUnderTest, log_lines

STORE = {"STORE_URL": "rediss://user:pass@host:6380/1", "STORE_SECRET": "s" * 32}


@pytest.fixture
def unset(function: FunctionUnderTest) -> FunctionUnderTest:
    """The function with only the two settings that are required."""
    for name in ("CAMS_ENDPOINT", *WITHOUT_PACING):
        function.monkeypatch.delenv(name)
    function.set(CUST_SPACE_IDS="cams-one", ALLOWED_COUNTRIES="SG")
    return function


def wrong_settings(function: FunctionUnderTest, **environment: str) -> str:
    """The message about wrong settings; empty if they are right."""
    function.set(**environment)
    result = function.ask(phone_number="none")
    return result["message"] if result["code"] == "Misconfigured" else ""


@pytest.mark.parametrize(
    ("endpoint", "host", "port"),
    [
        ("", "cams.ap-southeast-1.aliyuncs.com", 443),
        ("HTTPS://CAMS.ap-southeast-1.ALIYUNCS.com/", "cams.ap-southeast-1.aliyuncs.com", 443),
        ("127.0.0.1:8443", "127.0.0.1", 8443),
        ("http://localhost", "localhost", 80),
        ("http://[::1]:8080", "::1", 8080),
    ],
)
def test_the_endpoint(unset: FunctionUnderTest, endpoint: str, host: str, port: int) -> None:
    """The API is called at the address of CAMS_ENDPOINT, or at the default one."""
    asked: list[Any] = []

    def no_address(*address: Any, **_: Any) -> None:
        asked.append(address)
        raise OSError

    unset.monkeypatch.setattr(socket, "getaddrinfo", no_address)
    unset.set(CAMS_ENDPOINT=endpoint)
    result = unset.ask(phone_number="+6581234567")
    assert (result["code"], set(asked)) == ("UpstreamUnavailable", {(host, port)})
    assert (result["method"], result["locale"]) == ("sms", "en")


def test_right_settings(unset: FunctionUnderTest) -> None:
    """Every spelling that the documentation allows is accepted."""
    taken = {
        "CUST_SPACE_IDS": "a, b",
        "ALLOWED_COUNTRIES": "sg, ID,001",
        "ALLOWED_METHODS": "Voice,SMS",
        "DEFAULT_LOCALE": "zh-CN",
        "READ_TIMEOUT_SECONDS": "2.5",
        "DEBUG": "1",
        "STORE_URL": "memory://",
        "RESERVED_CONCURRENCY": "9 ",
        "MAX_CALLS_PER_SECOND": "9",
        "MAX_TRANSIT_SECONDS": "0.5",
        "SEND_LIMITS_PER_NUMBER": " 1/Minute ; 5 / hour;10/day",
        "SEND_LIMITS_TOTAL": "99999/second",
        "CALLER_HEADER": "X-Caller-0f",
        "TEST_NUMBERS": "+86 100 0000 0001, 65 8123 4567,",
    }
    assert wrong_settings(unset, **taken) == ""


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
        ("CAMS_ENDPOINT", "host:99999"),
        ("CAMS_ENDPOINT", f"{'a' * 64}.com"),
        ("CAMS_ENDPOINT", "cams..com"),
        ("CAMS_ENDPOINT", "-"),
        ("CAMS_ENDPOINT", ":secret@host"),
        ("CAMS_ENDPOINT", "https://host/?token=a@secret"),
        ("CAMS_ENDPOINT", "https://id:secret"),
        ("CONNECT_TIMEOUT_SECONDS", "0"),
        ("CONNECT_TIMEOUT_SECONDS", "nan"),
        ("READ_TIMEOUT_SECONDS", "1_0"),
        ("READ_TIMEOUT_SECONDS", "\u0663"),
        ("READ_TIMEOUT_SECONDS", "-1"),
        ("READ_TIMEOUT_SECONDS", "inf"),
        ("READ_TIMEOUT_SECONDS", "ten"),
        ("READ_TIMEOUT_SECONDS", "16.5"),
        ("READ_TIMEOUT_SECONDS", "15"),
        ("DEBUG", "SDK"),
        ("STORE_URL", "MEMORY://"),
        ("STORE_URL", "REDIS://127.0.0.1/0"),
        ("STORE_URL", "redis://127.0.0.1:99999/0"),
        ("STORE_URL", "http://127.0.0.1"),
        ("STORE_URL", "redis://127.0.0.1/0?unknown=1"),
        ("STORE_URL", "redis://"),
        ("STORE_URL", "redis://:secret@host:port"),
        ("STORE_URL", "redis://user#secret@host/0"),
        ("STORE_URL", "redis://[secret@host"),
        ("STORE_URL", "redis://host..secret"),
        ("STORE_URL", "redis://u?decode_responses=true&z=secret@host"),
        ("STORE_URL", f"redis://{'a' * 64}"),
        ("STORE_URL", "redis://host:6379/0?password=abc@secret"),
        ("STORE_URL", "redis://secret!host:6379"),
        ("STORE_URL", "secret://"),
        ("STORE_URL", "redis://user:secret!host"),
        ("STORE_URL", "redis://user\uff1asecret@host:6379"),
        ("STORE_URL", "redis://secret/x@host:6379"),
        ("STORE_URL", "redis://secret:1 2@host"),
        ("STORE_URL", "redis://u:12/secret@host/0"),
        ("STORE_SECRET", "secret\n" * 8),
        ("STORE_SECRET", "secret\udcff" * 8),
        ("RESERVED_CONCURRENCY", "0"),
        ("RESERVED_CONCURRENCY", "10"),
        ("RESERVED_CONCURRENCY", "nine"),
        ("MAX_CALLS_PER_SECOND", "10"),
        ("MAX_CALLS_PER_SECOND", "8"),
        ("MAX_CALLS_PER_SECOND", "-1"),
        ("MAX_TRANSIT_SECONDS", "0.1"),
        ("MAX_TRANSIT_SECONDS", "soon"),
        ("SEND_LIMITS_PER_NUMBER", "0/minute"),
        ("SEND_LIMITS_PER_NUMBER", "1/minutes"),
        ("SEND_LIMITS_PER_NUMBER", "1/minute,5/hour"),
        ("SEND_LIMITS_PER_CALLER", "100000/day"),
        ("SEND_LIMITS_TOTAL", "\u0661/day"),
        ("CALLER_HEADER", "X-Forwarded-For"),
        ("CALLER_HEADER", "X-Client-IP"),
        ("CALLER_HEADER", "Remote-Addr"),
        ("CALLER_HEADER", "Authorization"),
        ("CALLER_HEADER", "Connection"),
        ("CALLER_HEADER", "Cache-Control"),
        ("CALLER_HEADER", "X-Request-Id"),
        ("CALLER_HEADER", "traceparent"),
        ("CALLER_HEADER", "Sec-Fetch-Site"),
        ("CALLER_HEADER", "If-None-Match"),
        ("CUST_SPACE_HEADER", "Origin"),
        ("CUST_SPACE_HEADER", "two words"),
        ("TEST_NUMBERS", "+86 100 secret"),
        ("TEST_NUMBERS", "+86\n100"),
    ],
)
def test_wrong_settings(unset: FunctionUnderTest, name: str, value: str) -> None:
    """The message about a wrong setting names it, and doesn't show a secret value."""
    sentence = wrong_settings(unset, **{"STORE_SECRET": "s" * 32, name: value})
    assert name in sentence
    assert sentence.endswith(".")
    assert "secret" not in sentence
    assert "must ." not in sentence


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"ALLOWED_METHODS": "voice", "DEFAULT_METHOD": "sms"}, "DEFAULT_METHOD is not among"),
        # A name in capitals is still the real API's.
        (
            {"CAMS_ENDPOINT": "CAMS.A.ALIYUNCS.COM", "MAX_CALLS_PER_SECOND": "10"},
            "MAX_CALLS_PER_SECOND is 10",
        ),
        (
            {"CUST_SPACE_IDS": "", "ALLOWED_COUNTRIES": "", "DEFAULT_METHOD": "fax"},
            "CUST_SPACE_IDS is not set.*ALLOWED_COUNTRIES is not set.*DEFAULT_METHOD is 'fax': it",
        ),
        # Nothing is shown of an address, which may hold a password.
        (
            {**STORE, "STORE_URL": "redis://me:secret@here.example:99999/0"},
            "STORE_URL is wrong: it must",
        ),
        ({"TEST_NUMBERS": "86 100"}, "TEST_NUMBERS is wrong: it must"),
        # Among forty codes the operator reads which one is wrong.
        ({"ALLOWED_COUNTRIES": "SG,UK,AQ,ZZ"}, "ALLOWED_COUNTRIES .* no such ISO 3166 code: UK,ZZ"),
        ({**STORE, "STORE_SECRET": "a-short-one"}, "STORE_SECRET must be 32 or more"),
        # With a store there may be more instances than calls a second, but less time for a call.
        ({**STORE, "RESERVED_CONCURRENCY": "16"}, ""),
        ({**STORE, "READ_TIMEOUT_SECONDS": "15"}, ".* timeout of 20 s: .* more than 20.124 s"),
    ],
)
def test_what_is_wrong_is_told(
    unset: FunctionUnderTest, environment: dict[str, str], sentence: str
) -> None:
    """One message tells all wrong settings, and those that contradict each other."""
    assert re.match(sentence or "$", wrong_settings(unset, **environment))


def test_a_misconfigured_function(
    function: FunctionUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misconfigured function logs an error once, and tells only direct callers what is wrong."""
    function.set(ALLOWED_COUNTRIES="Atlantis")
    function.initialize()
    (line,) = log_lines(capsys)
    assert line["level"] == "ERROR"
    assert "ALLOWED_COUNTRIES" in line["message"]
    for _ in range(2):
        reply = function.post({"phone_number": "wrong"})
        assert (reply.status, reply.result["code"]) == (500, "Misconfigured")
        assert "ALLOWED_COUNTRIES" not in json.dumps(reply.result)
        direct = function.ask()
        assert (direct["code"], direct["sent"]) == ("Misconfigured", "no")
        assert "ALLOWED_COUNTRIES" in direct["message"]
    # What isn't a request at all comes first.
    assert function.post(b"[]").result["code"] == "InvalidEvent"


def test_a_misconfigured_function_keeps_nothing(function: FunctionUnderTest) -> None:
    """A misconfigured instance keeps no reference to a context after its invocation."""

    class Context:
        request_id = "id-1"

    function.set(ALLOWED_COUNTRIES="Atlantis")
    contexts = [Context() for _ in range(3)]
    references = [weakref.ref(context) for context in contexts]
    while contexts:
        function.app.handle(b"{}", contexts.pop())
    gc.collect()
    assert [reference() for reference in references] == [None] * 3


@pytest.mark.parametrize(
    ("timeout", "code"),
    [
        ("20", "OK"),  # some runtimes give a string
        (20, "OK"),
        (20.0, "OK"),
        # Without a timeout in the context the one of the deployment files counts.
        (None, "OK"),
        ("", "OK"),
        ("soon", "OK"),
        (0, "OK"),
        (-5, "OK"),
        pytest.param(10**400, "OK", id="401 digits"),
        (13, "Misconfigured"),  # the platform would stop the function before its call can end
    ],
)
def test_the_functions_timeout(function: FunctionUnderTest, timeout: object, code: str) -> None:
    """A function whose timeout is too short for a call is misconfigured."""
    function.timeout_seconds = timeout
    assert function.ask()["code"] == code


@pytest.mark.parametrize(
    ("name", "value"),
    [("ALLOWED_COUNTRIES", "SG,"), ("CUST_SPACE_IDS", "a,"), ("SEND_LIMITS_TOTAL", "1/day;")],
)
def test_a_separator_at_the_end(unset: FunctionUnderTest, name: str, value: str) -> None:
    """A separator at the end of a list is ignored."""
    assert wrong_settings(unset, **{name: value}) == ""


def test_one_header_for_caller_and_space(unset: FunctionUnderTest) -> None:
    """CALLER_HEADER and CUST_SPACE_HEADER must be two different headers."""
    sentence = wrong_settings(unset, CALLER_HEADER="X-Claim-0f", CUST_SPACE_HEADER="x-claim-0F")
    assert sentence == "CALLER_HEADER and CUST_SPACE_HEADER are the same: name two headers."


def test_the_figures_in_a_sentence_differ(unset: FunctionUnderTest) -> None:
    """The message about a short timeout shows two different figures."""
    unset.timeout_seconds = 15.1
    sentence = wrong_settings(unset)
    assert "timeout of 15.1 s" in sentence
    assert "more than 15.124 s" in sentence


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("STORE_URI", "STORE_URL"),
        ("store_url", "STORE_URL"),
        ("CUST_SPACE_ID", "CUST_SPACE_IDS"),
        ("ALLOWED_COUNTRY", "ALLOWED_COUNTRIES"),
        ("ALOWED_COUNTRIES", "ALLOWED_COUNTRIES"),
        ("RESERVE_CONCURRENCY", "RESERVED_CONCURRENCY"),
        ("STOREURL", "STORE_URL"),
        ("SEND_LIMIT_PER_NUMBER", "SEND_LIMITS_PER_NUMBER"),
        ("MAX_EVENT_AGE", "MAX_EVENT_AGE_SECONDS"),
    ],
)
def test_a_misspelt_setting(
    function: FunctionUnderTest, capsys: pytest.CaptureFixture[str], name: str, meant: str
) -> None:
    """A variable that looks like a misspelt setting is logged as a warning, without its value."""
    function.set(**{name: "redis://:secret@here"})
    function.initialize()
    warning, start = log_lines(capsys)
    assert (warning["level"], warning["event"]) == ("WARNING", "unknown_setting")
    assert start["event"] == "start"
    assert name in warning["message"]
    assert meant in warning["message"]
    assert "secret" not in str(warning)


def test_other_variables_are_ignored(
    function: FunctionUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    """Variables of the platform and of other programs cause no warning."""
    others = ("FC_FUNCTION_NAME", "ALIBABA_CLOUD_ACCESS_KEY_ID", "STORE", "MAX_JOBS", "READ_ONLY")
    function.set(**dict.fromkeys(others, ""), TEST_DATABASE="x", DEFAULT_REGION="x")
    function.initialize()
    assert [line["event"] for line in log_lines(capsys)] == ["start"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPERATIONS", "send,register"),
        ("SEND_LIMITS_TOTAL", "1_0/day"),
        ("ALLOWED_COUNTRIES", "\u00df"),
        ("READ_TIMEOUT_SECONDS", "1e-300"),
    ],
)
def test_values_that_look_right(unset: FunctionUnderTest, name: str, value: str) -> None:
    """A value that a library would read as something else is a wrong setting."""
    assert name in wrong_settings(unset, **{name: value})


def test_a_function_that_can_not_start(
    function: FunctionUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error while an instance is built is logged, and the caller gets `Misconfigured`."""
    function.monkeypatch.setattr("verify_code.app.Cams", None)
    function.initialize()
    assert [line["event"] for line in log_lines(capsys)] == ["start", "bug"]
    reply = function.post()
    assert (reply.status, reply.result["code"]) == (500, "Misconfigured")
