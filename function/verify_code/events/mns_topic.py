"""An MNS/SMQ topic, pushed as JSON, or as a stream with attributes ("Trigger event formats").

Pushed as a stream without attributes, the text arrives alone: that is a direct invocation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from verify_code.events.queues import Carrier, Moment, QueueMessage, Text


class MnsTopicMessage(QueueMessage):
    """Pushed as JSON: the request stands in ``Message``.

    Beside its own keys may stand attributes with any name, so that it is tried before all others.
    """

    payload: Any = Field(None, validation_alias="Message")
    id: Text = Field("", validation_alias="MessageId")
    sent_at: Moment | None = Field(None, validation_alias="PublishTime")
    owner: Text = Field("", validation_alias="TopicOwner")
    topic_name: Text = Field("", validation_alias="TopicName")

    @classmethod
    def recognises(cls, item: dict[str, Any]) -> bool:
        return "Message" in item and ("TopicOwner" in item or "MessageMD5" in item)

    @property
    def topic(self) -> Sequence[Any]:
        return (self.owner, self.topic_name)


class MnsTopicStream(Carrier):
    """Pushed as a stream with attributes: the request stands in ``body``, and nothing names it."""

    payload: Any = Field(None, validation_alias="body")

    @classmethod
    def recognises(cls, item: dict[str, Any]) -> bool:
        return item.keys() == {"body", "attrs"}
