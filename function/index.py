"""The entry points of the function: ``index.handler`` and ``index.initialize``."""

from __future__ import annotations

import gc
import os
from typing import Any

from verify_code.app import App

# What was imported stays: from now on only what requests leave behind is searched for garbage.
gc.freeze()
gc.set_threshold(5_000)

_apps: list[App] = []


def initialize(context: Any) -> None:
    """The platform calls this once for a new instance. It never raises."""
    _app(context).initialize()


def handler(event: bytes, context: Any) -> Any:
    """The platform calls this for every invocation, one at a time in an instance."""
    return _app(context).handle(event, context)


def _app(context: Any) -> App:
    """The application of this instance, built when it is first needed."""
    if not _apps:
        _apps.append(App.from_environment(os.environ, context))
    return _apps[0]
