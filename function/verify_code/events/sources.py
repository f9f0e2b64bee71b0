"""What carries a request: one model for each source that is no HTTP request.

Each says where its request stands (``payload``), what names the message (``message_id``) and where
it comes from (``topic``); see "Trigger event formats" in the Function Compute documentation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timezone
from functools import cached_property
from typing import Annotated, Any, ClassVar

from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    TypeAdapter,
)

from verify_code.validation import given

_DATETIME = TypeAdapter(datetime)
_FIRST_SECONDS = 1e9  # the year 2001


#: CloudEvents of these sources, and those whose type begins so, never carry a request.
SOURCES_WITHOUT_REQUESTS = ("acs.oss", "acs:fc")
TYPE_WITHOUT_REQUESTS = "dts:"


def _text(value: Any) -> str:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number else value if isinstance(value, str) else ""


def _moment(value: Any) -> float | None:
    try:
        read = _DATETIME.validate_python(value)
        seconds = (read if read.tzinfo else read.replace(tzinfo=timezone.utc)).timestamp()
    except (OverflowError, ValueError):
        return None
    # A day without its time, and a number that is no date, say nothing of a message's age.
    is_day = isinstance(value, str) and re.fullmatch(r"\d+-\d+-\d+", value)
    return seconds if seconds > _FIRST_SECONDS and not is_day else None


#: Text, or the digits of a number; anything else counts as none.
Text = Annotated[str, BeforeValidator(_text)]

#: Seconds since the epoch, from RFC 3339, seconds or milliseconds; None where it can't be read.
Moment = Annotated[float | None, PlainValidator(_moment)]


class Carrier(BaseModel):
    """A message that carries a request. This model is for messages that no other one recognises."""

    model_config = ConfigDict(frozen=True, defer_build=True, hide_input_in_errors=True)

    #: The keys that tell this source's messages from others'.
    keys: ClassVar[frozenset[str]] = frozenset()

    #: The request: an object, its JSON text, or that in base64.
    payload: Any = Field(
        None,
        validation_alias=AliasChoices(
            "data", "data_base64", "messageBody", "Message", "body", "value"
        ),
    )
    id: Text = Field(
        "",
        validation_alias=AliasChoices(
            "messageId",
            "MessageId",
            "msgId",
            "UNIQ_KEY",
            AliasPath("systemProperties", "UNIQ_KEY"),
            AliasPath("props", "messageId"),
            AliasPath("props", "UNIQ_KEY"),
        ),
    )
    sent_at: Moment = None

    @classmethod
    def recognises(cls, item: dict[str, Any]) -> bool:
        """Whether the item is a message of this source."""
        return cls.keys <= item.keys()

    @property
    def message_id(self) -> Sequence[Any]:
        """What names the message; empty where nothing does."""
        return (self.id,) if self.id else ()

    @property
    def topic(self) -> Any:
        """Where the message comes from: all fields of its model except payload, id and sent_at."""
        return self.model_dump(exclude={"payload", "id", "sent_at"})

    @property
    def moment(self) -> float | None:
        """When it was sent: seconds since the epoch."""
        return self.sent_at


class MnsTopicMessage(Carrier):
    """Pushed as JSON: the request stands in ``Message``.

    It may also hold attributes with any name, even another source's keys. So it is tried first.
    """

    payload: Any = Field(None, validation_alias="Message")
    id: Text = Field("", validation_alias="MessageId")
    sent_at: Moment = Field(None, validation_alias="PublishTime")
    owner: Text = Field("", validation_alias="TopicOwner")
    topic_name: Text = Field("", validation_alias="TopicName")

    @classmethod
    def recognises(cls, item: dict[str, Any]) -> bool:
        return "Message" in item and ("TopicOwner" in item or "MessageMD5" in item)


class MnsTopicStream(Carrier):
    """Pushed as a stream with attributes: the request stands in ``body``, and nothing names it."""

    payload: Any = Field(None, validation_alias="body")

    @classmethod
    def recognises(cls, item: dict[str, Any]) -> bool:
        return item.keys() == {"body", "attrs"}


class CloudEvent(Carrier):
    """The request stands in ``data``, or ``data`` is a queue's message that carries it.

    It is known by ``specversion``, however that is spelled, or by the four keys that the
    specification requires.
    """

    payload: Any = Field(None, validation_alias=AliasChoices("data", "data_base64"))
    sent_at: Moment = Field(None, validation_alias="time")
    id: Text = ""
    source: Text = ""
    type: Text = ""
    subject: Text = ""

    @classmethod
    def recognises(cls, item: dict[str, Any]) -> bool:
        if any(key.lower() == "specversion" for key in item):
            return True
        return {"id", "source", "type", "data"} <= item.keys() and not given(item, "phone_number")

    @cached_property
    def inner(self) -> Carrier | None:
        """The queue's message in ``data``; None where ``data`` is the request, or is text."""
        data = self.payload
        if not isinstance(data, dict) or given(data, "phone_number"):
            return None
        return _read(data, _QUEUES)

    @property
    def message_id(self) -> Sequence[Any]:
        # Two queues may give one id, and two instances of Kafka differ in their subject only.
        if (inner := self.inner) and inner.message_id:
            return (*inner.message_id, self.source, self.subject)
        return (self.source, self.id) if self.source and self.id else ()

    @property
    def topic(self) -> Any:
        return (super().topic, self.inner.topic if self.inner else None)

    @property
    def moment(self) -> float | None:
        inner = self.inner
        return inner.sent_at if self.sent_at is None and inner else self.sent_at

    @property
    def never_carries_a_request(self) -> bool:
        """It is of a source that never carries one; some of these would deliver for ever."""
        return self.source in SOURCES_WITHOUT_REQUESTS or self.type.startswith(
            TYPE_WITHOUT_REQUESTS
        )


