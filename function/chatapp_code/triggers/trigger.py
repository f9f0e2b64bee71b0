"""What every trigger can do, and the JSON text in which all of them carry a request."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from chatapp_code.request import Fields
from chatapp_code.result import VerifyCodeResult, refuse

LARGEST_REQUEST_BYTES = 16 * 1024

#: No event stream delivers more at once ("Advanced features of triggers", batch window).
MOST_MESSAGES = 10_000


class Message(NamedTuple):
    """One request in an event, and what its source says about it.

    ``read`` gives its fields, or raises Refused with ``InvalidEvent`` where there is no request;
    ``name`` is what names it where it has no idempotency key, together with its fields;
    ``is_lasting`` says that the source gave that name; ``sent_at`` is in seconds since the epoch;
    ``headers`` are those of an HTTP request, with names in lower case.
    """

    read: Callable[[], Fields]
    name: str = ""
    is_lasting: bool = True
    sent_at: float | None = None
    headers: Mapping[str, Any] | None = None


class Trigger:
    """One event, as the source that it came by means it."""

    source: str  # the name in the log

    def __init__(self, content: Any) -> None:
        self._content = content

    @staticmethod
    def recognises(content: Any) -> bool:
        """Is this decoded event (None if it isn't JSON) one of this source?"""
        raise NotImplementedError

    def messages(self) -> list[Message]:
        """The messages in the event, each of which may be a request."""
        raise NotImplementedError

    def reply(self, results: Sequence[VerifyCodeResult]) -> Any:
        """The results, one for each message, in the form that the source passes on."""
        raise NotImplementedError


def messages_of(items: Sequence[Any], message: Callable[[Any], Message]) -> list[Message]:
    """The message that each item is; one refusal for all where no source delivers so many."""
    return [Message(_too_many)] if len(items) > MOST_MESSAGES else [*map(message, items)]


def _too_many() -> Fields:
    raise refuse("InvalidEvent", f"An event may hold {MOST_MESSAGES:,} messages at most.")


def decode(text: bytes | str) -> Any:
    """The JSON value in the text, objects as :class:`Fields`; None if it isn't JSON."""
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8-sig")
        return json.loads(
            decoded,
            object_pairs_hook=Fields.from_pairs,
            parse_constant=_not_json,
            parse_int=_integer,
        )
    except (ValueError, RecursionError):
        return None


def check_size(text: bytes | str) -> None:
    """Refuses the text of a request that is too large."""
    size = len(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    if size > LARGEST_REQUEST_BYTES:
        raise refuse("InvalidEvent", "A request may hold 16 KiB at most.", http_status=413)


def request_fields(text: bytes | str) -> Fields:
    """The fields of the one request that is the whole text."""
    check_size(text)
    fields = decode(text)
    if not isinstance(fields, Fields):
        example = '{"phone_number": "+86…"}'
        raise refuse("InvalidEvent", f"Send one JSON object in UTF-8, such as {example}.")
    return fields


def canonical(value: Any) -> str:
    """The value as JSON text; Refused if it is nested too deeply for that."""
    try:
        return json.dumps(value)
    except RecursionError:
        raise refuse("InvalidEvent", "The request is nested too deeply.") from None


def _integer(digits: str) -> int:
    if len(digits) > 400:  # to read millions of them takes minutes
        raise ValueError("the number is too long")
    return int(digits)


def _not_json(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
