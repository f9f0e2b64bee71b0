"""What the event sources have in common: they deliver again when the handler raises."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from functools import partial
from typing import Any

from pydantic_core import SchemaValidator, ValidationError, core_schema

from verify_code.events.source import Message, Trigger
from verify_code.fields import check_size, decode, encode, named
from verify_code.result import VerifyCodeResult, refuse

#: The keys under which the sources carry a message, from the outside in.
_CARRIERS = ("data", "data_base64", "messageBody", "Message", "body", "value")

_MOMENT = SchemaValidator(core_schema.datetime_schema())


class NotSent(Exception):
    """What surely wasn't sent, as JSON: the source delivers it again, or dead-letters it."""


class EventSource(Trigger):
    """A source that delivers at least once, and again when the handler raises."""

    def _messages(self) -> Iterable[Message]:
        return [message(self._content)]

    def reply(self, results: Sequence[VerifyCodeResult]) -> Any:
        answers = [result.for_the_account() for result in results]
        unsent = [answer for answer in answers if answer["sent"] == "no"]
        if unsent:
            raise NotSent(json.dumps(self._summary(unsent, len(answers))))
        return self._answer(answers)

    def _answer(self, answers: list[dict[str, Any]]) -> Any:
        return answers[0]

    def _summary(self, unsent: list[dict[str, Any]], count: int) -> dict[str, Any]:  # noqa: ARG002
        return unsent[0]


def message(item: Any) -> Message:
    """The message that an event, or one item of a stream, is."""
    event = item if isinstance(item, dict) else {}
    inner = event.get("data") if "specversion" in event else item
    name = _own_name(inner)
    if name and inner is not item:  # two queues may give the same name
        name += f" of {event.get('source')}"
    return Message(
        read=partial(_fields, item),
        name=name or _cloud_event_name(event),
        item=item,
        sent_at=_sent_at(event),
    )


def _fields(item: Any) -> dict[str, Any]:
    fields = _find(item, depth=len(_CARRIERS))
    if fields is None:
        raise refuse("InvalidEvent", "There is no request in the message: it needs phone_number.")
    return fields


def _find(value: Any, depth: int) -> dict[str, Any] | None:
    if depth == 0:
        return None
    if isinstance(value, str):
        text = _without_base64(value)
        check_size(text)
        return _find(decode(text), depth - 1)
    if not isinstance(value, dict):
        return None
    if named(value, "phone_number"):
        check_size(encode(value))
        return value
    found = (_find(value[key], depth - 1) for key in _CARRIERS if key in value)
    return next((fields for fields in found if fields is not None), None)


def _without_base64(text: str) -> bytes | str:
    try:
        return base64.b64decode(text, validate=True)  # no object's text looks like it
    except ValueError:
        return text


def _own_name(inner: Any) -> str:
    """The name that the queue gave the message: it stays from delivery to delivery."""
    if not isinstance(inner, dict):
        return ""
    for place in (inner, *(inner.get(key) for key in ("systemProperties", "props"))):
        for key in ("messageId", "MessageId", "msgId", "UNIQ_KEY"):
            if isinstance(place, dict) and isinstance(place.get(key), str) and place[key]:
                return f"message {place[key]}"
    position = [inner.get(key) for key in ("topic", "partition", "offset")]
    return f"position {position}" if all(isinstance(p, (str, int)) for p in position) else ""


def _cloud_event_name(event: dict[str, Any]) -> str:
    pair = [event.get(key) for key in ("source", "id") if "specversion" in event]
    return f"event {pair}" if pair and all(p and isinstance(p, str) for p in pair) else ""


def _sent_at(event: dict[str, Any]) -> float | None:
    """When the message was sent; None where it doesn't say, or not readably."""
    inner = event.get("data")
    moments = [event.get(key) for key in ("time", "PublishTime", "timestamp")]
    if isinstance(inner, dict):
        moments.append(inner.get("timestamp"))
    return next((seconds_since_epoch(moment) for moment in moments if moment), None)


def seconds_since_epoch(moment: Any) -> float | None:
    """A moment as RFC 3339, or as a number of seconds or milliseconds."""
    try:
        read: datetime = _MOMENT.validate_python(moment)
    except (ValidationError, OverflowError):
        return None
    return (read if read.tzinfo else read.replace(tzinfo=timezone.utc)).timestamp()
