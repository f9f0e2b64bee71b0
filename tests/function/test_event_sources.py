"""Requests in events: each source's event is read, raised or returned, and sent at most once."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sandbox.cams_gateway import Behaviour
from tests.support.function_under_test import NUMBER, FunctionUnderTest, as_bytes, log_lines
from tests.support.hostile import RECORDED
from tests.support.judge import SENT_AT
from tests.support.valkey import Valkey
from verify_code.store.base import Record, StoreUnavailable, Verdict
from verify_code.store.memory import MemoryStore

WITHOUT_REQUESTS = ("oss_eventbridge", "dts", "asynchronous_destination_eventbridge")
#: Events that aren't recognised are read as direct invocations, and never raised.
UNKNOWN = ("timer", "oss", "sls", "cdn", "tablestore", "asynchronous_destination")
ANSWERED = ("http", "http_base64", "http_queued", "api_gateway", "mns_topic_stream")
WITH_REQUESTS = sorted(RECORDED.keys() - {*WITHOUT_REQUESTS, *UNKNOWN, *ANSWERED})


def recorded(name: str) -> Any:
    return json.loads(RECORDED[name])


def nested(depth: int) -> Any:
    """Lists in lists, so many deep."""
    return json.loads("[" * depth + "]" * depth)


@pytest.fixture
def source(function: FunctionUnderTest) -> FunctionUnderTest:
    """The function, one minute after the recorded events were sent."""
    function.now = SENT_AT + 60
    return function


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


def test_a_batch_whose_time_is_up(
    source: FunctionUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    """When the time is up, the rest of a batch is answered at once, without a log line for each."""
    source.set()
    source.ask()
    log_lines(capsys)
    source.gateway.on_message = lambda _: setattr(source, "turned_seconds", 30.0)
    raised = source.raised(batch(2_000))
    assert raised["counts"]["unsent"] == 1_999
    assert {result["code"] for result in raised["unsent"]} == {"QuotaExhausted"}
    assert len(log_lines(capsys)) < 5


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


# --- duplicates --------------------------------------------------------------------------------


def test_an_idempotency_key_comes_first(source: FunctionUnderTest) -> None:
    """An event's idempotency key identifies the request, whatever the message's id is."""
    event = recorded("asynchronous_caller")
    event["data"]["idempotency_key"] = "tap-1"
    replies = [source.handle({**event, "id": message})["replayed"] for message in ("1", "2")]
    assert replies == [False, True]


@pytest.mark.parametrize(
    "named",
    [
        {"messageId": "1"},
        {"MessageId": "1"},
        {"msgId": "1"},
        {"UNIQ_KEY": "1"},
        {"systemProperties": {"UNIQ_KEY": "1"}},
        {"props": {"UNIQ_KEY": "1"}},
        {"topic": "codes", "partition": 0, "offset": 7},
    ],
)
def test_a_message_is_identified_by_its_id(source: FunctionUnderTest, named: Any) -> None:
    """A message that is delivered again with other properties is identified by its id."""
    items = [{**named, "body": {"phone_number": NUMBER}, "attempt": number} for number in (1, 2)]
    assert [source.handle([item])[0]["replayed"] for item in items] == [False, True]


def test_an_idempotency_key_over_http(function: FunctionUnderTest) -> None:
    """An HTTP request with the same Idempotency-Key gets the first answer."""
    function.gateway.will(Behaviour(fault="close", takes_effect=True))
    taps = ("tap-1", "tap-1", "tap-2")
    replies = [function.post(headers={"idempotency-key": tap}) for tap in taps]
    assert [reply.status for reply in replies] == [202, 202, 200]
    assert [reply.result["replayed"] for reply in replies] == [False, True, False]
    assert function.gateway.requests_seen == 2


@pytest.mark.parametrize("request_id", ["id-1", None])
def test_the_same_invocation(function: FunctionUnderTest, request_id: str | None) -> None:
    """An invocation that the platform repeats with the same id gets the first answer."""
    context = SimpleNamespace(request_id=request_id, credentials=function.credentials)
    event = as_bytes({"phone_number": NUMBER})
    first, second = (function.app.handle(event, context) for _ in range(2))
    assert (first["replayed"], second["replayed"]) == (False, request_id is not None)


@pytest.mark.parametrize(
    ("name", "most_age", "remembered", "forgotten"),
    [
        ("mns_queue", "600", [24 * 3600 - 60], 120),
        ("eventbridge_stream_raw_data", "600", [540, 540, 540], 660),
        ("eventbridge_stream_raw_data", "43200", [40_000, 40_000], 10_000),
        ("eventbridge_stream_raw_data", "200000", [80_000], 10_000),  # a day at most
        ("eventbridge_stream_raw_data", "1", [10], 21),  # as long as its call can take
    ],
)
@pytest.mark.parametrize("store", ["memory", "Valkey"])
def test_how_long_a_message_is_remembered(
    source: FunctionUnderTest,
    valkey: Valkey,
    store: str,
    name: str,
    most_age: str,
    remembered: list[int],
    forgotten: int,
) -> None:
    """A message with an id is remembered for a day, one without an id for as long as it may be
    delivered again."""

    def turn(seconds: int) -> None:
        source.turned_seconds += seconds
        valkey.turn(seconds)

    if store == "Valkey":
        source.set(**valkey.settings)
    source.set(MAX_EVENT_AGE_SECONDS=most_age)
    source.now = 1795502348.145  # of no age
    source.handle(RECORDED[name])
    for seconds in remembered:
        turn(seconds)
        assert source.handle(RECORDED[name])[0]["replayed"] is True
    turn(forgotten)
    assert source.handle(RECORDED[name])[0]["replayed"] is False


def test_the_memory_is_bounded(source: FunctionUnderTest) -> None:
    """The memory store keeps only the newest records, up to its maximum."""
    source.monkeypatch.setattr("verify_code.store.memory.MAX_RECORDS", 3)
    for key in ("1", "2", "3", "4"):
        source.ask(idempotency_key=key)
    assert source.ask(idempotency_key="4")["replayed"] is True
    assert source.ask(idempotency_key="1")["replayed"] is False


def test_two_queues_may_use_one_id(source: FunctionUnderTest) -> None:
    """The same message id from another source is another message."""
    (first,) = recorded("mns_queue")
    second = {**first, "source": "another-trigger"}
    replies = [source.handle([item])[0]["replayed"] for item in (first, second, first)]
    assert replies == [False, False, True]


# --- old events --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "age_seconds", "is_old"),
    [
        ("eventbridge_rule", 599, False),
        ("eventbridge_rule", 601, True),
        ("mns_queue", 599, False),
        ("mns_queue", 601, True),
        ("kafka_json", 599, False),
        ("kafka_json", 601, True),
        ("mns_topic_json", 599, False),
        ("mns_topic_json", 601, True),
        ("http_queued", 599, False),
        ("http_queued", 601, True),
        ("http", 9999, False),  # a caller waits for the answer: there is no limit
        ("eventbridge_rule", -9999, False),  # the sender's clock is ahead
    ],
)
def test_old_events_expire(
    source: FunctionUnderTest, name: str, age_seconds: int, is_old: bool
) -> None:
    """An event that is older than MAX_EVENT_AGE_SECONDS isn't sent."""
    source.now = SENT_AT + age_seconds
    answer, is_raised = source.deliver(RECORDED[name])
    assert ("EventExpired" in json.dumps(answer)) == is_old
    assert len(source.gateway.messages) == (0 if is_old else 1)
    if name.startswith("http"):
        assert answer["statusCode"] == (410 if is_old else 200)
    else:
        assert is_raised == is_old


