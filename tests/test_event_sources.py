"""Requests that come as events: read from every source, raised or returned, sent at most once."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatapp_code.triggers.event_source import NotSent, seconds_since_epoch
from tests.function_under_test import NUMBER, FunctionUnderTest
from tests.sandbox.cams_gateway import Behaviour

EVENTS = Path(__file__).parent / "events"
SENT_AT = 1795502348.145  # when the recorded events were sent

SINGLE = (
    *("eventbridge_rule", "eventbridge_rule_text", "asynchronous_caller", "mns_topic_json"),
    *("mns_topic_stream_attributes", "mns_topic_json_attributes"),
)
LISTS = (
    *("mns_queue", "mns_queue_base64", "mns_queue_raw_data", "eventbridge_stream_raw_data"),
    *("kafka_json", "kafka_text", "kafka_binary", "kafka_strings", "rabbitmq", "mqtt"),
    *("rocketmq", "rocketmq_self_managed"),
)
WITHOUT_REQUESTS = (
    *("timer", "oss", "oss_eventbridge", "sls", "cdn", "tablestore", "dts"),
    *("asynchronous_destination", "asynchronous_destination_eventbridge"),
)
WITH_TIMES = ("eventbridge_rule", "mns_queue", "kafka_json", "mns_topic_json", "http_queued")


def recorded(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text())


def as_bytes(content: Any) -> bytes:
    return json.dumps(content).encode()


@pytest.fixture
def source(function: FunctionUnderTest) -> FunctionUnderTest:
    """The function, a minute after the recorded events were sent."""
    function.now = SENT_AT + 60
    return function


def unsent(function: FunctionUnderTest, content: Any) -> dict[str, Any]:
    """What the handler raises: the result, or the counts and the results of a batch."""
    with pytest.raises(NotSent) as raised:
        function.handle(as_bytes(content))
    assert "13800001234" not in str(raised.value)
    content = json.loads(str(raised.value))
    assert isinstance(content, dict)
    return content


@pytest.mark.parametrize("name", SINGLE + LISTS)
def test_a_recorded_event_is_sent_once(source: FunctionUnderTest, name: str) -> None:
    """Its source gets the result back; a second delivery gets it again, and sends nothing."""
    first, second = (source.handle(as_bytes(recorded(name))) for _ in range(2))
    if name in LISTS:
        (first,), (second,) = first, second
    assert (first["sent"], first["phone_number"]) == ("yes", "+86*******34")
    assert (first["replayed"], second["replayed"]) == (False, True)
    assert second["invocation_id"] != first["invocation_id"]
    assert second["request_id"] == first["request_id"]
    assert [message.locale for message in source.gateway.messages] == ["zh_CN"]


def test_bare_topic_text_is_a_direct_invocation(source: FunctionUnderTest) -> None:
    """A topic that passes its text on is told from nobody who invokes directly."""
    assert source.handle((EVENTS / "mns_topic_stream.txt").read_bytes())["sent"] == "yes"


@pytest.mark.parametrize("name", SINGLE + LISTS)
def test_a_message_without_a_request_is_raised(source: FunctionUnderTest, name: str) -> None:
    """A misspelt field is dead-lettered, not lost: the handler raises InvalidEvent."""
    request = as_bytes({"phone_number": NUMBER, "method": "sms", "locale": "zh-Hans-CN"})
    text = as_bytes(recorded(name))
    for encode in (bytes, base64.b64encode):
        text = text.replace(encode(request), encode(request.replace(b"phone_n", b"phone_m")))
    raised = unsent(source, json.loads(text.replace(b"phone_n", b"phone_m")))
    result = raised["unsent"][0] if name in LISTS else raised
    assert (result["code"], result["sent"]) == ("InvalidEvent", "no")
    assert source.gateway.requests_seen == 0


@pytest.mark.parametrize("name", WITHOUT_REQUESTS)
def test_sources_that_never_carry_a_request(source: FunctionUnderTest, name: str) -> None:
    """They get InvalidEvent returned: raised, some would deliver it for ever."""
    content = recorded(name)
    reply = source.handle(as_bytes(content))
    results = reply if isinstance(content, list) else [reply]
    assert {result["code"] for result in results} == {"InvalidEvent"}
    assert "never carries a request" in results[0]["message"]


@pytest.mark.parametrize(
    ("name", "almost"),
    [
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
    result = source.handle(as_bytes(content))
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
    assert unsent(source, content)["unsent"][0]["code"] == "InvalidEvent"


def test_a_batch_too_large_to_be_read(source: FunctionUnderTest) -> None:
    """Full of JSON beyond all bounds it is raised: returned, its messages would be lost."""
    (item,) = recorded("rocketmq")
    item["data"]["userProperties"] = {f"key-{n}": n for n in range(200)}
    result = unsent(source, [item] * 2_500)["unsent"][0]
    assert result["message"] == "The batch is too large to be read: deliver fewer at once."


@pytest.mark.parametrize("name", ["eventbridge_stream_raw_data", "dts"])
def test_more_messages_than_a_source_delivers(
    source: FunctionUnderTest, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are refused as one: worked through, they would take all the time, memory and log."""
    event = as_bytes(recorded(name) * 10_001)
    if name == "dts":
        (result,) = source.handle(event)
        assert result["message"].startswith("DTS never carries a request")
    else:
        (result,) = unsent(source, json.loads(event))["unsent"]
        assert result["message"] == "The batch is too large to be read: deliver fewer at once."
    assert len(capsys.readouterr().out.splitlines()) < 5


