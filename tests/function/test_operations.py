"""The operations besides sending a code: who may use them, and a number's status."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox.cams_gateway import Behaviour
from tests.support.function_under_test import NUMBER, FunctionUnderTest, log_lines
from tests.support.valkey import Valkey

ALL = "send,status,verify"
CODE = "123456"
COMMON = {
    "success",
    "code",
    "message",
    "request_id",
    "invocation_id",
    "retryable",
    "retry_after_seconds",
    "phone_number",
    "errors",
    "access_denied_detail",
}


@pytest.fixture
def every(function: FunctionUnderTest) -> FunctionUnderTest:
    """The function with all operations enabled."""
    function.set(OPERATIONS=ALL, STATUS_LIMITS_TOTAL="", VERIFY_LIMITS_PER_NUMBER="99999/day")
    return function


def calls(function: FunctionUnderTest) -> list[int]:
    """The number of calls to each action of the API: send, status, verify."""
    return [len(times) for times in function.gateway.calls.values()]


# --- which operation ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/", [1, 0, 0]),
        ("", [1, 0, 0]),
        ("/send", [1, 0, 0]),
        ("/codes/send", [1, 0, 0]),
        ("/codes/", [1, 0, 0]),
        ("/status", [0, 1, 0]),
        ("/codes/status", [0, 1, 0]),
        ("/Status/", [0, 1, 0]),
        ("/verify", [0, 0, 1]),
        ("/codes/%76erify", [0, 0, 1]),
        ("/codes", None),
        ("/statuses", None),
        ("/verify/codes", None),
        ("/register", None),
    ],
)
def test_the_last_segment_of_the_path_chooses(
    every: FunctionUnderTest, path: str, asked: list[int] | None
) -> None:
    """The last segment of the path names the operation, and other paths are refused."""
    body = {"phone_number": NUMBER, **({"code": CODE} if asked == [0, 0, 1] else {})}
    reply = every.post(body, path=path)
    assert calls(every) == (asked or [0, 0, 0])
    if not asked:
        assert (reply.status, reply.result["code"]) == (404, "OperationNotEnabled")
        assert reply.result["sent"] == "no"


@pytest.mark.parametrize(
    ("operations", "asked"),
    [
        ("send", [1, 0, 0]),
        ("Send, status ,SEND", [1, 1, 0]),
        ("verify", [0, 0, 1]),
        (ALL, [1, 1, 1]),
    ],
)
@pytest.mark.parametrize("way", ["path", "body"])
def test_only_what_is_enabled_is_asked_for(
    function: FunctionUnderTest, operations: str, asked: list[int], way: str
) -> None:
    """An operation that OPERATIONS doesn't name is refused, in the path and in the body."""
    function.set(OPERATIONS=operations)
    for name, fields in (("send", {}), ("status", {}), ("verify", {"code": CODE})):
        request = {"phone_number": NUMBER, **fields}
        result = (
            function.post(request, path=f"/{name}").result
            if way == "path"
            else function.handle({**request, "operation": name})
        )
        is_enabled = name in operations.lower()
        assert (result["code"] != "OperationNotEnabled") == is_enabled
    assert calls(function) == asked


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/status", {"operation": "send"}),
        ("/", {"operation": "status"}),
        ("/", {"operation": "verify", "code": CODE}),
        ("/verify", {"operation": "verify", "Operation": "send", "code": CODE}),
    ],
)
def test_a_body_that_asks_for_another_operation(
    every: FunctionUnderTest, path: str, fields: dict[str, str]
) -> None:
    """A request whose path and body name different operations is refused."""
    reply = every.post({"phone_number": NUMBER, **fields}, path=path)
    assert (reply.status, reply.result["code"]) == (422, "InvalidRequest")
    (error,) = reply.result["errors"]
    assert (error["field"], error["code"]) == ("operation", "conflicting")
    assert calls(every) == [0, 0, 0]


def test_a_body_may_say_what_the_path_says(every: FunctionUnderTest) -> None:
    """The path and the body may name the same operation; a direct caller names it in the body."""
    assert every.post({"phone_number": NUMBER, "operation": "status"}, path="/status").status == 200
    assert every.ask(operation="status")["verification_status"] == "NOT_VERIFIED"
    assert every.ask(operation="send")["sent"] == "yes"
    every.ask(operation="verify", code=every.gateway.messages[-1].code)
    assert calls(every) == [1, 2, 1]


@pytest.mark.parametrize("name", ["code", "VerifyCode", "verify_code", "verificationCode", "otp"])
@pytest.mark.parametrize("operation", ["send", "status"])
def test_a_code_in_another_operation(every: FunctionUnderTest, operation: str, name: str) -> None:
    """A request that has a code, but isn't `verify`, is refused."""
    result = every.ask(**{"operation": operation, name: CODE})
    assert result["code"] == "InvalidRequest"
    (error,) = result["errors"]
    assert (error["field"], error["code"]) == (name, "unknown")
    assert calls(every) == [0, 0, 0]


