"""Each row of the result table, end to end: what the gateway says, and what a caller reads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.function_under_test import FunctionUnderTest
from tests.sandbox.cams_gateway import Behaviour

OK = {"Code": "OK", "Message": "OK", "RequestId": "R-1", "Success": True}


@pytest.mark.parametrize("answer", [OK, {**OK, "Success": None}, {"Code": "OK"}, {"Code": "ok"}])
def test_ok_is_sent(function: FunctionUnderTest, answer: dict[str, Any]) -> None:
    """HTTP 200 with OK, and Success true or absent, is the only thing that counts as sent."""
    function.gateway.will(Behaviour.says(200, **answer))
    reply = function.post()
    assert (reply.status, reply.result["sent"], reply.result["code"]) == (200, "yes", "OK")
    assert reply.result["success"] is True
    assert reply.result["retryable"] is False


@pytest.mark.parametrize(
    ("status", "answer", "http_status"),
    [
        (400, {"Code": "Product.Unsubscript"}, 424),
        (400, {"Code": "Ram.PermissionDeny"}, 424),
        (403, {"Code": "NoPermission"}, 424),
        (404, {"Code": "InvalidAccessKeyId.NotFound"}, 424),
        (400, {"Code": "ERR-OPERATION-MAAP-0060"}, 424),
        (200, {"Code": "Unknown.ResourceOwnerId", "Success": False}, 424),
        (200, {"Code": "136024"}, 424),
        (400, {"Code": 136024}, 424),
        (400, {"Code": "InvalidParameter.PhoneNumberError"}, 422),
        (200, {"Code": "InvalidParameter.LanguageNotSupport", "Success": False}, 422),
    ],
)
def test_refusals(
    function: FunctionUnderTest, status: int, answer: dict[str, Any], http_status: int
) -> None:
    """A refusal keeps the API's own code; nothing was sent, and nothing is tried again."""
    function.gateway.will(Behaviour.says(status, **answer))
    reply = function.post()
    assert reply.status == http_status
    assert reply.result["sent"] == "no"
    assert reply.result["code"] == str(answer["Code"])
    assert reply.result["retryable"] is False
    assert function.gateway.requests_seen == 1


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (500, {"Code": "CHAT.APIError"}, "CHAT.APIError"),
        (503, {"Code": "ServiceUnavailable"}, "ServiceUnavailable"),
        (400, {"Code": "999999"}, "999999"),
        (400, {"Code": "InternalError"}, "InternalError"),
        (200, {"Code": "ERR-COMMON-001", "Success": False}, "ERR-COMMON-001"),
        (400, {"Code": "Isp.TimeoutError"}, "Isp.TimeoutError"),
        (502, b"<html>Bad Gateway</html>", "InvalidUpstreamAnswer"),
        (500, b"", "InvalidUpstreamAnswer"),
        (200, {"Code": "OK", "Success": False}, "InvalidUpstreamAnswer"),
        (400, {"Code": "OK", "Success": True}, "InvalidUpstreamAnswer"),
        (429, {"Code": "OK", "Success": True}, "InvalidUpstreamAnswer"),
        (201, {"Code": "OK", "Success": True}, "InvalidUpstreamAnswer"),
        (200, {"Code": "Throttling.User", "Success": True}, "Throttling.User"),
        (200, {"Code": "Other", "Success": True}, "Other"),
        (200, {"Code": "0000"}, "0000"),
        (200, {"Success": True}, "InvalidUpstreamAnswer"),
        (200, {}, "InvalidUpstreamAnswer"),
        (200, {"Code": None}, "InvalidUpstreamAnswer"),
        (200, {"Code": "None"}, "InvalidUpstreamAnswer"),
        (400, {"Code": "has a space"}, "InvalidUpstreamAnswer"),
        (400, {"Code": "x" * 101}, "InvalidUpstreamAnswer"),
        (400, {"Code": "Bad.8613800001234"}, "InvalidUpstreamAnswer"),
        (400, b"<html>Bad Request</html>", "InvalidUpstreamAnswer"),
        (200, b'["OK"]', "InvalidUpstreamAnswer"),
        (200, b'{"Code": "OK", "code": "Throttling.User"}', "InvalidUpstreamAnswer"),
        (200, b'{"Code": "Other", "Code": "OK"}', "InvalidUpstreamAnswer"),
        (200, {"Code": True}, "InvalidUpstreamAnswer"),
        (200, {"Code": ["OK"]}, "InvalidUpstreamAnswer"),
        (200, {"Code": 200, "Message": "OK"}, "200"),
        (200, b"", "InvalidUpstreamAnswer"),
        (200, b'{"Code": "O', "InvalidUpstreamAnswer"),
        (200, b"[" * 100_000, "InvalidUpstreamAnswer"),
        (200, b"\xff\xfe", "InvalidUpstreamAnswer"),
        (204, b"", "InvalidUpstreamAnswer"),
        (302, b"", "InvalidUpstreamAnswer"),
        (307, b"", "InvalidUpstreamAnswer"),
    ],
)
def test_unclear_answers_are_unknown(
    function: FunctionUnderTest, status: int, body: Any, code: str
) -> None:
    """A failing server, a contradiction or no answer of this API may have sent a code."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Location": f"http://{function.gateway.endpoint[7:]}/"} if status // 100 == 3 else {}
    function.gateway.will(Behaviour(status, raw, headers))
    reply = function.post()
    assert (reply.status, reply.result["sent"], reply.result["code"]) == (202, "unknown", code)
    assert reply.result["retryable"] is False
    assert function.gateway.requests_seen == 1


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "Throttling"),
        (400, "Throttling.User"),
        (400, "Throttling.Api"),
        (503, "Throttling.User"),
        (400, "System.LimitControl"),
        (200, "System.LimitControl"),
        (429, "Something"),
        (429, None),
    ],
)
def test_flow_control_is_tried_again(
    function: FunctionUnderTest, status: int, code: str | None
) -> None:
    """Flow control is known by its code or by status 429; three tries are made in all."""
    function.gateway.will(*[Behaviour.says(status, Code=code)] * 3)
    reply = function.post()
    assert (reply.status, reply.result["sent"]) == (429, "no")
    assert reply.result["code"] == (code or "Throttling")
    assert reply.result["retryable"] is True
    assert function.gateway.requests_seen == 3
    assert function.gateway.messages == []
    assert int(reply.headers["Retry-After"]) >= reply.result["retry_after_seconds"] > 0


def test_a_try_after_flow_control_succeeds(function: FunctionUnderTest) -> None:
    """The wait that the API names, in milliseconds, is kept before the next try."""
    refusal = Behaviour.says(400, Code="Throttling.User")
    function.gateway.will(Behaviour(400, refusal.body, {"x-acs-retry-after": "2500"}))
    result = function.ask()
    assert (result["sent"], function.gateway.requests_seen) == ("yes", 2)
    assert 2.4 < sum(function.slept) <= 2.5


def test_a_wait_of_nothing_is_none(function: FunctionUnderTest) -> None:
    """A retry-after of 0 asks for no stampede."""
    body = b'{"Code": "Throttling.User"}'
    function.gateway.will(*[Behaviour(400, body, {"x-acs-retry-after": "0"})] * 3)
    assert function.ask()["retry_after_seconds"] == 1
    assert sum(function.slept) > 1.9


def test_a_wait_that_does_not_fit_is_not_begun(function: FunctionUnderTest) -> None:
    """Where the time left is too short for the wait and a call, the wait is told instead."""
    refusal = Behaviour.says(400, Code="Throttling.User")
    function.gateway.will(Behaviour(400, refusal.body, {"X-Acs-Retry-After": "60000"}))
    reply = function.post()
    assert (reply.result["code"], reply.result["retry_after_seconds"]) == ("Throttling.User", 60.0)
    assert reply.headers["Retry-After"] == "60"
    assert sum(function.slept) < 0.2
    assert function.gateway.requests_seen == 1


def test_throttled_by_the_gateway_itself(function: FunctionUnderTest) -> None:
    """Past ten calls in a second the sandbox's gateway throttles as the API does."""
    results = [function.ask() for _ in range(11)]
    assert [result["sent"] for result in results[:10]] == ["yes"] * 10
    assert function.gateway.throttled >= 1
    assert function.gateway.worst_second() > 10