def test_a_request_that_is_too_large(source: FunctionUnderTest) -> None:
    """An item over 16 KiB is refused; the others of its batch are sent, those in base64 too."""
    large = {"phone_number": NUMBER, "x": "x" * 17_000}
    encoded = base64.b64encode(as_bytes({"phone_number": NUMBER})).decode()
    result = unsent(source, [large, {"phone_number": NUMBER}, json.dumps(large), encoded])
    assert result["counts"] == {"messages": 4, "unsent": 2, "listed": 2}
    assert len(source.gateway.messages) == 2


@pytest.mark.parametrize("filler", ["x" * 13_000, "\u53f7" * 5_000])
@pytest.mark.parametrize("is_in_base64", [True, False])
def test_the_size_is_that_of_the_request(
    source: FunctionUnderTest, filler: str, is_in_base64: bool
) -> None:
    """Neither base64 nor JSON's escapes, in which it came, make a request too large."""
    data: Any = {"phone_number": NUMBER, "x": filler}
    if is_in_base64:
        data = base64.b64encode(json.dumps(data, ensure_ascii=False).encode()).decode()
    assert source.handle(as_bytes({"specversion": "1.0", "data": data}))["sent"] == "yes"


def test_items_without_a_name(source: FunctionUnderTest) -> None:
    """The same item is the same request; one that differs in anything is another."""
    content = recorded("mqtt")[0]
    other = {**content, "props": {"clientId": "another"}}
    replayed = [
        source.handle(as_bytes([item]))[0]["replayed"] for item in (content, content, other)
    ]
    assert replayed == [False, True, False]


def test_a_number_that_nobody_can_read_stops_nobody(source: FunctionUnderTest) -> None:
    """A batch with a number of a thousand digits is still a batch."""
    event = as_bytes([{"phone_number": NUMBER, "x": 1}, {"x": 1}]).replace(
        b"1}", b"1" * 1000 + b"}"
    )
    with pytest.raises(NotSent):
        source.handle(event)
    assert len(source.gateway.messages) == 1


def test_the_denied_detail_is_for_direct_callers(source: FunctionUnderTest) -> None:
    """What the API says of the account's policies isn't put into a dead-letter queue."""
    body = {"Code": "NoPermission", "AccessDeniedDetail": {"AuthAction": "cams:Get", "X": "None"}}
    source.gateway.will(*[Behaviour(403, as_bytes(body))] * 2)
    assert unsent(source, recorded("eventbridge_rule"))["access_denied_detail"] is None
    assert source.ask()["access_denied_detail"] == {"AuthAction": "cams:Get"}


