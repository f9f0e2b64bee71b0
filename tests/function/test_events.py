"""How each trigger's event is recognised, read and answered."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from tests.support import judge
from tests.support.function_under_test import NUMBER, FunctionUnderTest, log_lines, read_reply
from tests.support.hostile import recorded

REQUEST = json.dumps({"phone_number": NUMBER})


def event(name: str, **changes: Any) -> dict[str, Any]:
    return {**recorded(name), **changes}


@pytest.mark.parametrize("name", ["http", "http_base64", "api_gateway"])
def test_http_requests(
    function: FunctionUnderTest, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A recorded HTTP event sends a code, and the HTTP answer has every key of the result."""
    reply = read_reply(function.handle(event(name)))
    assert reply.status == 200
    judge.schema().validate(reply.result)
    assert reply.result["invocation_id"] == "invocation-1"
    assert len(function.gateway.messages) == 1
    assert log_lines(capsys)[-1]["source"] == name.removesuffix("_base64")


ENCODED = base64.b64encode(REQUEST.encode()).decode()


@pytest.mark.parametrize(
    ("body", "flag", "status"),
    [
        (ENCODED, True, 200),
        (ENCODED, "true", 200),
        (ENCODED, "True", 200),
        (REQUEST, False, 200),
        (REQUEST, "false", 200),
        (REQUEST, "", 200),
        (REQUEST, None, 200),
        ("{", True, 400),
        (None, False, 400),
    ],
)
def test_bodies(function: FunctionUnderTest, body: Any, flag: Any, status: int) -> None:
    """isBase64Encoded may be a bool or a string, and without it the body is plain text."""
    reply = read_reply(function.handle(event("api_gateway", body=body, isBase64Encoded=flag)))
    assert (reply.status, reply.result["code"]) == (
        status,
        "OK" if status == 200 else "InvalidEvent",
    )


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "OPTIONS"])
def test_other_methods(function: FunctionUnderTest, method: str) -> None:
    """Any HTTP method but POST is refused."""
    reply = function.post(method=method)
    assert (reply.status, reply.result["code"]) == (405, "InvalidEvent")
    assert reply.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    ("status", "content_type"),
    [
        (200, None),
        (200, "application/json"),
        (200, "APPLICATION/JSON; Charset=UTF-8"),
        (200, 'application/json; charset="utf-8"'),
        (200, "application/vnd.api+json"),
        (415, "application/json; charset=gbk"),
        (415, "application/x-www-form-urlencoded"),
        (415, "text/plain"),
        (415, "application/xml"),
    ],
)
def test_media_types(function: FunctionUnderTest, status: int, content_type: str | None) -> None:
    """A body is read if its type is JSON in UTF-8, or isn't given."""
    reply = function.post(headers={"content-type": content_type} if content_type else {})
    assert reply.status == status
    assert reply.result["code"] == ("OK" if status == 200 else "InvalidEvent")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"[]",
        b'"text"',
        b"null",
        b"7",
        b"{",
        b"\xff",
        b'{"phone_number": NaN}',
        pytest.param(b"\xa2gVersiongSync-v1gRecords\x81\xff", id="CBOR of Tablestore"),
        pytest.param(b"[" * 10_000, id="10,000 brackets"),
        pytest.param(b'{"a":' * 3_000, id="3,000 objects"),
        pytest.param(b"9" * 10_000, id="10,000 digits"),
    ],
)
def test_what_is_no_json_object(function: FunctionUnderTest, body: bytes) -> None:
    """A body that isn't one JSON object is refused, over HTTP and directly."""
    reply = function.post(body)
    assert (reply.status, reply.result["code"]) == (400, "InvalidEvent")
    assert function.handle(body)["code"] == "InvalidEvent"
    assert function.gateway.requests_seen == 0


def test_requests_that_are_too_large(function: FunctionUnderTest) -> None:
    """A request of 16 KiB is read, and a larger one is refused."""
    filler = "x" * (16 * 1024 - len(REQUEST) - len(', "f": ""'))
    body = json.dumps({"phone_number": NUMBER, "f": filler}).encode()
    assert len(body) == 16 * 1024
    assert function.post(body).status == 200
    reply = function.post(body + b" ")
    assert (reply.status, reply.result["code"]) == (413, "InvalidEvent")
    assert function.handle(body + b" ")["code"] == "InvalidEvent"