@pytest.mark.parametrize(
    ("moment", "is_read"),
    [
        ("2026-11-24T06:39:08.145Z", True),
        ("2026-11-24T14:39:08.145+08:00", True),
        ("2026-11-24T06:39:08.145", True),
        ("2026-11-24T06:39:08.145123456Z", True),
        (1795502348145, True),
        ("1795502348145", True),
        (1795502348, True),
        ("2021-01-03T09:44:31.233Asia/Shanghai", False),
        ("soon", False),
        (None, False),
        ({}, False),
        (1e300, False),
    ],
)
def test_the_time_of_an_event(source: FunctionUnderTest, moment: Any, is_read: bool) -> None:
    """An event's time is read in each form that the sources write; other forms are ignored."""
    event = {**recorded("eventbridge_rule"), "time": moment}
    for age_seconds, is_old in ((601, is_read), (598, False)):
        source.now = SENT_AT + age_seconds
        answer, _ = source.deliver(event)
        assert (answer["code"] == "EventExpired") == is_old


# --- batches -----------------------------------------------------------------------------------


def batch(count: int) -> list[dict[str, Any]]:
    (item,) = recorded("mns_queue")
    return [
        {**item, "id": f"id-{n}", "data": {**item["data"], "messageId": f"message-{n}"}}
        for n in range(count)
    ]


