"""What each answer of the API means for the caller, tested through the whole function."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox.cams_gateway import Behaviour
from tests.support.function_under_test import NUMBER, FunctionUnderTest, HttpReply, as_bytes

OK = {"Code": "OK", "Message": "OK", "RequestId": "R-1", "Success": True}


def reply_to(function: FunctionUnderTest, status: int, body: Any) -> HttpReply:
    """The reply of the function to this answer of the API, after which it makes no other call."""
    headers = {"Location": f"{function.gateway.endpoint}/"} if status // 100 == 3 else {}
    function.gateway.will(Behaviour(status, as_bytes(body), headers))
    reply = function.post()
    assert reply.result["success"] == (reply.result["sent"] == "yes")
    assert reply.result["retryable"] is False
    assert function.gateway.requests_seen == 1
    return reply


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, OK),
        (200, {**OK, "Success": None}),
        (200, {**OK, "Success": 1}),
        (200, {"Code": "OK"}),
        (200, {"Code": "ok"}),
    ],
)
def test_ok_means_sent(function: FunctionUnderTest, status: int, body: Any) -> None:
    """An answer with the code OK means that the code was sent."""
    reply = reply_to(function, status, body)
    assert (reply.status, reply.result["sent"], reply.result["code"]) == (200, "yes", "OK")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"Code": "Product.Unsubscript"}),
        (400, {"Code": "Ram.PermissionDeny"}),
        (403, {"Code": "NoPermission"}),
        (404, {"Code": "InvalidAccessKeyId.NotFound"}),
        (400, {"Code": "ERR-OPERATION-MAAP-0060"}),
        (200, {"Code": "Unknown.ResourceOwnerId", "Success": False}),
        (200, {"Code": "136024"}),
        (400, {"Code": 136024}),
    ],
)
def test_a_refusal_means_not_sent(function: FunctionUnderTest, status: int, body: Any) -> None:
    """An answer with an error code of the API means that nothing was sent."""
    reply = reply_to(function, status, body)
    assert (reply.status, reply.result["sent"]) == (424, "no")
    assert reply.result["code"] == str(body["Code"])


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"Code": "InvalidParameter.PhoneNumberError"}),
        (200, {"Code": "InvalidParameter.LanguageNotSupport", "Success": False}),
    ],
)
def test_a_refused_field_means_not_sent(
    function: FunctionUnderTest, status: int, body: Any
) -> None:
    """A field that the API refuses is answered with HTTP status 422, and nothing was sent."""
    reply = reply_to(function, status, body)
    assert (reply.status, reply.result["sent"]) == (422, "no")
    assert reply.result["code"] == str(body["Code"])


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, {"Code": "CHAT.APIError"}),
        (503, {"Code": "ServiceUnavailable"}),
        (400, {"Code": "999999"}),
        (400, {"Code": "InternalError"}),
        (200, {"Code": "ERR-COMMON-001", "Success": False}),
        (400, {"Code": "Isp.TimeoutError"}),
        (400, {"Code": "TIMEOUT"}),
        (400, {"Code": "InternalError.Unknown"}),
        (404, {"Code": "SystemError"}),
        (200, {"Code": "Throttling.User", "Success": True}),
        (200, {"Code": "Other", "Success": True}),
        (200, {"Code": "0000"}),
        (200, {"Code": 200, "Message": "OK"}),
    ],
)
def test_a_failure_of_the_api_is_unknown(
    function: FunctionUnderTest, status: int, body: Any
) -> None:
    """A code that tells of a failure inside the API doesn't say whether something was sent."""
    reply = reply_to(function, status, body)
    assert (reply.status, reply.result["sent"]) == (202, "unknown")
    assert reply.result["code"] == str(body["Code"])


@pytest.mark.parametrize(
    ("status", "body"),
    [
        # The code is OK, but the rest of the answer contradicts it.
        (200, {"Code": "OK", "Success": False}),
        (201, {"Code": "OK", "Success": True}),
        (400, {"Code": "OK", "Success": True}),
        (429, {"Code": "OK", "Success": True}),
        # There is no code.
        (200, {"Success": True}),
        (200, {}),
        (200, {"Code": None}),
        (200, {"Code": "None"}),
        (200, {"Code": True}),
        (200, {"Code": ["OK"]}),
        # The code is none that an API would write.
        (400, {"Code": "has a space"}),
        (400, {"Code": "x" * 101}),
        (400, {"Code": "Bad.8613800001234"}),
        # The body is not one JSON object.
        (200, b'["OK"]'),
        (200, b'{"Code": "OK", "code": "Throttling.User"}'),
        (200, b'{"Code": "Other", "Code": "OK"}'),
        (200, b""),
        (200, b'{"Code": "O'),
        pytest.param(200, b"[" * 100_000, id="200-100,000 brackets"),
        (200, b"\xff\xfe"),
        (400, b"<html>Bad</html>"),
        (502, b"<html>Bad</html>"),
        (204, b""),
        (302, b""),
        (307, b""),
        (500, b""),
    ],
)
def test_an_unclear_answer_is_unknown(function: FunctionUnderTest, status: int, body: Any) -> None:
    """An answer that contradicts itself, or isn't the API's, says nothing about the code."""
    reply = reply_to(function, status, body)
    assert (reply.status, reply.result["sent"]) == (202, "unknown")
    assert reply.result["code"] == "InvalidUpstreamAnswer"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "Throttling"),
        (400, "Throttling.User"),
        (400, "Throttling.Api"),
        (200, "System.LimitControl"),
        (400, "System.LimitControl"),
        (503, "Throttling.User"),
        (429, "Something"),
        (429, None),
    ],
)
def test_flow_control_is_tried_again(
    function: FunctionUnderTest, status: int, code: str | None
) -> None:
    """Flow control, known by its code or by status 429, is attempted three times."""
    function.gateway.will(*[Behaviour.says(status, Code=code)] * 3)
    reply = function.post()
    assert (reply.status, reply.result["sent"]) == (429, "no")
    assert reply.result["code"] == (code or "Throttling")
    assert reply.result["retryable"] is True
    assert function.gateway.requests_seen == 3
    assert function.gateway.messages == []
    assert int(reply.headers["Retry-After"]) >= reply.result["retry_after_seconds"] > 0


