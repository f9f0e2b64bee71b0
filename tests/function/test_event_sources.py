"""Requests in events: how each source's event is recognised, read and answered."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.sandbox.cams_gateway import Behaviour
from tests.support.function_under_test import NUMBER, FunctionUnderTest, as_bytes, log_lines
from tests.support.hostile import RECORDED, recorded
from tests.support.judge import SENT_AT

WITHOUT_REQUESTS = ("oss_eventbridge", "dts", "asynchronous_destination_eventbridge")
#: Events that aren't recognised are read as direct invocations, and never raised.
UNKNOWN = ("timer", "oss", "sls", "cdn", "tablestore", "asynchronous_destination")
ANSWERED = ("http", "http_base64", "http_queued", "api_gateway", "mns_topic_stream")
WITH_REQUESTS = sorted(RECORDED.keys() - {*WITHOUT_REQUESTS, *UNKNOWN, *ANSWERED})


def nested(depth: int) -> Any:
    """Lists in lists, so many deep."""
    return json.loads("[" * depth + "]" * depth)


@pytest.mark.parametrize("name", WITH_REQUESTS)
def test_a_recorded_event_is_sent_once(source: FunctionUnderTest, name: str) -> None:
    """An event's first delivery sends a code, and its second delivery replays the result."""
    first, second = (source.handle(recorded(name)) for _ in range(2))
    if isinstance(recorded(name), list):
        (first,), (second,) = first, second
    assert (first["sent"], first["phone_number"]) == ("yes", "+86*******34")
    assert (first["replayed"], second["replayed"]) == (False, True)
    assert second["invocation_id"] != first["invocation_id"]
    assert second["request_id"] == first["request_id"]
    assert [message.locale for message in source.gateway.messages] == ["zh_CN"]


@pytest.mark.parametrize("name", WITH_REQUESTS)
def test_a_message_without_a_request_is_raised(source: FunctionUnderTest, name: str) -> None:
    """A message with a misspelt field is raised as `InvalidEvent`, so that it is dead-lettered."""
    request = as_bytes({"phone_number": NUMBER, "method": "sms", "locale": "zh-Hans-CN"})
    misspelt = request.replace(b"phone_n", b"phone_m")
    event = RECORDED[name].replace(b"phone_n", b"phone_m")
    event = event.replace(base64.b64encode(request), base64.b64encode(misspelt))
    raised = source.raised(event)
    result = raised["unsent"][0] if isinstance(recorded(name), list) else raised
    assert (result["code"], result["sent"]) == ("InvalidEvent", "no")
    assert NUMBER[1:] not in json.dumps(raised)
    assert source.gateway.requests_seen == 0


@pytest.mark.parametrize("name", WITHOUT_REQUESTS)
def test_sources_that_never_carry_a_request(source: FunctionUnderTest, name: str) -> None:
    """An event of a source that never carries a request is returned, not raised."""
    reply = source.handle(RECORDED[name])
    results = reply if isinstance(recorded(name), list) else [reply]
    assert {result["code"] for result in results} == {"InvalidEvent"}
    assert "never carries a request" in results[0]["message"]


@pytest.mark.parametrize("name", UNKNOWN)
def test_events_that_no_model_recognises(source: FunctionUnderTest, name: str) -> None:
    """An event of an unknown source is answered like a direct invocation, and not raised."""
    result = source.handle(RECORDED[name])
    assert (result["code"], result["sent"]) == ("InvalidRequest", "no")


def test_a_list_that_mixes_sources(source: FunctionUnderTest) -> None:
    """A mixed list is raised only for its unsent items that could carry a request."""
    (never,) = recorded("dts")
    (message,) = recorded("mns_queue")
    assert [result["sent"] for result in source.handle([never, message])] == ["no", "yes"]
    raised = source.raised([never, {**message, "data": {}}])
    assert raised["counts"] == {"messages": 2, "unsent": 1, "listed": 1}


