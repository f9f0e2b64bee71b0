"""The event sources: they deliver at least once, and again when the handler raises."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import accumulate
from typing import Any

from verify_code.events.message import MAX_MESSAGES, Event, Message, rejected
from verify_code.events.sources import CloudEvent, MnsTopicMessage, read
from verify_code.json_text import check_size, decode, encode
from verify_code.operations import asks_for_another, names_another
from verify_code.result import Rejected, Result
from verify_code.validation import given

#: A request may stand in a message, in a CloudEvent, as text, in base64: so many layers at most.
_MAX_LAYERS = 6

_LISTED_BYTES = 24 * 1024  # a line of the log holds 32 KB


class CodeNotSentError(Exception):
    """What surely wasn't sent, as JSON: the source delivers it again, or dead-letters it."""


def single(source: str, item: Any) -> Event:
    """An event of one message: a CloudEvent, or one of an MNS/SMQ topic."""
    message = _message(item)

    def reply(results: Sequence[Result]) -> Any:
        answer = results[0].for_event_source()
        if results[0].outcome == "no" and message.is_redelivered:
            raise CodeNotSentError(json.dumps(answer))
        return answer

    return Event(source, [message], reply)


def stream(items: list[Any]) -> Event:
    """A list of messages, each as it is, in a CloudEvent, or as JSON text."""
    if len(items) > MAX_MESSAGES:
        text = f"An event may hold {MAX_MESSAGES:,} messages at most."
        may_raise = not all(map(_never_carries_a_request, items))
        return unread_stream(rejected(Rejected("InvalidEvent", text), is_redelivered=may_raise))
    may_raise_for: list[bool] = []

    def messages() -> Iterator[Message]:
        for item in items:  # one by one, so that they aren't all decoded at once
            message = _item(item)
            may_raise_for.append(message.is_redelivered)
            yield message

    return Event("eventbridge_stream", messages(), partial(_reply_to_stream, may_raise_for))


def unread_stream(message: Message) -> Event:
    """A stream that is refused as if it were one message."""
    reply = partial(_reply_to_stream, [message.is_redelivered])
    return Event("eventbridge_stream", [message], reply)


def _reply_to_stream(may_raise_for: list[bool], results: Sequence[Result]) -> Any:
    answers = [result.for_event_source() for result in results]
    all_three = zip(results, answers, may_raise_for, strict=True)
    unsent = [
        answer for result, answer, may_raise in all_three if result.outcome == "no" and may_raise
    ]
    if unsent:
        sizes = accumulate(len(json.dumps(answer)) for answer in unsent)
        listed = sum(1 for size in sizes if size <= _LISTED_BYTES)
        counts = {"messages": len(answers), "unsent": len(unsent), "listed": listed}
        raise CodeNotSentError(json.dumps({"counts": counts, "unsent": unsent[:listed]}))
    return answers


def _never_carries_a_request(item: Any) -> bool:
    carrier = read(item) if isinstance(item, dict) else None
    return isinstance(carrier, CloudEvent) and carrier.never_carries_a_request


def _item(item: Any) -> Message:
    """The message that an item of a stream is."""
    try:
        check_size(item if isinstance(item, str) else encode(item))
        decoded = _decoded(item) if isinstance(item, str) else item
        return _message(item if decoded is None else decoded)
    except Rejected as rejection:
        return rejected(rejection, is_redelivered=True)


def _message(item: Any) -> Message:
    parse = partial(_request, item)
    if not isinstance(item, dict):
        return Message(parse, is_redelivered=True)
    carrier = read(item)
    if isinstance(carrier, CloudEvent) and carrier.never_carries_a_request:
        text = "This source never carries a request: remove its trigger."
        return rejected(Rejected("InvalidEvent", text))
    return Message(
        parse,
        message_id=carrier.message_id,
        topic=carrier.topic,
        is_redelivered=True,
        sent_at=carrier.moment,
    )


def _request(item: Any) -> dict[str, Any]:
    fields = _find(item, _MAX_LAYERS)
    if fields is None:
        raise Rejected("InvalidEvent", "There is no request in the message: it needs phone_number.")
    if asks_for_another(fields):
        raise _only_codes()
    return fields


def _only_codes() -> Rejected:
    return Rejected("InvalidEvent", "An event can only ask for a code: leave operation out.")


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
    if names_another(value):  # an asynchronous caller may have put it beside the request
        raise _only_codes()
    return _find(read(value).payload, layers - 1)


def _decoded(text: str) -> Any:
    """The JSON value in the text, which may be in base64; None if there is none."""
    plain: bytes | str = text
    with contextlib.suppress(ValueError):
        plain = base64.b64decode(text, validate=True)  # a JSON object is never valid base64
    check_size(plain)
    try:
        return decode(plain)
    except ValueError:
        return None
