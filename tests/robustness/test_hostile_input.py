"""Whatever comes in: a result goes out, nothing raises but what may, and nothing is shown."""

from __future__ import annotations

import contextlib
import json
import tracemalloc
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sandbox.cams_gateway import Behaviour
from tests.sandbox.http_event import http_event
from tests.support import hostile, judge
from tests.support.function_under_test import FunctionUnderTest
from verify_code.events import MAX_EVENT_BYTES as LARGEST_EVENT_BYTES

BODIES = st.binary(max_size=200) | (
    hostile.JSON
    | st.fixed_dictionaries(
        {},
        optional={
            "Code": st.sampled_from(["OK", "ok", "Throttling.User", "Other"]) | hostile.JSON,
            "Success": st.booleans() | hostile.JSON,
            "Message": st.just("for 8613800001234") | hostile.JSON,
            "RequestId": st.just("8613800001234") | hostile.JSON,
            "AccessDeniedDetail": st.just({"+8613800001234": "8613800001234"}) | hostile.JSON,
        },
    )
).map(lambda body: json.dumps(body).encode())

SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(params=["anyone", "callers"])
def judge_it(
    function: FunctionUnderTest, request: pytest.FixtureRequest
) -> Callable[[bytes], judge.Outcome]:
    """Judges an event, without and with callers told apart."""
    are_callers_told = request.param == "callers"
    judge.make_ready(function, **(judge.CLAIMS if are_callers_told else {}))
    return partial(judge.judge, function, are_callers_told=are_callers_told)


@given(
    event=hostile.spoilt()
    | st.binary(max_size=300)
    | hostile.JSON.map(lambda content: json.dumps(content).encode())
)
@SETTINGS
def test_any_event_gets_a_result(judge_it: Callable[[bytes], judge.Outcome], event: bytes) -> None:
    """Any spoilt event, and any bytes, give results: no traceback, nothing in clear, no code for
    nothing."""
    judge_it(event)


@given(status=st.sampled_from([200, 201, 302, 400, 403, 404, 429, 500, 503]), body=BODIES)
@settings(SETTINGS, max_examples=80)
def test_any_answer_gets_a_result(function: FunctionUnderTest, status: int, body: bytes) -> None:
    """Any body of any status gives a result that never takes a possible code for none."""
    function.gateway.behaviours.clear()
    function.gateway.will(*[Behaviour(status, body)] * 3)
    function.gateway.call_times.clear()  # its own throttling isn't what is shown here
    result = function.ask()
    assert "13800001234" not in json.dumps(result)
    assert result["code"] != "UnexpectedError"
    with contextlib.suppress(ValueError, AttributeError):
        answer = {str(key).lower(): value for key, value in json.loads(body).items()}
        if answer.get("success") is True or str(answer.get("code")).upper() == "OK":
            assert result["sent"] != "no"
    assert result["success"] == (result["code"] == "OK")


def test_nesting_at_the_bound(function: FunctionUnderTest) -> None:
    """However deep it is nested, an event is worked through, or refused in a sentence."""
    for depth in (*range(90, 110), 1494, 3000, 50_000):
        nested = b"[" * depth + b"]" * depth
        for key in (b"Version", b"data", b"phone_number", b"headers", b"events"):
            request = b'{"phone_number": "no", "%b": %b}' % (key, nested)
            http = b'{"httpMethod": "POST", "path": "/", "body": "{}", "x": %b}'
            for event in (b"%b", b"[%b]", b'{"specversion": "1.0", "data": %b}', http):
                answer, _ = function.deliver(event % request)
                (result,) = judge.results_of(answer)
                assert result["code"] in ("InvalidRequest", "InvalidEvent")


@pytest.mark.parametrize(
    ("filling", "size"),
    [
        *((filling, LARGEST_EVENT_BYTES - 1000) for filling in (b"[],", b"[", b'"\xc3\xa9",')),
        *((filling, 20_000_000) for filling in (b"[],", b'{"a":0},', b'"a",', b"0")),
    ],
)
def test_a_huge_event_takes_little_memory(
    function: FunctionUnderTest, filling: bytes, size: int
) -> None:
    """An instance of 512 MB has room for any event."""
    body = b"[" + filling * (size // len(filling)) + b"0]"
    for event in (body, http_event("POST", "/", [("Content-Type", "application/json")], body, "1")):
        tracemalloc.start()
        answer, _ = function.deliver(event)
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        (result,) = judge.results_of(answer)
        assert result["code"] == "InvalidEvent"
        assert peak_bytes < 200_000_000
