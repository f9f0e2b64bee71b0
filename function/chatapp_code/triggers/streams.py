"""EventBridge streams: MNS/SMQ queue, RocketMQ, RabbitMQ, Kafka, MQTT, and RawData of them."""

from __future__ import annotations

import json
from itertools import accumulate
from typing import Any

from chatapp_code.fields import decode
from chatapp_code.result import refuse
from chatapp_code.triggers.event_source import EventSource, message
from chatapp_code.triggers.trigger import MOST_MESSAGES, Message

_LISTED_BYTES = 24 * 1024  # a line of the log holds 32 KB


class EventStream(EventSource):
    """A list of CloudEvents, or of what they would carry; an item may be JSON text.

    The content is None of a list that is too large to be read.
    """

    source = "eventbridge_stream"

    @staticmethod
    def recognises(content: Any) -> bool:
        return isinstance(content, list) and bool(content)

    def messages(self) -> list[Message]:
        if self._content is None or len(self._content) > MOST_MESSAGES:
            return [Message(_refuse)]
        return [message((decode(i) or i) if isinstance(i, str) else i) for i in self._content]

    def _answer(self, answers: list[dict[str, Any]]) -> Any:
        return answers

    def _summary(self, unsent: list[dict[str, Any]], count: int) -> dict[str, Any]:
        sizes = accumulate(len(json.dumps(answer)) for answer in unsent)
        listed = sum(1 for size in sizes if size <= _LISTED_BYTES)
        counts = {"messages": count, "unsent": len(unsent), "listed": listed}
        return {"counts": counts, "unsent": unsent[:listed]}


def _refuse() -> dict[str, Any]:
    raise refuse("InvalidEvent", "The batch is too large to be read: deliver fewer at once.")