@pytest.mark.parametrize(
    ("name", "almost"),
    [
        ("http", {"version": "v2"}),
        ("http", {"requestContext": None}),
        ("http", {"requestContext": {"http": "POST"}}),
        ("eventbridge_rule", {"specversion": None, "id": None}),
        ("mns_topic_stream_attributes", {"attrs": None, "more": 1}),
        ("mns_topic_json", {"TopicOwner": None, "MessageMD5": None}),
    ],
)
def test_what_is_almost_an_event(
    source: FunctionUnderTest, name: str, almost: dict[str, Any]
) -> None:
    """An event that lacks a key of its source is read as a direct invocation, and not raised."""
    content = {k: v for k, v in {**recorded(name), **almost}.items() if v is not None}
    result = source.handle(content)
    assert (result["code"], result["errors"][0]["code"]) == ("InvalidRequest", "missing")


@pytest.mark.parametrize(
    "content",
    [
        [1],
        [None],
        ["text"],
        [[]],
        [{}],
        [{"data": {"data": {}}}],
        pytest.param([{"data": nested(5)}], id="nested 5 deep"),
        pytest.param([{"data": nested(100)}], id="nested 100 deep"),
        pytest.param([{"data": nested(400)}], id="nested 400 deep"),
        pytest.param([{"data": nested(900)}], id="nested 900 deep"),
    ],
)
def test_items_that_are_no_message(source: FunctionUnderTest, content: Any) -> None:
    """An item of a batch that is no message, however deeply nested, is raised."""
    assert source.raised(content)["unsent"][0]["code"] == "InvalidEvent"


def test_a_batch_too_large_to_be_read(source: FunctionUnderTest) -> None:
    """A batch that is too large to be read is raised, so that no message is lost."""
    (item,) = recorded("rocketmq")
    item["data"]["userProperties"] = {f"key-{n}": n for n in range(200)}
    result = source.raised([item] * 2_500)["unsent"][0]
    assert result["message"].startswith("The event is too large")


@pytest.mark.parametrize(
    "event",
    [
        b"[%b, %b]",
        b'{"specversion": "1.0", "x": %b, "isBase64Encoded": false, "data": %b}',
        b'{"MessageMD5": "", "x": %b, "Message": %b}',
    ],
)
def test_one_message_nested_too_deeply(source: FunctionUnderTest, event: bytes) -> None:
    """An event is raised if one of its messages is nested too deeply to be read."""
    source.raised(event % (b"[" * 3_000 + b"]" * 3_000, as_bytes({"phone_number": NUMBER})))
    assert source.gateway.requests_seen == 0


