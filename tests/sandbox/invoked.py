"""What an invocation comes to."""

from __future__ import annotations

from typing import NamedTuple


class Invoked(NamedTuple):
    """The function's answer, or the platform's error body, and then of which type."""

    answer: bytes
    error_type: str | None = None


class ResourceExhausted(Exception):
    """All instances that the function may have are busy."""