@pytest.mark.parametrize("filling", [b",", b"[", b'"', b'\\"', b"\\", b'{"a":1},'])
def test_the_answer_to_a_huge_body_is_http(function: FunctionUnderTest, filling: bytes) -> None:
    """A huge body gets an HTTP answer, whatever characters it repeats."""
    assert function.post(filling * 600_000).status == 413


def test_a_byte_order_mark(function: FunctionUnderTest) -> None:
    """A byte order mark before the JSON is ignored."""
    with_mark = "\ufeff" + REQUEST
    assert function.handle(with_mark.encode())["sent"] == "yes"
    assert function.post(with_mark.encode()).status == 200
    encoded = base64.b64encode(with_mark.encode()).decode()
    assert read_reply(function.handle(event("api_gateway", body=encoded))).status == 200
    for number, data in enumerate((with_mark, encoded)):
        content = {"specversion": "1.0", "id": str(number), "source": "a", "data": data}
        assert function.handle(content)["sent"] == "yes"


@pytest.mark.parametrize(
    ("path", "is_send"),
    [
        ("/", True),
        ("", True),
        ("/codes", True),
        ("/status/codes", True),
        ("/verified", True),
        ("/status", False),
        ("/verify", False),
        ("/codes/verify", False),
        ("/codes/status/", False),
        ("/Verify", False),
        ("/%76erify", False),
        ("/verify%20", False),
        ("/verify;x", False),
        ("/verify/.", False),
    ],
)
@pytest.mark.parametrize(("name", "key"), [("http", "rawPath"), ("api_gateway", "path")])
def test_the_path(
    function: FunctionUnderTest, name: str, key: str, path: str, is_send: bool
) -> None:
    """Every path asks for a code, except those of operations that aren't enabled."""
    reply = read_reply(function.handle(event(name, **{key: path})))
    assert (reply.status, reply.result["code"]) == (
        (200, "OK") if is_send else (404, "OperationNotEnabled")
    )
    assert len(function.gateway.messages) == is_send


@pytest.mark.parametrize(
    "attributes",
    [
        {"httpMethod": "POST", "path": "/"},
        {"version": "v1", "requestContext": {"http": {"method": "POST"}}},
        {"triggerTime": "x", "triggerName": "x"},
        {"eventSource": "acs:oss"},
        {"cursorTime": 1, "source": {}},
        {"Version": "Sync-v1"},
        {"requestContext": {}, "responseContext": {}},
        {"specversion": "1.0", "source": "acs.oss", "type": "dts:x"},
        {"body": "x", "attrs": {}},
    ],
)
def test_an_mns_topics_attributes(function: FunctionUnderTest, attributes: dict[str, Any]) -> None:
    """A message of an MNS topic is recognised whatever attributes it has."""
    function.now = judge.SENT_AT
    content = event("mns_topic_json", **attributes)
    assert function.handle(content)["sent"] == "yes"
    assert function.raised({**content, "Message": "{}"})["code"] == "InvalidEvent"


@pytest.mark.parametrize(
    ("in_body", "in_header", "agree"),
    [
        ({"idempotency_key": "a", "idempotencyKey": "a"}, "a", True),
        ({"idempotency_key": "a", "idempotencyKey": "a"}, "b", False),
        ({"idempotency_key": "a", "idempotencyKey": "b"}, "a", False),
        ({"idempotencyKey": "a"}, "a", True),
        ({"idempotencyKey": "a"}, "b", False),
    ],
)
def test_keys_under_all_names(
    function: FunctionUnderTest, in_body: dict[str, str], in_header: str, agree: bool
) -> None:
    """The idempotency keys in the header and under any name in the body must be the same."""
    body = {"phone_number": NUMBER, **in_body}
    reply = function.post(body, headers={"Idempotency-Key": in_header})
    assert (reply.status == 200) == agree
    assert [error["code"] for error in reply.result["errors"]] == [] if agree else ["conflicting"]


DEEP = "[" * 200 + "]" * 200
FOUR_KEYS = '{"id": "1", "source": "a", "type": "b", "data": %s}'
TOPIC = '{"TopicOwner": "1", "Message": "{}", "x": %s}'