def test_a_batch_is_delivered_again(
    source: FunctionUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    """The handler raises the unsent messages of a batch, and the next delivery sends only those."""
    event = batch(5)
    source.gateway.will(
        Behaviour(takes_effect=True),
        *[Behaviour.says(400, Code="Throttling.User")] * 3,
        Behaviour(fault="close", takes_effect=True),
    )
    raised = source.raised(event)
    assert raised["counts"] == {"messages": 5, "unsent": 1, "listed": 1}
    assert raised["unsent"][0]["code"] == "Throttling.User"
    lines = log_lines(capsys)
    assert [line["level"] for line in lines if line["event"] == "batch"] == ["WARNING"]
    assert len([line for line in lines if line["event"] == "invocation"]) == 5
    results = source.handle(event)
    assert [result["replayed"] for result in results] == [True, False, True, True, True]
    assert [result["sent"] for result in results] == ["yes", "yes", "unknown", "yes", "yes"]
    assert len(source.gateway.messages) == 5


def test_a_batch_that_does_not_fit_in_the_time(source: FunctionUnderTest) -> None:
    """Messages of a batch that don't fit in the time left aren't sent, and are raised."""
    source.set(MAX_CALLS_PER_SECOND="1")
    raised = source.raised(batch(12))
    assert raised["counts"]["unsent"] > 0
    assert {result["code"] for result in raised["unsent"]} == {"QuotaExhausted"}
    assert len(source.gateway.messages) == 12 - raised["counts"]["unsent"]


def test_a_slow_store_is_not_asked_for_ever(source: FunctionUnderTest) -> None:
    """A batch doesn't ask a slow store again after its time is up."""
    source.ask()
    asked: list[Any] = []

    class SlowStore(MemoryStore):
        def admit(self, record: Record, replaces: str = "") -> Verdict:
            asked.append(record)
            source.turned_seconds += 1
            raise StoreUnavailable

    source.store = SlowStore(source.clock)
    source.set()
    codes = [result["code"] for result in source.raised(batch(40))["unsent"]]
    assert codes == ["StoreUnavailable"] * 19 + ["QuotaExhausted"] * 21
    assert len(asked) == 19


def test_a_large_batch_fits_in_a_line_of_the_log(source: FunctionUnderTest) -> None:
    """The exception for a batch of 500 messages is shorter than 32 KB."""
    raised = source.raised([{"phone": number} for number in range(500)])
    assert 20_000 < len(json.dumps(raised)) < 32_000
    assert raised["counts"]["unsent"] == 500


# --- nothing twice, nothing lost ---------------------------------------------------------------

FAULTS = st.sampled_from(
    [
        Behaviour(takes_effect=True),
        Behaviour(fault="close", takes_effect=True),
        Behaviour(stage="in_body", fault="reset", takes_effect=True),
        Behaviour(stage="before_reading", fault="close"),
        Behaviour.says(500, Code="InternalError"),
        Behaviour.says(400, Code="Throttling.User"),
        Behaviour.says(400, Code="Product.Unsubscript"),
        Behaviour.says(200, Code="136024", Success=False),
        Behaviour(200, b"<html>"),
    ]
)
DELIVERIES = st.lists(st.integers(1, 4), min_size=1, max_size=5).flatmap(
    lambda times: st.permutations([n for n, count in enumerate(times) for _ in range(count)])
)


@given(deliveries=DELIVERIES, faults=st.lists(FAULTS, max_size=20), size=st.integers(1, 3))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_nothing_twice_and_nothing_lost(
    source: FunctionUnderTest, deliveries: list[int], faults: list[Behaviour], size: int
) -> None:
    """With any deliveries and faults, each event is sent at most once, and ends as sent, unknown or
    raised."""
    source.set()
    for kept in (source.gateway.messages, source.gateway.behaviours, source.gateway.call_times):
        kept.clear()
    source.gateway.will(*faults)
    numbers = ["+8613800001230", "+8613800001231", "+8613800001232", "+6581234567", "+14155552671"]
    ends: dict[int, str] = {}
    for start in range(0, len(deliveries), size):
        part = deliveries[start : start + size]
        answer, is_raised = source.deliver(
            [
                {"messageId": str(n), "messageBody": json.dumps({"phone_number": numbers[n]})}
                for n in part
            ]
        )
        if is_raised:
            assert answer["counts"]["messages"] == len(part)
            ends.update({n: "raised" for n in part if ends.get(n) not in ("yes", "unknown")})
        else:
            ends.update(dict(zip(part, (result["sent"] for result in answer), strict=True)))
    sent = [message.phone_number for message in source.gateway.messages]
    assert len(sent) == len(set(sent))
    assert ends.keys() == set(deliveries)
