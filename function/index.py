"""The entry points of the function: ``index.handler`` and ``index.initialize``."""

from __future__ import annotations

from typing import Any

from chatapp_code.instance import Instance

_instance = Instance()


def initialize(context: Any) -> None:
    """Called once for a new instance; never raises."""
    _instance.initialize(context)


def handler(event: bytes, context: Any) -> Any:
    """Called for every invocation, one at a time in an instance."""
    return _instance.handle(event, context)
