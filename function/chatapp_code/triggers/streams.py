"""EventBridge streams: MNS/SMQ queue, RocketMQ, RabbitMQ, Kafka, MQTT, and RawData of them."""

from __future__ import annotations

from typing import Any

from chatapp_code.request import Fields
from chatapp_code.result import refuse
from chatapp_code.triggers.event_source import Stream, message
from chatapp_code.triggers.trigger import Message, decode, messages_of


class EventStream(Stream):
    """A list of CloudEvents, or of what they would carry; an item may be JSON text.

    The content is None of a list that is too large to be read.
    """

    source = "eventbridge_stream"

    @staticmethod
    def recognises(content: Any) -> bool:
        return isinstance(content, list) and bool(content)

    def messages(self) -> list[Message]:
        if self._content is None:
            return [Message(_too_large)]
        return messages_of(self._content, _message)


def _message(item: Any) -> Message:
    return message((decode(item) or item) if isinstance(item, str) else item)


def _too_large() -> Fields:
    raise refuse("InvalidEvent", "The batch is too large to be read: deliver fewer at once.")
