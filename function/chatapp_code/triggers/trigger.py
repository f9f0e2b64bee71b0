"""What every trigger can do, and the JSON text in which all of them carry a request."""

from __future__ import annotations

import json
from typing import Any

from chatapp_code.request import Fields
from chatapp_code.result import VerifyCodeResult, refuse

LARGEST_REQUEST_BYTES = 16 * 1024


class Trigger:
    """One event, as the source that it came by means it."""

    source: str  # the name in the log

    def __init__(self, content: Any) -> None:
        self._content = content

    @staticmethod
    def recognises(content: Any) -> bool:
        """Is this decoded event (None if it isn't JSON) one of this source?"""
        raise NotImplementedError

    def fields(self) -> Fields:
        """The request in the event; raises Refused with ``InvalidEvent`` if there is none."""
        raise NotImplementedError

    def reply(self, result: VerifyCodeResult) -> Any:
        """The result in the form that the source passes on."""
        raise NotImplementedError


def decode(text: bytes | str) -> Any:
    """The JSON value in the text, objects as :class:`Fields`; None if it isn't JSON."""
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8-sig")
        return json.loads(decoded, object_pairs_hook=Fields.from_pairs, parse_constant=_not_json)
    except (ValueError, RecursionError):
        return None


def request_fields(text: bytes | str) -> Fields:
    """The fields of the one request that is the whole text."""
    size = len(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    if size > LARGEST_REQUEST_BYTES:
        raise refuse("InvalidEvent", "A request may hold 16 KiB at most.", http_status=413)
    fields = decode(text)
    if not isinstance(fields, Fields):
        example = '{"phone_number": "+86…"}'
        raise refuse("InvalidEvent", f"Send one JSON object in UTF-8, such as {example}.")
    return fields


def _not_json(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
