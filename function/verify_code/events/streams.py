"""EventBridge streams: MNS/SMQ queue, RocketMQ, RabbitMQ, Kafka, MQTT, and RawData of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import accumulate
from typing import Any

from verify_code.events.event_source import EventSource, message
from verify_code.events.source import MOST_MESSAGES, Message, refused
from verify_code.fields import check_size, decode, encode
from verify_code.result import Refused, refuse

_LISTED_BYTES = 24 * 1024  # a line of the log holds 32 KB


class EventStream(EventSource):
    """A list of CloudEvents, or of what they would carry; an item may be JSON text."""

    source = "eventbridge_stream"

    @staticmethod
    def recognises(content: Any) -> bool:
        return isinstance(content, list) and bool(content)

    def _messages(self) -> Iterable[Message]:
        if len(self._content) > MOST_MESSAGES:
            text = f"An event may hold {MOST_MESSAGES:,} messages at most."
            return [refused(refuse("InvalidEvent", text))]
        return map(_message, self._content)  # one by one, lest all be decoded at once

    def _answer(self, answers: list[dict[str, Any]]) -> Any:
        return answers

    def _summary(self, unsent: list[dict[str, Any]], count: int) -> dict[str, Any]:
        sizes = accumulate(len(json.dumps(answer)) for answer in unsent)
        listed = sum(1 for size in sizes if size <= _LISTED_BYTES)
        counts = {"messages": count, "unsent": len(unsent), "listed": listed}
        return {"counts": counts, "unsent": unsent[:listed]}


def _message(item: Any) -> Message:
    try:
        check_size(item if isinstance(item, str) else encode(item))
        return message((decode(item) or item) if isinstance(item, str) else item)
    except Refused as refusal:
        return refused(refusal)