def test_a_real_event_of_tablestore(source: FunctionUnderTest) -> None:
    """It is CBOR, not JSON."""
    result = source.handle(b"\xa2gVersiongSync-v1gRecords\x81\xa1dTypefPutRow")
    assert result["message"].startswith("Tablestore never carries a request")


# --- duplicates --------------------------------------------------------------------------------


def test_an_idempotency_key_comes_first(source: FunctionUnderTest) -> None:
    """The caller's key names the request, whatever message carries it."""
    event = recorded("asynchronous_caller")
    event["data"]["idempotency_key"] = "tap-1"
    source.handle(as_bytes(event))
    event["id"] = "another-message"
    assert source.handle(as_bytes(event))["replayed"] is True


def test_an_idempotency_key_over_http(function: FunctionUnderTest) -> None:
    """An app that asks again with its key gets the first answer, with its status."""
    function.gateway.will(Behaviour(fault="close", sends=True))
    headers = {"Idempotency-Key": "tap-1"}
    replies = [function.post(headers=headers) for _ in range(2)]
    assert [reply.status for reply in replies] == [202, 202]
    assert [reply.result["replayed"] for reply in replies] == [False, True]
    assert function.gateway.requests_seen == 1
    assert function.post(headers={"Idempotency-Key": "tap-2"}).status == 200


def test_the_same_invocation(function: FunctionUnderTest) -> None:
    """An invocation that the platform repeats under its id is answered as before."""
    context = function.context
    event = json.dumps({"phone_number": NUMBER}).encode()
    first, second = (function.instance.handle(event, context) for _ in range(2))
    assert (first["replayed"], second["replayed"]) == (False, True)


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
    event = as_bytes(recorded(name))
    source.handle(event)
    source.turned_seconds += remembered
    assert source.handle(event)[0]["replayed"] is True
    source.turned_seconds += forgotten - remembered
    assert source.handle(event)[0]["replayed"] is False


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
    replies = [source.handle(as_bytes([item]))[0]["replayed"] for item in (first, second, first)]
    assert replies == [False, False, True]


# --- old events --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "age_seconds", "code"),
    [
        *((name, 599, "OK") for name in WITH_TIMES),
        *((name, 601, "EventExpired") for name in WITH_TIMES),
        ("http", 9999, "OK"),  # the time of a request that somebody waits for is no limit
        ("eventbridge_rule", -9999, "OK"),  # nor is a sender punished whose clock is ahead
    ],
)
def test_old_events_expire(
    source: FunctionUnderTest, name: str, age_seconds: float, code: str
) -> None:
    """Nobody wants a code hours late: past MAX_EVENT_AGE_SECONDS nothing is sent."""
    source.now = SENT_AT + age_seconds
    try:
        reply = source.handle(as_bytes(recorded(name)))
    except NotSent as raised:
        reply = str(raised)
    assert f'"code": "{code}"' in json.dumps(reply).replace("\\", "")
    if name.startswith("http"):
        assert reply["statusCode"] == (200 if code == "OK" else 410)
    else:
        assert isinstance(reply, str) == (code == "EventExpired")


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        ("2026-11-24T06:39:08.145Z", SENT_AT),
        ("2026-11-24T14:39:08.145+08:00", SENT_AT),
        ("2026-11-24T06:39:08.145123456Z", SENT_AT),
        ("2026-11-24T06:39:08.145", SENT_AT),
        (1795502348145, SENT_AT),
        ("1795502348145", SENT_AT),
        (1795502348, SENT_AT),
        ("2021-01-03T09:44:31.233Asia/Shanghai", None),
        ("soon", None),
        (None, None),
        ({}, None),
        (1e300, None),
    ],
)
def test_moments(moment: Any, seconds: float | None) -> None:
    """Moments are read in the forms in which the sources write them; others are no limit."""
    expected = None if seconds is None else pytest.approx(seconds, abs=1)
    assert seconds_since_epoch(moment) == expected


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
    """Each message of a delivery has its result, and the log warns of batches."""
    results = source.handle(as_bytes(batch(4)))
    assert [result["sent"] for result in results] == ["yes"] * 4
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["level"] for line in lines if line["event"] == "batch"] == ["WARNING"]
    assert len([line for line in lines if line["event"] == "invocation"]) == 4