@pytest.mark.parametrize(
    ("milliseconds", "calls", "waited_seconds", "told"),
    [
        ("2500", 2, 2.5, None),
        ("0", 2, 1.0, None),  # asks for no stampede
        ("60000", 1, 0.0, "60"),  # has no room in the time left
    ],
)
def test_the_wait_that_the_api_names(
    function: FunctionUnderTest, milliseconds: str, calls: int, waited_seconds: float, told: Any
) -> None:
    """The function waits as long as the API asks, or tells the caller to wait."""
    body = as_bytes({"Code": "Throttling.User"})
    function.gateway.will(Behaviour(400, body, {"X-Acs-Retry-After": milliseconds}))
    reply = function.post()
    assert (reply.result["sent"], function.gateway.requests_seen) == (
        "no" if told else "yes",
        calls,
    )
    assert sum(function.slept) == pytest.approx(waited_seconds, abs=0.2)
    assert reply.headers.get("Retry-After") == told


def test_throttled_by_the_gateway_itself(function: FunctionUnderTest) -> None:
    """The sandbox's gateway throttles more than ten calls in one second, as the API does."""
    results = [function.ask() for _ in range(11)]
    assert [result["sent"] for result in results[:10]] == ["yes"] * 10
    assert function.gateway.throttled >= 1
    assert function.gateway.worst_second() > 10


def test_the_message_of_the_api_is_for_the_account_only(
    function: FunctionUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    """The API's message and AccessDeniedDetail reach direct callers, masked, but no HTTP caller."""
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
    assert http["message"] == "The API refused the request."
    assert http["access_denied_detail"] is None
    assert "No right for" in capsys.readouterr().out
    assert "13800001234" not in json.dumps([direct, http])


def test_none_as_text_becomes_null(function: FunctionUnderTest) -> None:
    """The text "None" in an answer of the API counts as no value."""
    nothing = dict.fromkeys(("RequestId", "AccessDeniedDetail", "Message"), "None")
    function.gateway.will(Behaviour.says(400, Code="Some.Code", **nothing))
    result = function.ask()
    assert (result["request_id"], result["access_denied_detail"]) == (None, None)
    assert result["message"] != "None"


@pytest.mark.parametrize(
    "half",
    [
        b'"Message": "x\\ud83d"',
        b'"AccessDeniedDetail": "\\ud83d"',
        b'"RequestId": "\\udc00"',
    ],
)
@pytest.mark.parametrize(("status", "sent"), [(500, "unknown"), (400, "no")])
def test_half_a_character(function: FunctionUnderTest, half: bytes, status: int, sent: str) -> None:
    """An answer with half a surrogate pair is returned and stored like any other."""
    code = b"InternalError" if status == 500 else b"136024"
    function.gateway.will(Behaviour(status, b'{"Code": "%b", %b}' % (code, half)))
    event = {"specversion": "1.0", "id": "1", "source": "a", "data": {"phone_number": NUMBER}}
    for replayed in (False, True):
        answer, is_raised = function.deliver(event)
        assert (answer["sent"], answer["replayed"]) == (sent, replayed)
        assert is_raised == (sent == "no")
    assert function.gateway.requests_seen == 1


@pytest.mark.parametrize(
    "escaped",
    [
        "%31%33%38%30%30%30%30%31%32%33%34",
        "%2531%2533%2538%2530%2530%2530%2530%2531%2532%2533%2534",
        "&#49;&#51;&#56;&#48;&#48;&#48;&#48;&#49;&#50;&#51;&#52;",
        "138\\u002d0000\\u002d1234",
        "138\\n0000\\n1234",
    ],
)
def test_a_number_that_is_escaped(
    function: FunctionUnderTest, escaped: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A number in the API's message is masked even if it is escaped."""
    function.gateway.will(Behaviour.says(400, Code="Other", Message=f"no code for {escaped}."))
    shown = json.dumps(function.ask()) + capsys.readouterr().out
    assert "no code for +86*******34." in shown
    assert escaped not in shown


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (200, "Success"),
        (400, "InternalServerError"),
        (400, "RequestTimedOut"),
        (400, "isp.system-error"),
        (400, "ServiceUnavailableTemporary"),
    ],
)
def test_codes_that_refuse_nothing_for_sure(
    function: FunctionUnderTest, status: int, code: str
) -> None:
    """A code that may mean success, or a failure of the API's server, is `unknown`."""
    function.gateway.will(Behaviour.says(status, Code=code))
    assert function.ask()["sent"] == "unknown"
