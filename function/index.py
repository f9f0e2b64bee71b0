"""The entry points of the function: ``index.handler`` and ``index.initialize``."""

from __future__ import annotations

from typing import Any

from verify_code.app import App

_app = App()


def initialize(context: Any) -> None:
    """Called once for a new instance; never raises."""
    _app.initialize(context)


def handler(event: bytes, context: Any) -> Any:
    """Called for every invocation, one at a time in an instance."""
    return _app.handle(event, context)