@pytest.mark.parametrize(
    "item", [{"phone_number": NUMBER}, {"specversion": "1.0", "type": "dts:x"}]
)
def test_more_messages_than_a_source_delivers(
    source: FunctionUnderTest, item: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A batch of more than 10,000 messages is refused as a whole, with a few log lines."""
    answer, is_raised = source.deliver([item] * 10_001)
    (result,) = answer["unsent"] if is_raised else answer
    assert is_raised == ("phone_number" in item)
    assert "10,000 messages at most" in result["message"]
    assert len(log_lines(capsys)) < 5


def test_a_request_that_is_too_large(source: FunctionUnderTest) -> None:
    """An item over 16 KiB is refused, and the other items of its batch are sent."""
    request = {"phone_number": NUMBER}
    large = {**request, "x": "x" * 17_000}
    encoded = base64.b64encode(as_bytes({"phone_number": "+6581234567"})).decode()
    result = source.raised([large, request, json.dumps(large), encoded])
    assert result["counts"] == {"messages": 4, "unsent": 2, "listed": 2}
    assert len(source.gateway.messages) == 2


@pytest.mark.parametrize("filler", ["x" * 13_000, "\u53f7" * 5_000])
@pytest.mark.parametrize("is_in_base64", [True, False])
def test_the_size_is_that_of_the_request(
    source: FunctionUnderTest, filler: str, is_in_base64: bool
) -> None:
    """The size of a request is measured without its base64 and its JSON escapes."""
    data: Any = {"phone_number": NUMBER, "x": filler}
    if is_in_base64:
        data = base64.b64encode(json.dumps(data, ensure_ascii=False).encode()).decode()
    assert source.handle({"specversion": "1.0", "data": data})["sent"] == "yes"


OF_RABBITMQ = {"envelope": {"deliveryTag": 1, "exchange": "", "routingKey": "a"}, "props": {}}


OF_ROCKETMQ = {"topic": "a", "systemProperties": {"MIN_OFFSET": "0"}}


OF_MQTT = {"props": {"firstTopic": "a", "secondTopic": "/x", "clientId": "one"}}


@pytest.mark.parametrize(
    ("first", "again", "other"),
    [
        (
            OF_RABBITMQ,
            {"envelope": {"deliveryTag": 2, "exchange": "", "routingKey": "a", "redeliver": True}},
            {"envelope": {"deliveryTag": 1, "exchange": "", "routingKey": "b"}},
        ),
        (
            OF_ROCKETMQ,
            {"systemProperties": {"MIN_OFFSET": "7", "CONSUME_START_TIME": 5}},
            {"topic": "b"},
        ),
        (OF_MQTT, {}, {"props": {"firstTopic": "b"}}),
    ],
    ids=["RabbitMQ", "RocketMQ", "MQTT"],
)
def test_messages_without_an_id(
    source: FunctionUnderTest, first: Any, again: Any, other: Any
) -> None:
    """A message without an id is identified by its request and its topic."""
    message = {**first, "body": {"phone_number": NUMBER}}
    items = [{**message, **changes} for changes in (first, again, other)]
    assert [source.handle([item])[0]["replayed"] for item in items] == [False, True, False]


@pytest.mark.parametrize("value", [7, "7"])
@pytest.mark.parametrize("name", ["id", "messageId"])
def test_an_id_that_is_a_number(source: FunctionUnderTest, name: str, value: Any) -> None:
    """A message's id may be a number."""

    def item(given: Any) -> dict[str, Any]:
        request = {"phone_number": NUMBER}
        if name == "id":
            return {"specversion": "1.0", "source": "a", "id": given, "data": request}
        return {"messageId": given, "messageBody": json.dumps(request)}

    items = [item(value), item(value), item(8)]
    assert [source.handle([each])[0]["replayed"] for each in items] == [False, True, False]


@pytest.mark.parametrize("moment", ["2026-11-24", 0, "20261124", "2026-1-1", True])
def test_a_time_that_can_not_be_read(source: FunctionUnderTest, moment: Any) -> None:
    """An event whose time is only a date, or is no date, doesn't expire."""
    source.now = SENT_AT + 9999
    assert source.handle({**recorded("eventbridge_rule"), "time": moment})["sent"] == "yes"


def test_two_instances_of_kafka(source: FunctionUnderTest) -> None:
    """Records of two Kafka instances with the same position are told apart by their subject."""
    (record,) = recorded("kafka_json")
    other = {**record, "subject": record["subject"].replace("codes", "others")}
    replayed = [source.handle([item])[0]["replayed"] for item in (record, other, record)]
    assert replayed == [False, False, True]


def test_a_number_of_a_thousand_digits(source: FunctionUnderTest) -> None:
    """A JSON number of a thousand digits doesn't stop the other items of its batch."""
    event = as_bytes([{"phone_number": NUMBER, "x": "long"}, {"x": "long"}])
    source.raised(event.replace(b'"long"', b"1" * 1000))
    assert len(source.gateway.messages) == 1


def test_the_denied_detail_is_for_direct_callers(source: FunctionUnderTest) -> None:
    """AccessDeniedDetail isn't raised with an event, because it would reach a dead-letter queue."""
    body = {"Code": "NoPermission", "AccessDeniedDetail": {"AuthAction": "cams:Get", "X": "None"}}
    source.gateway.will(*[Behaviour(403, as_bytes(body))] * 2)
    assert source.raised(recorded("eventbridge_rule"))["access_denied_detail"] is None
    assert source.ask()["access_denied_detail"] == {"AuthAction": "cams:Get"}


def test_an_event_in_cbor(source: FunctionUnderTest) -> None:
    """An event of Tablestore, which is CBOR and not JSON, is answered with `InvalidEvent`."""
    result = source.handle(b"\xa2gVersiongSync-v1gRecords\x81\xa1dTypefPutRow")
    assert result["code"] == "InvalidEvent"
