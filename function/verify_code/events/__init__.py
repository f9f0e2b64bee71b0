"""Where an event comes from. Each source's model says where the request stands in it."""

from dataclasses import replace
from typing import Any

from verify_code.events.event_source import single, stream, unread_stream
from verify_code.events.http import http_event, http_reply
from verify_code.events.message import Event, Message, rejected
from verify_code.events.sources import (
    SOURCES_WITHOUT_REQUESTS,
    TYPE_WITHOUT_REQUESTS,
    CloudEvent,
    MnsTopicMessage,
    MnsTopicStream,
)
from verify_code.json_text import CONTRADICTION, check_size, decode, request_in
from verify_code.result import Rejected

#: A larger event isn't decoded, which can take thirty times as much memory.
MAX_EVENT_BYTES = 4 * 1024 * 1024


def recognise(event: bytes) -> Event:
    """The event of its source. What no source is known for is a direct invocation."""
    try:
        content = _decoded(event)
    except Rejected as rejection:
        return _unread(event, rejection)
    if isinstance(content, list) and content:
        return stream(content)
    if not isinstance(content, dict):
        return _direct(event, content)
    return _of_object(content) or _direct(event, content)


def _of_object(content: dict[str, Any]) -> Event | None:
    # The order matters, as that in sources.py: what has keys of its own first, loose shapes last.
    if MnsTopicMessage.recognises(content):
        return single("mns_topic", content)
    if http := http_event(content):
        return http
    if CloudEvent.recognises(content):
        return single("eventbridge", content)
    return single("mns_topic", content) if MnsTopicStream.recognises(content) else None


def _decoded(event: bytes) -> Any:
    """The JSON value that the event is."""
    if len(event) > MAX_EVENT_BYTES:
        text = "The event is too large: a request may hold 16 KiB, a batch 4 MiB."
        raise Rejected("InvalidEvent", text, http_status=413)
    try:
        content = decode(event)
    except ValueError:
        raise Rejected("InvalidEvent", "The event is not JSON in UTF-8.") from None
    if content == CONTRADICTION:
        raise Rejected("InvalidEvent", "The event has a key twice, with different values.")
    return content


def _direct(event: bytes, content: Any = None) -> Event:
    """Direct InvokeFunction, or an MNS/SMQ topic that passes the bare text on: the same bytes."""

    def parse() -> dict[str, Any]:
        check_size(event)
        return request_in(content)

    return Event("direct", [Message(parse)], lambda results: results[0].for_invoker())


def _unread(event: bytes, rejection: Rejected) -> Event:
    """An event that can't be read, answered in the form of its probable source.

    An unreadable batch must be raised, or its messages are lost.
    """
    text = event.strip(b"\xef\xbb\xbf \t\r\n")
    has_no_phone_number_key = b"phone" not in text.lower()
    never = (*SOURCES_WITHOUT_REQUESTS, TYPE_WITHOUT_REQUESTS)
    if has_no_phone_number_key and any(f'"{mark}'.encode() in text for mark in never):
        return _direct(event)  # some of these sources would deliver for ever
    if text[:1] == b"[" and text[-1:] == b"]":
        return unread_stream(rejected(rejection, is_redelivered=True))
    if b'"isBase64Encoded"' in text and (b'"rawPath"' in text or b'"httpMethod"' in text):
        return Event("http", [rejected(rejection)], http_reply)
    is_cloud_event = all(key in text for key in (b'"id"', b'"source"', b'"type"', b'"data"'))
    marks = (b'"specversion"', b'"messagemd5"', b'"topicowner"', b'"attrs"')
    if is_cloud_event or any(mark in text.lower() for mark in marks):
        return replace(
            single("eventbridge", None), messages=[rejected(rejection, is_redelivered=True)]
        )
    return replace(_direct(event), messages=[rejected(rejection)])
