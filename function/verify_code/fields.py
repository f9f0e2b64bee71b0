"""The JSON text in which every source carries a request, and the fields in it."""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

from verify_code.result import Refused, refuse

LARGEST_REQUEST_BYTES = 16 * 1024

#: Each field, and the other names that are taken for it.
ALIASES: dict[str, tuple[str, ...]] = {
    "phone_number": ("PhoneNumber", "phoneNumber"),
    "method": ("Method",),
    "locale": ("Locale",),
    "cust_space_id": ("CustSpaceId", "custSpaceId"),
    "idempotency_key": (),
}

_NAMES = {*ALIASES, *chain.from_iterable(ALIASES.values())}

#: The value of a key that came more than once, with different values.
CONFLICTING = object()

_LONGEST_INTEGER = 400  # digits; to read millions of them takes minutes


def named(fields: dict[str, Any], name: str) -> list[Any]:
    """All values given for a field, under whichever of its names; null is none."""
    return [fields[key] for key in (name, *ALIASES[name]) if fields.get(key) is not None]


def asked(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields that a request may have, as they came."""
    return {name: value for name, value in fields.items() if name in _NAMES}


def differ(values: list[Any]) -> bool:
    """Are there two values in it that aren't the same? In JSON, true and 1 aren't."""
    return any(type(value) is not type(values[0]) or value != values[0] for value in values)


def decode(text: bytes | str) -> Any:
    """The JSON value in the text; None if it isn't JSON, Refused if it is nested too deeply."""
    try:
        return json.loads(
            text if isinstance(text, str) else text.decode("utf-8-sig"),
            object_pairs_hook=_fields,
            parse_constant=_not_json,
            parse_int=_integer,
        )
    except ValueError:
        return None
    except RecursionError:
        raise _too_deep() from None


def decode_request(text: bytes | str) -> dict[str, Any]:
    """The fields of the one request that is the whole text; Refused if it isn't one."""
    check_size(text)
    fields = decode(text)
    if not isinstance(fields, dict):
        example = '{"phone_number": "+86…"}'
        raise refuse("InvalidEvent", f"Send one JSON object in UTF-8, such as {example}.")
    return fields


def check_size(text: bytes | str) -> None:
    """Refuses the text of a request that is too large."""
    size_bytes = len(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    if size_bytes > LARGEST_REQUEST_BYTES:
        raise refuse("InvalidEvent", "A request may hold 16 KiB at most.", http_status=413)


def encode(value: Any) -> bytes:
    """The value as short JSON text, keys in order; Refused if it is nested too deeply for that."""
    try:
        text = json.dumps(
            value,
            default=lambda _: "conflicting",
            ensure_ascii=False,
            separators=(",", ":"),
            sort_keys=True,
        )
    except RecursionError:
        raise _too_deep() from None
    return text.encode("utf-8", "surrogatepass")


def _too_deep() -> Refused:
    return refuse("InvalidEvent", "The event is nested too deeply to be read.")


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        fields = {}
        for key, value in pairs:
            known = fields.get(key)
            given = [each for each in (known, value) if each is not None]
            fields[key] = CONFLICTING if differ(given) else next(iter(given), None)
    return fields


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else digits


def _not_json(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
