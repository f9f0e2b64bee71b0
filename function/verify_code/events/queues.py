"""The messages of queues and topics: one model for each source that EventBridge streams from.

Each says where its request stands (``payload``), what names the message (``message_id``) and where
it comes from (``topic``). They come alone ("RawData"), or as the ``data`` of a CloudEvent
("Trigger event formats" in the Function Compute documentation).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Annotated, Any, ClassVar

from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _moment(value: Any, read: ValidatorFunctionWrapHandler) -> float | None:
    try:
        moment: datetime = read(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
    except (ValidationError, OverflowError, ValueError):
        return None


#: Text; what is no text counts as none.
Text = Annotated[str, BeforeValidator(_text)]

#: Seconds since the epoch, from RFC 3339, seconds or milliseconds; None where it can't be read.
Moment = Annotated[datetime, WrapValidator(_moment)]


class Carrier(BaseModel):
    """A message that carries a request. Whatever else is in it is ignored."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", defer_build=True, hide_input_in_errors=True
    )

    #: The keys that tell this source's messages from others'.
    keys: ClassVar[frozenset[str]] = frozenset()

    #: The request: an object, its JSON text, or that in base64.
    payload: Any = None
    sent_at: Moment | None = None

    @classmethod
    def recognises(cls, item: dict[str, Any]) -> bool:
        """Whether the item is a message of this source."""
        return cls.keys <= item.keys()

    @property
    def message_id(self) -> Sequence[Any]:
        """What names the message; empty where nothing does."""
        return ()

    @property
    def topic(self) -> Sequence[Any]:
        """Where it comes from, as far as the message itself says."""
        return ()


class QueueMessage(Carrier):
    """A message with an id. This model is for messages that no other model recognises."""

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

    @property
    def message_id(self) -> Sequence[Any]:
        return (self.id,) if self.id else ()


class MnsQueueMessage(QueueMessage):
    """MNS/SMQ queue: the request stands in ``messageBody``, the id in ``messageId``."""

    keys: ClassVar[frozenset[str]] = frozenset({"messageBody"})

    payload: Any = Field(None, validation_alias="messageBody")


class KafkaRecord(QueueMessage):
    """Kafka: the request stands in ``value`` (JSON, text or base64, as the trigger is set).

    A record is named by its topic, partition and offset.
    """

    keys: ClassVar[frozenset[str]] = frozenset({"topic", "partition", "offset"})

    payload: Any = Field(None, validation_alias=AliasChoices("value", "body"))
    sent_at: Moment | None = Field(None, validation_alias="timestamp")
    topic_name: Text = Field("", validation_alias="topic")
    partition: Any = None
    offset: Any = None

    @property
    def message_id(self) -> Sequence[Any]:
        position = (self.topic_name, self.partition, self.offset)
        is_whole = all(isinstance(part, (str, int)) for part in position)
        return position if is_whole and self.topic_name else super().message_id

    @property
    def topic(self) -> Sequence[Any]:
        return (self.topic_name,)


class RocketMqMessage(QueueMessage):
    """RocketMQ: the request stands in ``body``.

    The id is ``msgId``, or ``UNIQ_KEY`` of ``systemProperties``, whose others change by delivery.
    """

    keys: ClassVar[frozenset[str]] = frozenset({"body", "systemProperties"})

    payload: Any = Field(None, validation_alias="body")
    topic_name: Text = Field("", validation_alias="topic")

    @property
    def topic(self) -> Sequence[Any]:
        return (self.topic_name,)


class RabbitMqMessage(QueueMessage):
    """RabbitMQ: the request stands in ``body``, the id in ``messageId`` of ``props``.

    ``deliveryTag`` and ``redeliver`` of the envelope change by delivery.
    """

    keys: ClassVar[frozenset[str]] = frozenset({"body", "envelope"})

    payload: Any = Field(None, validation_alias="body")
    exchange: Text = Field("", validation_alias=AliasPath("envelope", "exchange"))
    routing_key: Text = Field("", validation_alias=AliasPath("envelope", "routingKey"))

    @property
    def topic(self) -> Sequence[Any]:
        return (self.exchange, self.routing_key)


class MqttMessage(QueueMessage):
    """MQTT: the request stands in ``body``. The messages have no id."""

    keys: ClassVar[frozenset[str]] = frozenset({"body", "props"})

    payload: Any = Field(None, validation_alias="body")
    first_topic: Text = Field("", validation_alias=AliasPath("props", "firstTopic"))
    second_topic: Text = Field("", validation_alias=AliasPath("props", "secondTopic"))

    @property
    def topic(self) -> Sequence[Any]:
        return (self.first_topic, self.second_topic)


_MODELS = (MnsQueueMessage, KafkaRecord, RocketMqMessage, RabbitMqMessage, MqttMessage)


def queue_message(item: dict[str, Any]) -> QueueMessage:
    """The item as a message of its source."""
    model = next((model for model in _MODELS if model.recognises(item)), QueueMessage)
    return model.model_validate({name: value for name, value in item.items() if value is not None})
