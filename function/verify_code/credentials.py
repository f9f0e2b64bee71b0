"""The function role's temporary credentials, from wherever the runtime puts them."""

import os
from typing import Any, NamedTuple


class RoleCredentials(NamedTuple):
    """One set of STS credentials; it is never kept past a call."""

    access_key_id: str
    access_key_secret: str
    security_token: str

    def __repr__(self) -> str:
        return "RoleCredentials(…)"


def read(context: Any) -> RoleCredentials | None:
    """The credentials of this moment, or None if the function has no role.

    The runtimes up to python3.10 give them with each invocation, in ``context.credentials``;
    python3.12 only in the environment ("Context" in the Function Compute documentation).
    """
    given = getattr(context, "credentials", None)
    for source in (
        lambda name: getattr(given, name, None),
        lambda name: os.environ.get(f"ALIBABA_CLOUD_{name.upper()}"),
    ):
        found = RoleCredentials(*(_usable(source(name)) for name in RoleCredentials._fields))
        if found.access_key_id and found.access_key_secret:
            return found
    return None


def _usable(value: Any) -> str:
    """The value without the white space around it; nothing if no header could carry it."""
    text = value.strip() if isinstance(value, str) else ""
    return text if text.isascii() and text.isprintable() else ""
