"""One invocation: its id, the time that is left of it, and what it spent."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from verify_code.clock import Clock
from verify_code.settings import MARGIN_SECONDS

#: The timeout in the deployment files, for a context that doesn't tell its own.
DEFAULT_TIMEOUT_SECONDS = 20.0

#: An import that was longer ago didn't belong to the first invocation.
_LONGEST_START_SECONDS = 10.0


@dataclass
class Invocation:
    """What a request needs to know about its invocation, and what it spent, for the log."""

    id: str
    context: Any
    timeout_seconds: float
    ends_at: float
    clock: Callable[[], float]
    attempts: int = 0
    waited_seconds: float = 0.0
    connecting_seconds: float = 0.0
    upstream_seconds: float = 0.0
    may_be_done: bool = False
    trace_id: str | None = None

    @property
    def seconds_left(self) -> float:
        """Until the platform ends the invocation, less what is kept for the reply."""
        return self.ends_at - self.clock() - MARGIN_SECONDS


def begin(context: Any, clock: Clock, *, is_first: bool) -> Invocation:
    """The invocation that begins now.

    Where no initializer ran, the first invocation of an instance (``is_first``) began when
    the code was imported, unless that was long ago.
    """
    now = clock.monotonic()
    is_start = is_first and now - clock.imported_at < _LONGEST_START_SECONDS
    seconds = timeout_seconds(context)
    return Invocation(
        id=str(getattr(context, "request_id", None) or os.urandom(16).hex()),
        context=context,
        timeout_seconds=seconds,
        ends_at=(clock.imported_at if is_start else now) + seconds,
        clock=clock.monotonic,
    )


def trace_id(context: Any, headers: Mapping[str, Any] | None) -> str | None:
    """The id of the trace that the platform (Jaeger) or an HTTP caller (W3C Trace Context) began.

    None where neither did. The names of the headers are in small letters.
    """
    span = getattr(getattr(context, "tracing", None), "span_context", None)
    if isinstance(span, str) and (found := re.match(r"([0-9a-f]{1,32}):", span)):
        return found[1]
    parent = (headers or {}).get("traceparent")
    known = r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}"
    found = re.fullmatch(known, parent) if isinstance(parent, str) else None
    return found[1] if found else None


def timeout_seconds(context: Any) -> float:
    """The function's timeout. Some runtimes give it as a string."""
    try:
        seconds = float(context.function.timeout)
    except (AttributeError, TypeError, ValueError, OverflowError):
        return DEFAULT_TIMEOUT_SECONDS
    return seconds if seconds > 0 else DEFAULT_TIMEOUT_SECONDS
