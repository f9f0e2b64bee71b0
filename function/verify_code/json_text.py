"""JSON text from outside: read strictly, to a bounded depth and size."""

from __future__ import annotations

import json
import re
from itertools import accumulate
from typing import Any

from verify_code.result import Rejected

#: An object that has a key twice, with different values: nobody can say what it means.
CONTRADICTION: tuple[()] = ()

MAX_REQUEST_BYTES = 16 * 1024

#: No source nests deeper than 10; each Python has its own depth at which it fails.
MAX_DEPTH = 100

_MAX_INTEGER_DIGITS = 400  # to read millions of digits takes minutes

_STRING = re.compile(rb'"[^"]*"')
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_OTHERS = bytes(set(range(256)) - _STEP.keys())


def decode(text: bytes | str) -> Any:
    """The JSON value in the text; ValueError if it isn't JSON, Rejected if it is too deep.

    A byte order mark is skipped. An object that has a key twice, with different values, becomes
    ``CONTRADICTION``, which no field may be.
    """
    if not isinstance(text, str):
        text = text.decode("utf-8")
    check_depth(text)
    return _DECODER.decode(text.removeprefix("\ufeff"))


def decode_request(text: bytes | str) -> dict[str, Any]:
    """Reads the text as one request, and returns its fields; Rejected if it isn't one."""
    check_size(text)
    try:
        fields = decode(text)
    except ValueError:
        fields = None
    return request_in(fields)


def request_in(fields: Any) -> dict[str, Any]:
    """The fields of a request; Rejected if what was decoded isn't one JSON object."""
    if not isinstance(fields, dict):
        example = '{"phone_number": "+86…"}'
        text = f"Send one JSON object in UTF-8, with each key once, such as {example}."
        raise Rejected("InvalidEvent", text)
    return fields


def encode(value: Any) -> bytes:
    """The value as short JSON text, with sorted keys."""
    return _ENCODER.encode(value).encode("utf-8", "surrogatepass")


def check_size(text: bytes | str) -> None:
    """Rejects the text of a request that is too large."""
    size_bytes = len(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    if size_bytes > MAX_REQUEST_BYTES:
        raise Rejected("InvalidEvent", "A request may hold 16 KiB at most.", http_status=413)


def check_depth(text: str) -> None:
    """Rejects text that is nested too deeply to be read safely."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    plain = text.encode("utf-8", "surrogatepass").replace(b"\\\\", b"").replace(b'\\"', b"")
    brackets = _STRING.sub(b"", plain).translate(None, _OTHERS)
    if max(accumulate(map(_STEP.__getitem__, brackets)), default=0) > MAX_DEPTH:
        raise Rejected("InvalidEvent", "The event is nested too deeply to be read.")


def differ(values: list[Any]) -> bool:
    """Whether two of the values aren't the same. In JSON, true and 1 aren't."""
    return any(type(value) is not type(values[0]) or value != values[0] for value in values)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | tuple[()]:
    fields = dict(pairs)
    if len(fields) == len(pairs):
        return fields
    fields = {}
    for key, value in pairs:
        known = fields.get(key)
        if known is not None and value is not None and differ([known, value]):
            return CONTRADICTION
        fields[key] = value if known is None else known
    return fields


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MAX_INTEGER_DIGITS else digits


def _not_json(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


# Made once, since json makes them anew for each call.
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_not_json, parse_int=_integer)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)