class MnsQueueMessage(Carrier):
    """MNS/SMQ queue: the request stands in ``messageBody``, the id in ``messageId``."""

    keys: ClassVar[frozenset[str]] = frozenset({"messageBody"})

    payload: Any = Field(None, validation_alias="messageBody")


class KafkaRecord(Carrier):
    """Kafka: the request stands in ``value``, as an object, as text or in base64.

    The trigger's setting says which. The record comes as the ``data`` of a CloudEvent, or alone
    ("RawData"). Its topic, partition and offset name it.
    """

    keys: ClassVar[frozenset[str]] = frozenset({"topic", "partition", "offset"})

    payload: Any = Field(None, validation_alias=AliasChoices("value", "body"))
    sent_at: Moment = Field(None, validation_alias="timestamp")
    topic_name: Text = Field("", validation_alias="topic")
    partition: Any = None
    offset: Any = None

    @property
    def message_id(self) -> Sequence[Any]:
        position = (self.topic_name, self.partition, self.offset)
        is_whole = all(isinstance(part, (str, int)) for part in position)
        return position if is_whole and self.topic_name else super().message_id


class RocketMqMessage(Carrier):
    """RocketMQ: the request stands in ``body``.

    The id is ``msgId``, or ``UNIQ_KEY`` of ``systemProperties``. The other properties change with
    each delivery.
    """

    keys: ClassVar[frozenset[str]] = frozenset({"body", "systemProperties"})

    payload: Any = Field(None, validation_alias="body")
    topic_name: Text = Field("", validation_alias="topic")


class RabbitMqMessage(Carrier):
    """RabbitMQ: the request stands in ``body``, the id in ``messageId`` of ``props``.

    ``deliveryTag`` and ``redeliver`` of the envelope change with each delivery.
    """

    keys: ClassVar[frozenset[str]] = frozenset({"body", "envelope"})

    payload: Any = Field(None, validation_alias="body")
    exchange: Text = Field("", validation_alias=AliasPath("envelope", "exchange"))
    routing_key: Text = Field("", validation_alias=AliasPath("envelope", "routingKey"))


class MqttMessage(Carrier):
    """MQTT: the request stands in ``body``. The messages have no id."""

    keys: ClassVar[frozenset[str]] = frozenset({"body", "props"})

    payload: Any = Field(None, validation_alias="body")
    first_topic: Text = Field("", validation_alias=AliasPath("props", "firstTopic"))
    second_topic: Text = Field("", validation_alias=AliasPath("props", "secondTopic"))


_Models = tuple[type[Carrier], ...]

_QUEUES: _Models = (
    MnsQueueMessage,
    KafkaRecord,
    RocketMqMessage,
    RabbitMqMessage,
    MqttMessage,
    Carrier,
)

#: The order matters: what has keys of its own comes first, loose shapes last.
_ALL: _Models = (MnsTopicMessage, CloudEvent, MnsTopicStream, *_QUEUES)


def read(item: dict[str, Any]) -> Carrier:
    """The item as a message of its source."""
    return _read(item, _ALL)


def _read(item: dict[str, Any], models: _Models) -> Carrier:
    model = next(model for model in models if model.recognises(item))
    return model.model_validate({name: value for name, value in item.items() if value is not None})
