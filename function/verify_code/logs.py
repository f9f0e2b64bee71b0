"""The log: one JSON object a line, raw on standard output, with nothing secret in it."""

import contextlib
import json
import sys
import traceback
from typing import Any

_LIBRARIES = ("urllib3", "requests", "darabonba-core", "alibabacloud-tea", "credentials", "redis")


def write(level: str, event: str, **fields: Any) -> None:
    """Writes one line. JSON escapes line breaks, so that a value can't start a new line."""
    # A full or closed pipe must not cost a caller the result.
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(json.dumps({"level": level, "event": event, **fields}) + "\n")
        sys.stdout.flush()


def write_bug(bug: BaseException, **fields: Any) -> None:
    """Writes where a bug showed, without the exception's text: that may hold a number."""
    frames = [
        f"{frame.name} in {frame.filename.rpartition('/')[2]}:{frame.lineno}"
        for frame in traceback.extract_tb(bug.__traceback__)
    ]
    write("ERROR", "bug", exception=type(bug).__name__, frames=frames[-8:], **fields)


def silence_libraries() -> None:
    """Takes the libraries' loggers away: some print the URL with the number, some the token.

    To be called again after an import that adds handlers.
    """
    import logging  # noqa: PLC0415 - comes with the libraries

    for name in _LIBRARIES:
        logger = logging.getLogger(name)
        logger.handlers = [logging.NullHandler()]
        logger.propagate = False