@pytest.mark.parametrize("operation", ["status", "verify", "register", 1])
def test_an_event_can_only_ask_for_a_code(every: FunctionUnderTest, operation: Any) -> None:
    """An event that asks for another operation is raised as `InvalidEvent`."""
    data = {"phone_number": NUMBER, "operation": operation, "code": CODE}
    event = {"specversion": "1.0", "id": "1", "source": "a", "data": data}
    assert every.raised(event)["code"] == "InvalidEvent"
    assert every.raised([{"data": json.dumps(data)}])["unsent"][0]["code"] == "InvalidEvent"
    assert calls(every) == [0, 0, 0]


@pytest.mark.parametrize("operation", ["status", "verify", "Verify", " STATUS "])
def test_an_operation_beside_the_request(every: FunctionUnderTest, operation: str) -> None:
    """An operation in the CloudEvent itself, outside its data, is raised as `InvalidEvent`."""
    event = {"specversion": "1.0", "id": "1", "source": "a", "operation": operation}
    assert every.raised({**event, "data": {"phone_number": NUMBER}})["code"] == "InvalidEvent"
    assert calls(every) == [0, 0, 0]


@pytest.mark.parametrize("name", ["operations", "Operation ", "operaton", "OPERATION"])
def test_a_misspelt_name_of_the_operation(every: FunctionUnderTest, name: str) -> None:
    """A misspelt `operation` is read as it was meant, and sends no code."""
    assert every.ask(**{name: "status"})["verification_status"] == "NOT_VERIFIED"
    assert every.ask(**{name: "register"})["code"] == "OperationNotEnabled"
    assert calls(every) == [0, 1, 0]


def test_broken_settings_answer_as_the_operation(every: FunctionUnderTest) -> None:
    """With wrong settings the answer still has the keys of the path's operation."""
    every.set(ALLOWED_COUNTRIES="XX")
    for path, key in (("/", "sent"), ("/status", "verification_status"), ("/verify", "registered")):
        reply = every.post(path=path)
        assert (reply.status, reply.result["code"]) == (500, "Misconfigured")
        assert key in reply.result


def test_each_operation_has_its_own_result(every: FunctionUnderTest) -> None:
    """The results of all operations have common keys, and each operation adds its own."""
    of_send = {"sent", "method", "locale", "replayed"}
    for path, own in (
        ("/", of_send),
        ("/status", {"verification_status"}),
        ("/verify", {"registered", "replayed"}),
    ):
        fields = {"code": CODE} if path == "/verify" else {}
        good = every.post({"phone_number": NUMBER, **fields}, path=path)
        assert good.result.keys() == COMMON | own
        assert every.post({}, path=path).result.keys() == COMMON | own
        assert every.post(b"{", path=path).result.keys() == COMMON | own


def test_the_policy_is_the_same_for_all(every: FunctionUnderTest) -> None:
    """Every operation is refused for another country, another space or an unknown caller."""
    every.set(CALLER_HEADER="X-Claim-Sub")
    for path in ("/", "/status", "/verify"):
        fields = {"code": CODE} if path == "/verify" else {}
        for wrong, code in (
            ({"phone_number": "+5511961234567"}, "CountryNotAllowed"),
            ({"cust_space_id": "cams-other"}, "CustSpaceNotAllowed"),
            ({}, "CallerUnknown"),
        ):
            reply = every.post({"phone_number": NUMBER, **fields, **wrong}, path=path)
            assert (reply.status, reply.result["code"]) == (403, code)
    assert calls(every) == [0, 0, 0]


