"""The event sources: they deliver at least once, and again when the handler raises."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import accumulate
from typing import Any

from verify_code.events.cloud_event import CloudEvent
from verify_code.events.message import MAX_MESSAGES, Event, Message, rejected
from verify_code.events.mns_topic import MnsTopicMessage, MnsTopicStream
from verify_code.events.queues import Carrier, queue_message
from verify_code.json_text import check_size, decode, encode
from verify_code.request import given
from verify_code.result import Rejected, VerifyCodeResult

#: A request may stand in a message, in a CloudEvent, as text, in base64: so many layers at most.
_MAX_LAYERS = 6

_LISTED_BYTES = 24 * 1024  # a line of the log holds 32 KB


class CodeNotSentError(Exception):
    """What surely wasn't sent, as JSON: the source delivers it again, or dead-letters it."""


class EventSource(Event):
    """One message: a CloudEvent, or one of an MNS/SMQ topic."""

    def __init__(self, source: str, item: Any) -> None:
        self._source = source
        self._item = item

    @property
    def source(self) -> str:
        return self._source

    def messages(self) -> Iterable[Message]:
        return [_message(self._item)]

    def reply(self, results: Sequence[VerifyCodeResult]) -> Any:
        answer = results[0].for_event_source()
        if answer["sent"] == "no" and not never_carries_a_request(self._item):
            raise CodeNotSentError(json.dumps(answer))
        return answer


class EventStream(Event):
    """A list of messages, each as it is, in a CloudEvent, or as JSON text."""

    def __init__(self, items: list[Any]) -> None:
        self._items = items
        self._may_raise: list[bool] = []

    @classmethod
    def unread(cls) -> EventStream:
        """A stream whose items aren't known; as one message it wasn't sent."""
        stream = cls([])
        stream._may_raise = [True]
        return stream

    @property
    def source(self) -> str:
        return "eventbridge_stream"

    def messages(self) -> Iterable[Message]:
        if len(self._items) > MAX_MESSAGES:
            self._may_raise = [not all(map(never_carries_a_request, self._items))]
            text = f"An event may hold {MAX_MESSAGES:,} messages at most."
            yield rejected(Rejected("InvalidEvent", text), is_event=True)
            return
        for item in self._items:  # one by one, so that they aren't all decoded at once
            self._may_raise.append(not never_carries_a_request(item))
            yield _item(item)

    def reply(self, results: Sequence[VerifyCodeResult]) -> Any:
        answers = [result.for_event_source() for result in results]
        both = zip(answers, self._may_raise, strict=True)
        unsent = [answer for answer, may_raise in both if answer["sent"] == "no" and may_raise]
        if unsent:
            sizes = accumulate(len(json.dumps(answer)) for answer in unsent)
            listed = sum(1 for size in sizes if size <= _LISTED_BYTES)
            counts = {"messages": len(answers), "unsent": len(unsent), "listed": listed}
            raise CodeNotSentError(json.dumps({"counts": counts, "unsent": unsent[:listed]}))
        return answers


def never_carries_a_request(item: Any) -> bool:
    """Whether the item is a CloudEvent of a source that never carries a request."""
    if not isinstance(item, dict) or MnsTopicMessage.recognises(item):
        return False
    return CloudEvent.recognises(item) and CloudEvent.read(item).never_carries_a_request


def _item(item: Any) -> Message:
    """The message that an item of a stream is."""
    try:
        check_size(item if isinstance(item, str) else encode(item))
        decoded = _decoded(item) if isinstance(item, str) else item
        return _message(item if decoded is None else decoded)
    except Rejected as rejection:
        return rejected(rejection, is_event=True)


def _message(item: Any) -> Message:
    parse = partial(_request, item)
    if not isinstance(item, dict):
        return Message(parse, is_event=True)
    carrier = _carrier(item)
    return Message(
        parse,
        message_id=carrier.message_id,
        topic=carrier.topic,
        is_event=True,
        sent_at=carrier.moment if isinstance(carrier, CloudEvent) else carrier.sent_at,  # type: ignore[arg-type]
    )


def _carrier(item: dict[str, Any]) -> Carrier:
    if MnsTopicMessage.recognises(item):
        return MnsTopicMessage.model_validate(item)
    if CloudEvent.recognises(item):
        return CloudEvent.read(item)
    if MnsTopicStream.recognises(item):
        return MnsTopicStream.model_validate(item)
    return queue_message(item)


def _request(item: Any) -> dict[str, Any]:
    if never_carries_a_request(item):
        text = "This source never carries a request: remove its trigger."
        raise Rejected("InvalidEvent", text)
    fields = _find(item, _MAX_LAYERS)
    if fields is None:
        raise Rejected("InvalidEvent", "There is no request in the message: it needs phone_number.")
    if fields.get("operation") not in (None, "send"):
        raise Rejected("InvalidEvent", "An event can only ask for a code: operation must be send.")
    return fields


def _find(value: Any, layers: int) -> dict[str, Any] | None:
    """The fields of the request that a value is or carries; None if there is none."""
    if layers == 0:
        return None
    if isinstance(value, str):
        return _find(_decoded(value), layers - 1)
    if not isinstance(value, dict):
        return None
    if given(value, "phone_number") and not MnsTopicMessage.recognises(value):
        check_size(encode(value))
        return value
    return _find(_carrier(value).payload, layers - 1)


def _decoded(text: str) -> Any:
    """The JSON value in the text, which may be in base64; None if there is none."""
    plain: bytes | str = text
    with contextlib.suppress(ValueError):
        plain = base64.b64decode(text, validate=True)  # no object's text looks like it
    check_size(plain)
    try:
        return decode(plain)
    except ValueError:
        return None
