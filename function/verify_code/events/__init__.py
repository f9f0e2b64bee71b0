"""Where an event comes from. Each source's model says where the request stands in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from verify_code.events.cloud_event import CloudEvent
from verify_code.events.direct import DirectInvocation
from verify_code.events.event_source import EventSource, EventStream
from verify_code.events.http import ApiGatewayEvent, HttpTriggerEvent
from verify_code.events.message import Event, Message, rejected
from verify_code.events.mns_topic import MnsTopicMessage, MnsTopicStream
from verify_code.json_text import decode
from verify_code.result import Rejected, VerifyCodeResult

#: A larger event isn't decoded, which can take thirty times as much memory.
MAX_EVENT_BYTES = 4 * 1024 * 1024


def recognise(event: bytes) -> Event:
    """The event of its source. Any bytes are one of some source."""
    try:
        content = _decoded(event)
    except Rejected as rejection:
        return _UnreadEvent(_likely(event), rejection)
    if isinstance(content, list) and content:
        return EventStream(content)
    if not isinstance(content, dict):
        return DirectInvocation(event)
    return _of_object(content) or DirectInvocation(event)


def _decoded(event: bytes) -> Any:
    """The JSON value that the event is; None if it is no JSON."""
    if len(event) > MAX_EVENT_BYTES:
        text = "The event is too large: a request may hold 16 KiB, a batch 4 MiB."
        raise Rejected("InvalidEvent", text, http_status=413)
    try:
        content = decode(event)
    except ValueError:
        return None
    if content is None and event.strip() != b"null":
        raise Rejected("InvalidEvent", "The event has a key twice, with different values.")
    return content


def _of_object(content: dict[str, Any]) -> Event | None:
    # What may hold any key is recognised by its own keys, before the looser shapes.
    if MnsTopicMessage.recognises(content):
        return EventSource("mns_topic", content)
    for model in (HttpTriggerEvent, ApiGatewayEvent):
        if model.recognises(content):
            return model.model_validate(content)
    if CloudEvent.recognises(content):
        return EventSource("eventbridge", content)
    if MnsTopicStream.recognises(content):
        return EventSource("mns_topic", content)
    return None


class _UnreadEvent(Event):
    """An event that isn't decoded. It is answered as the source expects that it looks like."""

    def __init__(self, likely: Event, rejection: Rejected) -> None:
        self._likely = likely
        self._rejection = rejection

    @property
    def source(self) -> str:
        return self._likely.source

    def messages(self) -> Iterable[Message]:
        return [rejected(self._rejection)]

    def reply(self, results: Sequence[VerifyCodeResult]) -> Any:
        return self._likely.reply(results)


def _likely(event: bytes) -> Event:
    """What an event looks like: a batch that is only answered would be lost."""
    text = event.strip(b"\xef\xbb\xbf \t\r\n")
    names_no_number = b"phone" not in text.lower()
    if names_no_number and any(mark in text for mark in (b'"dts:', b'"acs.oss"', b'"acs:fc"')):
        return DirectInvocation(event)  # which some sources would deliver for ever
    if text[:1] == b"[" and text[-1:] == b"]":
        return EventStream.unread()
    if b'"isBase64Encoded"' in text and (b'"rawPath"' in text or b'"httpMethod"' in text):
        return ApiGatewayEvent()
    is_cloud_event = all(key in text for key in (b'"id"', b'"source"', b'"type"', b'"data"'))
    marks = (b'"specversion"', b'"messagemd5"', b'"topicowner"')
    if is_cloud_event or any(mark in text.lower() for mark in marks):
        return EventSource("eventbridge", None)
    return DirectInvocation(event)
