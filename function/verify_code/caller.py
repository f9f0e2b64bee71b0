"""Who asks over HTTP, by the claims of the verified JWT that the trigger puts into headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from verify_code.settings import Settings


class Caller(NamedTuple):
    """The caller and the only space it may use; None where nothing of the kind is set up."""

    id: str | None = None
    cust_space_id: str | None = None
    #: The trigger should have said who asks, and didn't.
    is_unknown: bool = False


def identify(headers: Mapping[str, Any] | None, settings: Settings) -> Caller:
    """The caller by the headers (names in lower case; None where it didn't come over HTTP)."""
    if headers is None:
        return Caller()
    caller, space = (
        _claim(headers.get(name)) if name else None
        for name in (settings.caller_header, settings.cust_space_header)
    )
    return Caller(caller, space, is_unknown="" in (caller, space))


def _claim(value: Any) -> str:
    # A comma joins two headers of one name: one of them may be forged.
    return value.strip() if isinstance(value, str) and "," not in value else ""
