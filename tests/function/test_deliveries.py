"""Events that are delivered again, late or in batches: sent at most once, and never lost."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sandbox.cams_gateway import Behaviour
from tests.support.function_under_test import NUMBER, FunctionUnderTest, as_bytes, log_lines
from tests.support.hostile import RECORDED, recorded
from tests.support.judge import SENT_AT
from tests.support.valkey import Valkey
from verify_code.store.base import Record, StoreUnavailable, Verdict
from verify_code.store.memory import MemoryStore

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
    """A message is remembered for a day, or, without an id, while it may be delivered again."""

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
    """With any faults each event is sent at most once, and ends as sent, unknown or raised."""
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
