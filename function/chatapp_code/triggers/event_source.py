"""What the event sources have in common: they deliver again when the handler raises."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import datetime, timezone
from functools import partial
from itertools import accumulate
from typing import Any

from pydantic_core import SchemaValidator, ValidationError, core_schema

from chatapp_code.request import Fields
from chatapp_code.result import VerifyCodeResult, refuse
from chatapp_code.triggers.trigger import Message, Trigger, canonical, check_size, decode

#: The keys under which the sources carry a message, from the outside in.
_CARRIERS = ("data", "data_base64", "messageBody", "Message", "body", "value")

_LISTED_BYTES = 24 * 1024  # a line of the log holds 32 KB

_MOMENT = SchemaValidator(core_schema.datetime_schema())


class NotSent(Exception):
    """What surely wasn't sent, as JSON: the source delivers it again, or dead-letters it."""


class EventSource(Trigger):
    """A source that delivers at least once, and again when the handler raises."""

    def reply(self, results: Sequence[VerifyCodeResult]) -> Any:
        answers = [result.for_the_account() for result in results]
        # A code is on its way to a number that was asked for too soon: nothing is lost.
        unsent = [
            answer
            for answer, result in zip(answers, results, strict=True)
            if result.sent == "no" and not (result.is_own and result.code == "TooSoon")
        ]
        if unsent:
            raise NotSent(json.dumps(self._summary(unsent, len(answers))))
        return self._answer(answers)

    def _answer(self, answers: list[dict[str, Any]]) -> Any:
        return answers[0]

    def _summary(self, unsent: list[dict[str, Any]], count: int) -> dict[str, Any]:  # noqa: ARG002
        return unsent[0]


class Stream(EventSource):
    """A source that delivers a list of messages, even of one."""

    def _answer(self, answers: list[dict[str, Any]]) -> Any:
        return answers

    def _summary(self, unsent: list[dict[str, Any]], count: int) -> dict[str, Any]:
        sizes = accumulate(len(json.dumps(answer)) for answer in unsent)
        listed = sum(1 for size in sizes if size <= _LISTED_BYTES)
        counts = {"messages": count, "unsent": len(unsent), "listed": listed}
        return {"counts": counts, "unsent": unsent[:listed]}


def message(item: Any) -> Message:
    """The message that an event, or one item of a stream, is."""
    inner = item.get("data") if isinstance(item, dict) and "specversion" in item else item
    own_name = _own_name(inner)
    # Two queues may give the same name.
    own_name = own_name and f"{own_name} of {item.get('source') if inner is not item else ''}"
    name = own_name or _cloud_event_name(item)
    return Message(
        read=partial(_fields, item),
        name=name or "item",  # the fields, which go with the name, tell it from others
        is_lasting=bool(name),
        sent_at=_sent_at(item),
    )


def _fields(item: Any) -> Fields:
    fields = _find(item, depth=len(_CARRIERS))
    if fields is None:
        raise refuse("InvalidEvent", "There is no request in the message: it needs phone_number.")
    return fields


def _find(value: Any, depth: int) -> Fields | None:
    if depth == 0:
        return None
    if isinstance(value, str):
        return _find_in_text(value, depth)
    if not isinstance(value, Fields):
        return None
    if value.named("phone_number"):
        check_size(canonical(value))
        return value
    found = (_find(value[key], depth - 1) for key in _CARRIERS if key in value)
    return next((fields for fields in found if fields is not None), None)


def _find_in_text(text: str, depth: int) -> Fields | None:
    check_size(text)
    value = decode(text)
    if value is None:
        try:
            value = decode(base64.b64decode(text, validate=True))
        except ValueError:
            return None
    return _find(value, depth - 1)


def _own_name(inner: Any) -> str:
    """The name that the queue gave the message: it stays from delivery to delivery."""
    if not isinstance(inner, dict):
        return ""
    places = [inner, *(inner.get(key) for key in ("systemProperties", "props"))]
    for place in places:
        for key in ("messageId", "MessageId", "msgId", "UNIQ_KEY"):
            if isinstance(place, dict) and isinstance(place.get(key), str) and place[key]:
                return f"message {place[key]}"
    position = [inner.get(key) for key in ("topic", "partition", "offset")]
    return f"position {position}" if all(isinstance(p, (str, int)) for p in position) else ""


def _cloud_event_name(item: Any) -> str:
    if not isinstance(item, dict) or "specversion" not in item:
        return ""
    pair = [item.get(key) for key in ("source", "id")]
    return f"event {pair}" if all(p and isinstance(p, str) for p in pair) else ""


def _sent_at(item: Any) -> float | None:
    """When the message was sent; None where it doesn't say, or not readably."""
    if not isinstance(item, dict):
        return None
    inner = item.get("data")
    moment = item.get("time") or item.get("PublishTime") or item.get("timestamp")
    if moment is None and isinstance(inner, dict):
        moment = inner.get("timestamp")
    return seconds_since_epoch(moment)


def seconds_since_epoch(moment: Any) -> float | None:
    """A moment as RFC 3339, or as a number of seconds or milliseconds."""
    try:
        read: datetime = _MOMENT.validate_python(moment)
    except (ValidationError, OverflowError):
        return None
    return (read if read.tzinfo else read.replace(tzinfo=timezone.utc)).timestamp()
