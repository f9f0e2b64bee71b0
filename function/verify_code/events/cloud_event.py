"""A CloudEvent: from an EventBridge rule or stream, or from whoever invokes asynchronously."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import AliasChoices, Field

from verify_code.events.queues import Carrier, Moment, QueueMessage, Text, queue_message
from verify_code.request import given


class CloudEvent(Carrier):
    """The request stands in ``data``, or ``data`` is a queue's message that carries it.

    It is known by ``specversion``, however that is spelled, or by the four keys that the
    specification requires.
    """

    payload: Any = Field(None, validation_alias=AliasChoices("data", "data_base64"))
    sent_at: Moment | None = Field(None, validation_alias="time")
    id: Text = ""
    source: Text = ""
    type: Text = ""
    subject: Text = ""

    @classmethod
    def recognises(cls, item: dict[str, Any]) -> bool:
        if any(key.lower() == "specversion" for key in item):
            return True
        return {"id", "source", "type", "data"} <= item.keys() and not given(item, "phone_number")

    @classmethod
    def read(cls, item: dict[str, Any]) -> CloudEvent:
        """The event in an item that is one."""
        return cls.model_validate({key: each for key, each in item.items() if each is not None})

    @property
    def inner(self) -> QueueMessage | None:
        """The queue's message in ``data``; None where ``data`` is the request, or is text."""
        data = self.payload
        if not isinstance(data, dict) or given(data, "phone_number"):
            return None
        return queue_message(data)

    @property
    def message_id(self) -> Sequence[Any]:
        # Two queues may give one id, and two instances of Kafka differ in their subject only.
        if (inner := self.inner) and inner.message_id:
            return (*inner.message_id, self.source, self.subject)
        return (self.source, self.id) if self.source and self.id else ()

    @property
    def topic(self) -> Sequence[Any]:
        inner = self.inner
        return (self.source, self.subject, self.type, *(inner.topic if inner else ()))

    @property
    def moment(self) -> float | None:
        """When it was sent: seconds since the epoch."""
        sent_at: Any = self.sent_at
        if sent_at is None and (inner := self.inner):
            sent_at = inner.sent_at
        return sent_at  # type: ignore[no-any-return]

    @property
    def never_carries_a_request(self) -> bool:
        """It is of a source that never carries one; some of these would deliver for ever."""
        return self.source in ("acs.oss", "acs:fc") or self.type.startswith("dts:")
