"""Whatever comes in: a result goes out, nothing raises but what may, and nothing is shown."""

from __future__ import annotations

import contextlib
import io
import json
import re
import tracemalloc
from collections.abc import Callable
from functools import partial
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.sandbox.cams_gateway import Behaviour
from tests.sandbox.http_event import http_event
from tests.support import hostile, judge
from tests.support.asked import ALL_OPERATIONS, ASKED, VERIFYING, Asked
from tests.support.function_under_test import FunctionUnderTest
from verify_code.events import MAX_EVENT_BYTES as LARGEST_EVENT_BYTES

STATUSES = st.sampled_from(["NOT_VERIFIED", "VERIFIED", "EXPIRED", "481516"]) | hostile.JSON
BODIES = st.binary(max_size=200) | (
    hostile.JSON
    | st.fixed_dictionaries(
        {},
        optional={
            "Code": st.sampled_from(["OK", "ok", "Throttling.User", "Other"]) | hostile.JSON,
            "Success": st.booleans() | hostile.JSON,
            "Message": st.just("not 481-516 for 8613800001234") | hostile.JSON,
            "RequestId": st.sampled_from(["8613800001234", "481516"]) | hostile.JSON,
            "AccessDeniedDetail": st.just({"+8613800001234": "481 516"}) | hostile.JSON,
            "Data": st.fixed_dictionaries({"CodeVerificationStatus": STATUSES}) | hostile.JSON,
        },
    )
).map(lambda body: json.dumps(body).encode())

SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(params=["anyone may send", "callers may do all"])
def judge_it(
    function: FunctionUnderTest, request: pytest.FixtureRequest
) -> Callable[[bytes], judge.Outcome]:
    """Judges an event, with the default settings, and with all operations and callers."""
    may_do_all = request.param == "callers may do all"
    operations = ",".join(ASKED) if may_do_all else "send"
    judge.make_ready(function, operations=operations, **(judge.CLAIMS if may_do_all else {}))
    return partial(judge.judge, function, operations=operations, are_callers_told=may_do_all)


@given(
    event=hostile.spoilt()
    | st.binary(max_size=300)
    | hostile.JSON.map(lambda content: json.dumps(content).encode())
)
@example(event=http_event("POST", "/status%0A", [], b'{"phone_number": "+8613800001234"}', "1"))
@SETTINGS
def test_any_event_gets_a_result(judge_it: Callable[[bytes], judge.Outcome], event: bytes) -> None:
    """Any spoilt event, and any bytes, give results: no traceback, nothing in clear, no code for
    nothing."""
    judge_it(event)


@pytest.fixture
def does_all(function: FunctionUnderTest) -> FunctionUnderTest:
    """Every operation is enabled, and the gateway throttles nothing by itself."""
    function.gateway.calls_per_second = 10**6
    function.set(**ALL_OPERATIONS)
    return function


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
@given(status=st.sampled_from([200, 201, 302, 400, 403, 404, 429, 500, 503]), body=BODIES)
@settings(SETTINGS, max_examples=80)
def test_any_answer_gets_a_result(
    does_all: FunctionUnderTest, asked: Asked, status: int, body: bytes
) -> None:
    """Any body of any status gives a result that never takes for undone what may be done, nor for a
    status what isn't one, and shows neither the number nor the code."""
    does_all.gateway.behaviours.clear()
    does_all.gateway.will(*[Behaviour(status, body)] * 3)
    with contextlib.redirect_stdout(io.StringIO()) as log:
        result = does_all.handle(asked.event("direct", uuid4().hex, "8613800001234", "481516"))
    secret = "13800001234|481[ -]?516" if asked is VERIFYING else "13800001234"
    assert not re.search(secret, json.dumps(result) + log.getvalue())
    assert result["code"] != "UnexpectedError"
    told = result.get("verification_status")
    with contextlib.suppress(ValueError, AttributeError):
        answer = {str(key).lower(): value for key, value in json.loads(body).items()}
        is_ok = answer.get("success") is True or str(answer.get("code")).upper() == "OK"
        if is_ok and asked.operation.changes_something:
            assert asked.outcome(result) != "no"
        assert told is None or (status == 200 and is_ok and told in answer["data"].values())
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
