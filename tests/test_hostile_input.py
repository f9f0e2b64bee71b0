"""Whatever comes in: a result goes out, nothing raises, and no number is shown."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatapp_code.request import ALIASES
from chatapp_code.triggers.event_source import NotSent
from tests.function_under_test import NUMBER, FunctionUnderTest
from tests.sandbox.cams_gateway import Behaviour

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from([name for field, more in ALIASES.items() for name in (field, *more)])
NUMBERS = st.sampled_from(
    [NUMBER, "+6581234567", "+86 138 0000 1234", "+81312345678", "13800001234"]
)
FIELDS = st.dictionaries(NAMES | st.text(), NUMBERS | JSON, max_size=6)
HTTP = st.fixed_dictionaries(
    {
        "version": st.just("v1"),
        "requestContext": st.fixed_dictionaries({"http": st.just({"method": "POST"}) | JSON})
        | JSON,
        "headers": JSON | st.dictionaries(st.sampled_from(["Content-Type", "X"]), JSON),
        "body": FIELDS.map(json.dumps) | JSON,
        "isBase64Encoded": st.booleans() | JSON,
    }
)
GATEWAY = st.fixed_dictionaries(
    {"httpMethod": st.just("POST") | JSON, "path": JSON, "headers": JSON, "body": JSON}
)
CARRIERS = """specversion id source time data data_base64 messageBody body value attrs Message
MessageMD5 PublishTime messageId topic partition offset systemProperties props timestamp events
requestContext"""
CARRIED = st.dictionaries(
    st.sampled_from(CARRIERS.split()), FIELDS | FIELDS.map(json.dumps) | JSON | st.just("1.0")
)
EVENTS = st.binary() | (
    FIELDS | HTTP | GATEWAY | JSON | CARRIED | st.lists(CARRIED | FIELDS | JSON, max_size=3)
).map(lambda event: json.dumps(event).encode())

BODIES = st.binary(max_size=200) | (
    JSON
    | st.fixed_dictionaries(
        {},
        optional={
            "Code": st.sampled_from(["OK", "ok", "Throttling.User", "Other"]) | JSON,
            "Success": st.booleans() | JSON,
            "Message": st.just("for 8613800001234") | JSON,
            "RequestId": st.just("8613800001234") | JSON,
            "AccessDeniedDetail": st.just({"+8613800001234": "8613800001234"}) | JSON,
        },
    )
).map(lambda body: json.dumps(body).encode())

UNMASKED = re.compile(r"1380000\s?1234|138 0000|81234567|312345678")
KEYS = {"success", "sent", "code", "message", "errors", "replayed", "invocation_id"}


@pytest.fixture
def hostile(function: FunctionUnderTest) -> Iterator[FunctionUnderTest]:
    """The function with its first call made: the SDK is loaded, the connection open."""
    function.ask(phone_number="+14155552671")
    yield function


def result_of(function: FunctionUnderTest, event: bytes) -> dict[str, Any]:
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            answer = function.handle(event)
        except NotSent as raised:  # what an event source delivers again
            answer = json.loads(str(raised))
    shown = json.dumps(answer) + output.getvalue()
    assert not UNMASKED.search(shown)
    assert "Traceback" not in shown
    assert all(json.loads(line) for line in output.getvalue().splitlines())
    if isinstance(answer, list):
        answer = answer[0]
    elif "counts" in answer:
        answer = answer["unsent"][0]
    result: dict[str, Any] = json.loads(answer["body"]) if "statusCode" in answer else answer
    return result


@given(event=EVENTS)
@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_event_gets_a_result(hostile: FunctionUnderTest, event: bytes) -> None:
    """Any bytes as event give a result: never a traceback, never a number in clear."""
    result = result_of(hostile, event)
    assert result.keys() >= KEYS
    assert result["sent"] in ("yes", "no", "unknown")
    assert result["code"] != "UnexpectedError"
    assert result["success"] == (result["sent"] == "yes") == (result["code"] == "OK")


@given(status=st.sampled_from([200, 201, 302, 400, 403, 404, 429, 500, 503]), body=BODIES)
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_answer_gets_a_result(hostile: FunctionUnderTest, status: int, body: bytes) -> None:
    """Any body of any status gives a result that never takes a possible code for none."""
    hostile.gateway.behaviours.clear()
    hostile.gateway.will(*[Behaviour(status, body)] * 3)
    hostile.gateway.call_times.clear()  # its own throttling isn't what is shown here
    result = result_of(hostile, json.dumps({"phone_number": NUMBER}).encode())
    assert result["code"] != "UnexpectedError"
    with contextlib.suppress(ValueError, AttributeError):
        answer = {str(key).lower(): value for key, value in json.loads(body).items()}
        if answer.get("success") is True or str(answer.get("code")).upper() == "OK":
            assert result["sent"] != "no"
    if not result["success"]:
        assert result["code"] != "OK"