def test_the_log_names_the_operation(
    every: FunctionUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each log line names its operation, and has its outcome under its own key."""
    for operation in ALL.split(","):
        every.ask(operation=operation, **({"code": CODE} if operation == "verify" else {}))
    lines = [line for line in log_lines(capsys) if line["event"] == "invocation"]
    told = [
        (line["operation"], line["sent"], line["registered"], line["verification_status"])
        for line in lines
    ]
    assert told == [
        ("send", "yes", None, None),
        ("status", None, None, "NOT_VERIFIED"),
        ("verify", None, "no", None),
    ]


def test_each_operation_is_paced_separately(function: FunctionUnderTest) -> None:
    """A call of one operation doesn't delay a call of another."""
    function.set(OPERATIONS=ALL, MAX_CALLS_PER_SECOND="1", SEND_LIMITS_PER_NUMBER="9/second")
    waits = []
    for operation in ("send", "status", "verify", "send"):
        function.slept.clear()
        function.ask(operation=operation, **({"code": CODE} if operation == "verify" else {}))
        waits.append(sum(function.slept))
    assert waits[:3] == [0, 0, 0]
    assert waits[3] > 0.9


def test_each_operation_has_its_own_shared_turns(
    function: FunctionUnderTest, valkey: Valkey
) -> None:
    """In the store each operation has its own turns."""
    function.set(OPERATIONS=ALL, **valkey.settings, MAX_CALLS_PER_SECOND="1")
    for operation in ALL.split(","):
        function.ask(operation=operation, **({"code": CODE} if operation == "verify" else {}))
    with valkey.client() as client:
        turns = sorted(client.scan_iter("*free-turn*"))
    assert [turn.rpartition(":")[2] for turn in turns] == sorted(ALL.split(","))


# --- the status --------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["NOT_VERIFIED", "VERIFIED", "EXPIRED"])
def test_what_the_api_says_of_a_number(every: FunctionUnderTest, status: str) -> None:
    """Each status that the API gives for a number is a success, over HTTP and directly."""
    answer = {"Code": "OK", "Success": True, "RequestId": "R-1"}
    answered = Behaviour.says(200, **answer, Data={"CodeVerificationStatus": status})
    every.gateway.will(answered, answered)
    reply = every.post(path="/status")
    assert (reply.status, reply.result["success"], reply.result["code"]) == (200, True, "OK")
    assert reply.result["verification_status"] == status
    direct = every.ask(operation="status")
    assert (direct["verification_status"], direct["request_id"]) == (status, "R-1")
    assert direct["phone_number"] == "+86*******34"


@pytest.mark.parametrize(
    "data",
    [None, "None", {}, [], {"CodeVerificationStatus": None}, {"CodeVerificationStatus": "FINE"}],
)
def test_a_success_without_a_status(every: FunctionUnderTest, data: Any) -> None:
    """An answer without a known status is a failure that may be retried."""
    every.gateway.will(Behaviour.says(200, Code="OK", Success=True, Data=data))
    reply = every.post(path="/status")
    assert (reply.status, reply.result["code"]) == (503, "InvalidUpstreamAnswer")
    assert (reply.result["success"], reply.result["retryable"]) == (False, True)
    assert reply.result["verification_status"] is None


@pytest.mark.parametrize(
    ("behaviour", "status", "code", "retryable"),
    [
        (Behaviour(fault="close"), 503, "UpstreamDisconnected", True),
        (Behaviour(fault="reset", stage="in_body"), 503, "UpstreamDisconnected", True),
        (Behaviour(500, b'{"Code": "InternalError"}'), 503, "InternalError", True),
        (Behaviour(200, b"<html>"), 503, "InvalidUpstreamAnswer", True),
        (Behaviour(400, b'{"Code": "Ram.PermissionDeny"}'), 424, "Ram.PermissionDeny", False),
        (Behaviour(400, b'{"Code": "Throttling.User"}'), 429, "Throttling.User", True),
    ],
)
def test_no_answer_about_the_status(
    every: FunctionUnderTest, behaviour: Behaviour, status: int, code: str, retryable: bool
) -> None:
    """A status request without an answer is never `unknown`: it fails, and may be retried."""
    every.gateway.will(*[behaviour] * 3)
    reply = every.post(path="/status")
    assert (reply.status, reply.result["code"]) == (status, code)
    assert reply.result["retryable"] is retryable
    assert (reply.result["retry_after_seconds"] is not None) is retryable
    assert ("Retry-After" in reply.headers) is retryable


@pytest.mark.parametrize("store", ["memory", "valkey"])
def test_how_often_a_status_may_be_asked_for(
    every: FunctionUnderTest, request: pytest.FixtureRequest, store: str
) -> None:
    """Status requests have a rate limit per caller and in total, apart from that of codes."""
    if store == "valkey":
        every.set(**request.getfixturevalue("valkey").settings)
    every.set(
        CALLER_HEADER="X-Claim-Sub", STATUS_LIMITS_PER_CALLER="2/hour", STATUS_LIMITS_TOTAL="3/hour"
    )

    def codes(caller: str, times: int, path: str = "/status") -> list[str]:
        headers = {"X-Claim-Sub": caller}
        return [every.post(headers=headers, path=path).result["code"] for _ in range(times)]

    assert codes("shop-1", 3) == ["OK", "OK", "TooManyRequests"]
    assert codes("shop-2", 2) == ["OK", "TotalLimitReached"]
    assert codes("shop-1", 2, "/") == ["OK", "OK"]


def test_a_status_leaves_no_record(every: FunctionUnderTest, valkey: Valkey) -> None:
    """Status requests are never replayed, and leave no record in the store."""
    every.set(**valkey.settings)
    for _ in range(2):
        every.post(headers={"Idempotency-Key": "tap-1"}, path="/status")
    assert calls(every) == [0, 2, 0]
    with valkey.client() as client:
        assert not list(client.scan_iter("*record*"))


def test_a_test_number_needs_no_call(every: FunctionUnderTest) -> None:
    """For a test number each operation succeeds without a call."""
    every.set(TEST_NUMBERS=NUMBER)
    assert every.ask(operation="status")["verification_status"] == "NOT_VERIFIED"
    assert every.ask()["sent"] == "yes"
    assert every.ask(operation="verify", code=CODE)["registered"] == "yes"
    assert calls(every) == [0, 0, 0]