@pytest.mark.parametrize(
    ("text", "is_raised"),
    [
        (FOUR_KEYS % DEEP, True),
        (TOPIC % DEEP, True),
        ('{"specversion": "1.0", "id": "1", "id": "2", "data": {}}', True),
        (f'[{{"specversion": "1.0", "type": "dts:x", "data": {DEEP}}}]', False),
        (f'{{"specversion": "1.0", "source": "acs.oss", "data": {DEEP}}}', False),
        (f'{{"operation": {DEEP}}}', False),
    ],
)
def test_events_that_can_not_be_read(
    function: FunctionUnderTest, text: str, is_raised: bool
) -> None:
    """An unreadable event is raised, unless its source never carries a request."""
    answer, was_raised = function.deliver(text.encode())
    assert was_raised == is_raised
    (result,) = judge.results_of(answer)
    assert (result["code"], result["sent"]) == ("InvalidEvent", "no")


@pytest.mark.parametrize("key", ["specversion", "specVersion", "SpecVersion", "SPECVERSION"])
def test_a_cloud_event_in_any_spelling(function: FunctionUnderTest, key: str) -> None:
    """A CloudEvent is recognised by any spelling of `specversion`, or by its other four keys."""
    request = {"phone_number": NUMBER}
    assert function.handle({key: "1.0", "data": request})["sent"] == "yes"
    assert function.raised({key: "1.0", "data": {}})["code"] == "InvalidEvent"
    four = {"id": "1", "source": "a", "type": "b", "data": {}}
    assert function.raised(four)["code"] == "InvalidEvent"
    # Beside a phone number these are fields that a request may have.
    assert function.handle({**four, **request})["sent"] == "yes"


@pytest.mark.parametrize("headers", [None, [], {"Content-Type": None}, {"Content-Type": 5}])
def test_odd_headers(function: FunctionUnderTest, headers: Any) -> None:
    """HTTP headers that aren't a map of strings cause no error."""
    reply = read_reply(function.handle(event("http", headers=headers)))
    assert reply.result["code"] in ("OK", "InvalidEvent")


def test_a_header_given_many_times(function: FunctionUnderTest) -> None:
    """The time to join a header's values grows in proportion to their number."""
    content = json.dumps(event("api_gateway", headers={}))
    function.handle(content.encode())

    def seconds(count: int) -> float:
        headers = ",".join(f'"A": "{n}"' for n in range(count))
        given = content.replace('"headers": {}', f'"headers": {{{headers}}}').encode()
        began = time.process_time()
        function.handle(given)
        return time.process_time() - began

    # Ten times as many take ten times as long; by the square they would take a hundred times.
    assert seconds(200_000) < 40 * max(seconds(20_000), 0.02)


@pytest.mark.parametrize(
    ("in_body", "in_header", "code"),
    [
        ("tap", None, None),
        (None, "tap", None),
        ("tap", "tap", None),
        ("tap", "tip", "conflicting"),
        (7, None, "invalid"),
        pytest.param(None, "k" * 256, "invalid", id="header-too long"),
    ],
)
def test_the_key_over_http(
    function: FunctionUnderTest, in_body: Any, in_header: str | None, code: str | None
) -> None:
    """The idempotency key may stand in the body, in the header, or in both if they are the same."""
    headers = {"idempotency-key": in_header} if in_header else {}
    for is_second in (False, True):
        reply = function.post({"phone_number": NUMBER, "idempotency_key": in_body}, headers=headers)
        assert [(e["field"], e["code"]) for e in reply.result["errors"]] == (
            [("idempotency_key", code)] if code else []
        )
        assert reply.result["replayed"] == (is_second and not code)


@pytest.mark.parametrize(
    "body", ['{"method": {"a": 1, "a": 2}}', '{"idempotency_key": {"a": 1, "a": 2}}']
)
def test_a_field_that_contradicts_itself(function: FunctionUnderTest, body: str) -> None:
    """A field whose value is an object with a repeated key is wrong, not absent."""
    request = body.replace("{", '{"phone_number": "+8613800001234", ', 1)
    assert function.post(request.encode()).status == 422


@pytest.mark.parametrize("headers", ['{"A": "a", "A": "b", "Idempotency-Key": "k"}', "[]", "7"])
def test_headers_that_can_not_be_read(function: FunctionUnderTest, headers: str) -> None:
    """Unreadable headers are refused, because an idempotency key could be among them."""
    content = json.dumps(event("http", headers={}))
    reply = read_reply(
        function.handle(content.replace('"headers": {}', f'"headers": {headers}').encode())
    )
    assert (reply.status, reply.result["code"]) == (400, "InvalidEvent")


def test_broken_json_of_an_event_source(function: FunctionUnderTest) -> None:
    """Broken JSON that looks like a CloudEvent is raised, so that it isn't lost."""
    assert function.raised(b'{"specversion": "1.0", "data": {},}')["code"] == "InvalidEvent"