def test_one_bad_message_stops_no_other(source: FunctionUnderTest) -> None:
    """The exception after the last message lists the unsent; the next delivery sends only those."""
    event = batch(5)
    source.gateway.will(
        Behaviour(sends=True),
        *[Behaviour.says(400, Code="Throttling.User")] * 3,
        Behaviour(fault="close", sends=True),
    )
    raised = unsent(source, event)
    assert raised["counts"] == {"messages": 5, "unsent": 1, "listed": 1}
    assert raised["unsent"][0]["code"] == "Throttling.User"
    results = source.handle(as_bytes(event))
    assert [result["replayed"] for result in results] == [True, False, True, True, True]
    assert [result["sent"] for result in results] == ["yes", "yes", "unknown", "yes", "yes"]
    assert len(source.gateway.messages) == 5


def test_what_does_not_fit_is_not_begun(source: FunctionUnderTest) -> None:
    """What the time left has no room for counts as surely not sent, and comes again."""
    source.set(MAX_CALLS_PER_SECOND="1")
    event = batch(12)
    raised = unsent(source, event)
    assert raised["counts"]["unsent"] > 0
    assert {result["code"] for result in raised["unsent"]} == {"QuotaExhausted"}
    assert len(source.gateway.messages) == 12 - raised["counts"]["unsent"]


def test_a_large_batch_fits_in_a_line_of_the_log(source: FunctionUnderTest) -> None:
    """The exception of the largest batch stays under 32 KB."""
    with pytest.raises(NotSent) as raised:
        source.handle(as_bytes([{"phone": number} for number in range(500)]))
    assert 20_000 < len(str(raised.value)) < 32_000
    assert json.loads(str(raised.value))["counts"]["unsent"] == 500


# --- nothing twice, nothing lost ---------------------------------------------------------------

FAULTS = st.sampled_from(
    [
        Behaviour(sends=True),
        Behaviour(fault="close", sends=True),
        Behaviour(stage="in_body", fault="reset", sends=True),
        Behaviour(stage="before_reading", fault="close"),
        Behaviour.says(500, Code="InternalError"),
        Behaviour.says(400, Code="Throttling.User"),
        Behaviour.says(400, Code="Product.Unsubscript"),
        Behaviour.says(200, Code="136024", Success=False),
        Behaviour(200, b"<html>"),
    ]
)


@given(
    deliveries=st.lists(st.integers(1, 4), min_size=1, max_size=5).flatmap(
        lambda times: st.permutations([n for n, count in enumerate(times) for _ in range(count)])
    ),
    faults=st.lists(FAULTS, max_size=20),
    size=st.integers(1, 3),
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_nothing_twice_and_nothing_lost(
    source: FunctionUnderTest, deliveries: list[int], faults: list[Behaviour], size: int
) -> None:
    """Delivered again and again, out of order and in batches, with every fault of the gateway:

    each event is sent at most once, and ends as sent, as unknown, or raised in its last delivery.
    """
    source.set()
    source.gateway.messages.clear()
    source.gateway.behaviours.clear()
    source.gateway.will(*faults)
    source.gateway.call_times.clear()
    numbers = ["+8613800001230", "+8613800001231", "+8613800001232", "+6581234567", "+14155552671"]
    ends: dict[int, str] = {}
    for start in range(0, len(deliveries), size):
        part = deliveries[start : start + size]
        event = [
            {"messageId": str(n), "messageBody": json.dumps({"phone_number": numbers[n]})}
            for n in part
        ]
        try:
            results = source.handle(as_bytes(event))
            ends.update(dict(zip(part, (r["sent"] for r in results), strict=True)))
        except NotSent as raised:
            counts = json.loads(str(raised))["counts"]
            assert counts["messages"] == len(part)
            ends.update({n: "raised" for n in part if ends.get(n) not in ("yes", "unknown")})
    sent = [message.phone_number for message in source.gateway.messages]
    assert len(sent) == len(set(sent))
    assert ends.keys() == set(deliveries)
