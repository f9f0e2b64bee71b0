"""Requests that come as events: read from every source, raised or returned, sent at most once."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import Any

import pytest

from tests.function_under_test import NUMBER, FunctionUnderTest, as_bytes, log_lines
from tests.hostile import RECORDED
from tests.judge import SENT_AT
from tests.sandbox.cams_gateway import Behaviour

WITHOUT_REQUESTS = (
    *("timer", "oss", "oss_eventbridge", "sls", "cdn", "tablestore", "dts"),
    *("asynchronous_destination", "asynchronous_destination_eventbridge"),
)
ANSWERED = ("http", "http_base64", "http_queued", "api_gateway", "mns_topic_stream")
WITH_REQUESTS = sorted(RECORDED.keys() - {*WITHOUT_REQUESTS, *ANSWERED})
WITH_TIMES = ("eventbridge_rule", "mns_queue", "kafka_json", "mns_topic_json", "http_queued")


def recorded(name: str) -> Any:
    return json.loads(RECORDED[name])


@pytest.fixture
def source(function: FunctionUnderTest) -> FunctionUnderTest:
    """The function, a minute after the recorded events were sent."""
    function.now = SENT_AT + 60
    return function


@pytest.mark.parametrize("name", WITH_REQUESTS)
def test_a_recorded_event_is_sent_once(source: FunctionUnderTest, name: str) -> None:
    """Its source gets the result back; a second delivery gets it again, and sends nothing."""
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
    """A misspelt field is dead-lettered, not lost: the handler raises InvalidEvent."""
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
    """They get InvalidEvent returned: raised, some would deliver it for ever."""
    reply = source.handle(RECORDED[name])
    results = reply if isinstance(recorded(name), list) else [reply]
    assert {result["code"] for result in results} == {"InvalidEvent"}
    assert "never carries a request" in results[0]["message"]


@pytest.mark.parametrize(
    ("name", "almost"),
    [
        ("http", {"version": "v2"}),
        ("http", {"requestContext": None}),
        ("http", {"requestContext": {"http": "POST"}}),
        ("eventbridge_rule", {"specversion": None}),
        ("mns_topic_stream_attributes", {"attrs": None, "more": 1}),
        ("mns_topic_json", {"TopicOwner": None, "MessageMD5": None}),
        ("timer", {"triggerName": None}),
        ("sls", {"cursorTime": None}),
        ("tablestore", {"Version": "2"}),
        ("oss", {"events": []}),
        ("asynchronous_destination", {"responseContext": None}),
    ],
)
def test_what_is_almost_an_event(
    source: FunctionUnderTest, name: str, almost: dict[str, Any]
) -> None:
    """What lacks a mark of its source is read as a direct invocation, and never raises."""
    content = {k: v for k, v in {**recorded(name), **almost}.items() if v is not None}
    result = source.handle(content)
    assert (result["code"], result["errors"][0]["code"]) == ("InvalidRequest", "missing")


@pytest.mark.parametrize(
    "content",
    [
        *([1], [None], ["text"], [[]], [{}], [{"data": {"data": {}}}]),
        *([{"data": json.loads("[" * depth + "]" * depth)}] for depth in (5, 100, 400, 900)),
    ],
)
def test_items_that_are_nothing(source: FunctionUnderTest, content: Any) -> None:
    """An item of a stream that is no message, however deeply nested, is raised."""
    assert source.raised(content)["unsent"][0]["code"] == "InvalidEvent"


def test_a_batch_too_large_to_be_read(source: FunctionUnderTest) -> None:
    """Full of JSON beyond all bounds it is raised: returned, its messages would be lost."""
    (item,) = recorded("rocketmq")
    item["data"]["userProperties"] = {f"key-{n}": n for n in range(200)}
    result = source.raised([item] * 2_500)["unsent"][0]
    assert result["message"] == "The batch is too large to be read: deliver fewer at once."


@pytest.mark.parametrize("name", ["eventbridge_stream_raw_data", "dts"])
def test_more_messages_than_a_source_delivers(
    source: FunctionUnderTest, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are refused as one: worked through, they would take all the time, memory and log."""
    answer, is_raised = source.deliver(recorded(name) * 10_001)
    (result,) = answer["unsent"] if is_raised else answer
    assert is_raised == (name != "dts")
    assert result["message"] == "An event may hold 10,000 messages at most."
    assert len(log_lines(capsys)) < 5


def test_a_request_that_is_too_large(source: FunctionUnderTest) -> None:
    """An item over 16 KiB is refused; the others of its batch are sent, those in base64 too."""
    request = {"phone_number": NUMBER}
    large = {**request, "x": "x" * 17_000}
    encoded = base64.b64encode(as_bytes(request)).decode()
    result = source.raised([large, request, json.dumps(large), encoded])
    assert result["counts"] == {"messages": 4, "unsent": 2, "listed": 2}
    assert len(source.gateway.messages) == 1  # the two that are sent are the same request


# --- duplicates --------------------------------------------------------------------------------


def test_an_idempotency_key_comes_first(source: FunctionUnderTest) -> None:
    """The caller's key names the request, whatever message carries it."""
    event = recorded("asynchronous_caller")
    event["data"]["idempotency_key"] = "tap-1"
    replies = [source.handle({**event, "id": message})["replayed"] for message in ("1", "2")]
    assert replies == [False, True]


