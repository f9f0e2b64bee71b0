"""What an event asks for, read in another way than the function's: the judge's own opinion."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from verify_code.operations import OPERATIONS

#: No name of an operation begins or ends so.
_BLANK = " .\t\r\n"


class _Pairs(list[Any]):
    """A JSON object, with the keys that come twice."""


@dataclass(frozen=True)
class Reading:
    """The request in an event that came over HTTP or directly."""

    fields: _Pairs
    headers: _Pairs
    #: None where it didn't come over HTTP.
    path: str | None

    @property
    def operations(self) -> set[str]:
        """The operations that it names; one, unless it contradicts itself."""
        named = {str(value) for value in self._values("operation")}
        return named | ({self._last_segment} & OPERATIONS.keys()) or {"send"}

    @property
    def has_a_known_path(self) -> bool:
        """It came directly, or the last segment of its path is empty or an operation."""
        return self._last_segment in OPERATIONS or not self._path.rpartition("/")[2].strip(_BLANK)

    @property
    def hands_a_code_in(self) -> bool:
        return bool(self._values("code") or self._values("verifycode"))

    @property
    def is_named(self) -> bool:
        """Has it a key by which it is known when it comes again?"""
        values = [*self._values("idempotencykey"), *self.claims("idempotency-key")]
        return any(value is not None for value in values)

    def claims(self, name: str) -> list[Any]:
        """All that the headers say under a name, however it is spelled there."""
        wanted = name.lower()
        return [value for key, value in self.headers if key.lower() == wanted]

    @property
    def _path(self) -> str:
        """The path without what stands behind a semicolon."""
        return re.sub(r";[^/]*", "", self.path or "")

    @property
    def _last_segment(self) -> str:
        """What no slip at the path's end may make another operation of."""
        return self._path.rstrip(f"/{_BLANK}").rpartition("/")[2].strip(_BLANK)

    def _values(self, name: str) -> list[Any]:
        return [value for key, value in self.fields if value is not None and _plain(key) == name]


def read(event: bytes, source: str) -> Reading:
    """The request in an event of one of these sources: direct, http, api_gateway."""
    content = _loads(event)
    if source == "direct":
        return Reading(content, _Pairs(), None)
    members = dict(content)
    body = members["body"]
    if str(members.get("isBase64Encoded")).lower() == "true":
        body = base64.b64decode(body)
    path = members["rawPath" if source == "http" else "path"]
    return Reading(
        _loads(body), members.get("headers") or _Pairs(), unquote(str(path or "")).lower()
    )


def _loads(text: bytes | str) -> Any:
    plain = text.decode("utf-8-sig") if isinstance(text, bytes) else text.removeprefix("\ufeff")
    return json.loads(plain, object_pairs_hook=_Pairs, parse_int=str)


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")