def test_the_message_of_the_api_is_for_the_account_only(
    function: FunctionUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    """The API's message and AccessDeniedDetail reach direct callers, masked; HTTP gets neither."""
    refusal = Behaviour.says(
        403,
        Code="NoPermission",
        RequestId="R-7",
        Message="No right for +86 138-0000-1234 or 13800001234. " + "x" * 400,
        AccessDeniedDetail={"AuthAction": "cams:GetChatappVerifyCode", "For": "8613800001234"},
    )
    function.gateway.will(refusal, refusal)
    direct = function.ask()
    assert direct["message"].startswith("No right for +86*******34 or +86*******34. xxx")
    assert len(direct["message"]) == 300
    assert direct["access_denied_detail"]["AuthAction"] == "cams:GetChatappVerifyCode"
    assert direct["request_id"] == "R-7"
    http = function.post().result
    assert http["message"] == "The API refused the request; nothing was sent."
    assert http["access_denied_detail"] is None
    assert "No right for" in capsys.readouterr().out
    assert "13800001234" not in json.dumps([direct, http])


def test_none_as_text_becomes_null(function: FunctionUnderTest) -> None:
    """The literal "None" of the API's example is no value."""
    function.gateway.will(
        Behaviour.says(
            400, Code="Some.Code", RequestId="None", AccessDeniedDetail="None", Message="None"
        )
    )
    result = function.ask()
    assert result["request_id"] is None
    assert result["access_denied_detail"] is None
    assert result["message"] != "None"


def test_an_error_in_the_sdk_is_never_a_no(function: FunctionUnderTest) -> None:
    """If the SDK didn't use this package's transport, what it sent isn't known."""
    function.ask()
    function.monkeypatch.setattr(function.cams._client, "call_api", lambda *_: None)
    reply = function.post()
    assert (reply.status, reply.result["sent"]) == (202, "unknown")
    assert reply.result["code"] == "UnexpectedError"
