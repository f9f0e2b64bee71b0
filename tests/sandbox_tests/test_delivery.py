"""Real processes under asynchronous delivery: retried, duplicated, batched and frozen."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.sandbox.cams_gateway import Behaviour, CamsGateway
from tests.sandbox.function_compute import FunctionCompute
from tests.sandbox.invoked import Invoked, ResourceExhausted
from tests.support.platform import call, environment

EVENT = {"specversion": "1.0", "source": "test", "data": {"phone_number": "+8613800001234"}}
REFUSED = Behaviour.says(400, Code="Product.Unsubscript")


class EventStream:
    """Delivers messages in batches; a batch that fails comes again, then goes to dead letters.

    Source: "Advanced features of triggers" in the Function Compute documentation.
    """

    def __init__(
        self,
        platform: FunctionCompute,
        batch_size: int = 1,
        most_retries: int = 3,
        scale: float = 0.002,
    ) -> None:
        self.dead_letters: list[Any] = []
        self.answers: list[Any] = []
        self._platform = platform
        self._batch_size = batch_size
        self._most_retries = most_retries
        self._scale = scale

    def deliver(self, messages: Sequence[Any]) -> None:
        """Delivers all of them, in order, before it returns."""
        for start in range(0, len(messages), self._batch_size):
            self._deliver_batch(list(messages[start : start + self._batch_size]))

    def _deliver_batch(self, batch: list[Any]) -> None:
        event = json.dumps(batch).encode()
        for attempt in range(self._most_retries + 1):
            try:
                invoked = self._platform.invoke(event, f"delivery-{id(batch)}-{attempt}")
            except ResourceExhausted:
                invoked = Invoked(b"", "ResourceExhausted")
            if invoked.error_type is None:
                self.answers.extend(json.loads(invoked.answer))
                return
            time.sleep(15 * self._scale)
        self.dead_letters.extend(batch)


@pytest.fixture
def platform(gateway: CamsGateway) -> Iterator[FunctionCompute]:
    """One instance, which isn't paced: pacing is shown elsewhere."""
    with FunctionCompute(environment(gateway), reserved_concurrency=1) as running:
        gateway.accept(running.credentials)
        gateway.calls_per_second = 1000
        yield running


def invoke_asynchronously(platform: FunctionCompute, event: Any) -> None:
    status, _, body = call(platform.invocations_url, event, **{"X-Fc-Invocation-Type": "Async"})
    assert (status, body) == (202, b"")


def test_asynchronous_events_are_sent(platform: FunctionCompute, gateway: CamsGateway) -> None:
    """Many at once are accepted, wait while the one instance is busy, and are each sent once."""
    for number in range(4):
        invoke_asynchronously(platform, {**EVENT, "id": str(number)})
    platform.asynchronous.wait()
    assert len(gateway.messages) == 4
    assert platform.asynchronous.failure_destination == []


def test_a_refused_event_reaches_the_failure_destination(
    platform: FunctionCompute, gateway: CamsGateway
) -> None:
    """What surely wasn't sent is tried again, then handed to the failure destination."""
    gateway.will(*[REFUSED] * 4)
    invoke_asynchronously(platform, {**EVENT, "id": "1"})
    platform.asynchronous.wait()
    (failure,) = platform.asynchronous.failure_destination
    assert failure["requestContext"]["approximateInvokeCount"] == 4
    answer = json.loads(failure["responsePayload"])
    assert answer["errorType"] == "CodeNotSentError"
    assert json.loads(answer["errorMessage"])["code"] == "Product.Unsubscript"
    assert "13800001234" not in failure["responsePayload"]
    assert gateway.requests_seen == 4


def test_what_is_not_tried_again(platform: FunctionCompute, gateway: CamsGateway) -> None:
    """An event whose code may be on its way; a bare request, which can't be told from a
    synchronous one, even when it is refused; an HTTP request, which may be queued, too."""
    gateway.will(Behaviour(fault="close", takes_effect=True), REFUSED)
    invoke_asynchronously(platform, {**EVENT, "id": "1"})
    platform.asynchronous.wait()
    assert (gateway.requests_seen, len(gateway.messages)) == (1, 1)
    invoke_asynchronously(platform, EVENT["data"])
    platform.asynchronous.wait()
    assert (gateway.requests_seen, len(gateway.messages)) == (2, 1)
    status, _, _ = call(platform.url, EVENT["data"], **{"X-Fc-Invocation-Type": "Async"})
    platform.asynchronous.wait()
    assert (status, gateway.requests_seen, len(gateway.messages)) == (202, 3, 2)
    assert platform.asynchronous.failure_destination == []


def test_a_stream_delivered_again_and_out_of_order(
    platform: FunctionCompute, gateway: CamsGateway
) -> None:
    """Every message ends as sent, as unknown, or as a dead letter, and none is sent twice."""
    turned = random.Random(7)
    messages = [
        {"messageId": str(n), "messageBody": json.dumps({"phone_number": f"+86138000012{n:02}"})}
        for n in range(8)
    ]
    deliveries = [message for message in messages for _ in range(turned.randint(1, 4))]
    turned.shuffle(deliveries)
    faults = [
        Behaviour(takes_effect=True),
        Behaviour(fault="close", takes_effect=True),
        Behaviour.says(200, Code="136024", Success=False),
        Behaviour.says(500, Code="InternalError"),
        REFUSED,
    ]
    gateway.will(*turned.choices(faults, k=12))
    stream = EventStream(platform, batch_size=3)
    stream.deliver(deliveries)
    sent = [message.phone_number for message in gateway.messages]
    assert len(sent) == len(set(sent))
    dead = {message["messageId"] for message in stream.dead_letters}
    assert len(stream.answers) + len(stream.dead_letters) == len(deliveries)
    assert {answer["sent"] for answer in stream.answers} <= {"yes", "unknown"}
    assert dead | {message["messageId"] for message in messages} == {str(n) for n in range(8)}


def test_a_frozen_instance(platform: FunctionCompute, gateway: CamsGateway) -> None:
    """An instance that was frozen goes on as if nothing had been."""
    assert call(platform.url)[0] == 200
    (instance,) = platform.instances
    instance.freeze()
    thaw = threading.Timer(0.2, instance.thaw)
    thaw.start()
    began = time.monotonic()
    assert call(platform.url)[0] == 200
    assert time.monotonic() - began >= 0.2
    assert platform.instances == [instance]