def test_an_idempotency_key_over_http(function: FunctionUnderTest) -> None:
    """An app that asks again with its key, which is a header, gets the first answer."""
    function.gateway.will(Behaviour(fault="close", sends=True))
    asked = [("tap-1", "a"), ("tap-1", "a"), ("tap-2", "a"), ("k" * 256, "fine")]
    replies = [
        function.post(
            {"phone_number": NUMBER, "idempotency_key": field}, headers={"idempotency-key": key}
        )
        for key, field in asked
    ]
    assert [reply.status for reply in replies] == [202, 202, 200, 422]
    assert [reply.result["replayed"] for reply in replies] == [False, True, False, False]
    assert function.gateway.requests_seen == 2


@pytest.mark.parametrize("request_id", ["id-1", None])
def test_the_same_invocation(function: FunctionUnderTest, request_id: str | None) -> None:
    """An invocation that the platform repeats under its id is answered as before."""
    context = SimpleNamespace(request_id=request_id, credentials=function.credentials)
    event = as_bytes({"phone_number": NUMBER})
    first, second = (function.instance.handle(event, context) for _ in range(2))
    assert (first["replayed"], second["replayed"]) == (False, request_id is not None)


@pytest.mark.parametrize(
    ("name", "most_age", "remembered", "forgotten"),
    [
        ("mns_queue", "600", 24 * 3600 - 60, 24 * 3600 + 60),
        ("eventbridge_stream_raw_data", "600", 540, 660),
        ("eventbridge_stream_raw_data", "200000", 100_000, 200_060),
        ("eventbridge_stream_raw_data", "1", 10, 21),
    ],
)
def test_names_are_forgotten(
    source: FunctionUnderTest, name: str, most_age: str, remembered: int, forgotten: int
) -> None:
    """A name given by its source lives a day, an item's own only as long as the event may.

    Either lives at least as long as its call can take.
    """
    source.set(MAX_EVENT_AGE_SECONDS=most_age)
    source.handle(RECORDED[name])
    source.turned_seconds += remembered
    assert source.handle(RECORDED[name])[0]["replayed"] is True
    source.turned_seconds += forgotten - remembered
    assert source.handle(RECORDED[name])[0]["replayed"] is False


def test_the_memory_is_bounded(source: FunctionUnderTest) -> None:
    """As many requests as memory holds are remembered, the newest of them."""
    source.monkeypatch.setattr("chatapp_code.memory_store.MOST_CLAIMS", 3)
    for key in ("1", "2", "3", "4"):
        source.ask(idempotency_key=key)
    assert source.ask(idempotency_key="4")["replayed"] is True
    assert source.ask(idempotency_key="1")["replayed"] is False


def test_two_queues_may_give_one_name(source: FunctionUnderTest) -> None:
    """The same message id from another source is another message."""
    (first,) = recorded("mns_queue")
    second = {**first, "source": "another-trigger"}
    replies = [source.handle([item])[0]["replayed"] for item in (first, second, first)]
    assert replies == [False, False, True]


# --- old events --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "age_seconds", "is_old"),
    [
        *((name, 599, False) for name in WITH_TIMES),
        *((name, 601, True) for name in WITH_TIMES),
        ("http", 9999, False),  # the time of a request that somebody waits for is no limit
        ("eventbridge_rule", -9999, False),  # nor is a sender punished whose clock is ahead
    ],
)
def test_old_events_expire(
    source: FunctionUnderTest, name: str, age_seconds: int, is_old: bool
) -> None:
    """Nobody wants a code hours late: past MAX_EVENT_AGE_SECONDS nothing is sent."""
    source.now = SENT_AT + age_seconds
    answer, is_raised = source.deliver(RECORDED[name])
    assert ("EventExpired" in json.dumps(answer)) == is_old
    assert len(source.gateway.messages) == (0 if is_old else 1)
    if name.startswith("http"):
        assert answer["statusCode"] == (410 if is_old else 200)
    else:
        assert is_raised == is_old


READ = (
    *("2026-11-24T06:39:08.145Z", "2026-11-24T14:39:08.145+08:00", "2026-11-24T06:39:08.145"),
    *("2026-11-24T06:39:08.145123456Z", 1795502348145, "1795502348145", 1795502348),
)
UNREAD: tuple[Any, ...] = ("2021-01-03T09:44:31.233Asia/Shanghai", "soon", None, {}, 1e300)


@pytest.mark.parametrize("moment", READ + UNREAD)
def test_moments(source: FunctionUnderTest, moment: Any) -> None:
    """Moments are read in the forms in which the sources write them; others are no limit."""
    event = {**recorded("eventbridge_rule"), "time": moment}
    for age_seconds, is_old in ((601, moment in READ), (598, False)):
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


def test_a_batch_is_handled_in_order(
    source: FunctionUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exception after the last message lists the unsent; the next delivery sends only those.

    Each message of a delivery has its result, and the log warns of batches.
    """
    event = batch(5)
    source.gateway.will(
        Behaviour(sends=True),
        *[Behaviour.says(400, Code="Throttling.User")] * 3,
        Behaviour(fault="close", sends=True),
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


def test_a_large_batch_fits_in_a_line_of_the_log(source: FunctionUnderTest) -> None:
    """The exception of the largest batch stays under 32 KB."""
    raised = source.raised([{"phone": number} for number in range(500)])
    assert 20_000 < len(json.dumps(raised)) < 32_000
    assert raised["counts"]["unsent"] == 500
