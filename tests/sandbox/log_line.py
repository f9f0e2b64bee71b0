"""A line of the function's log in short, for a person who watches."""

from __future__ import annotations

import json
import time

#: Each new instance writes them.
_OF_EACH_INSTANCE = ("start", "memory")


def shortened(line: str) -> str | None:
    """When, what was asked, and what came of it; None for a line that says nothing of a request."""
    try:
        logged = json.loads(line)
        event = logged["event"]
    except (ValueError, TypeError, KeyError):
        return line  # of a bug, or of another function
    now = time.strftime("%H:%M:%S")
    if event in _OF_EACH_INSTANCE:
        return None
    if event != "invocation":
        return f"{now}  {logged.get('level')} {event}: {logged.get('message') or line}"
    outcome = [f"{key} {logged[key]}" for key in ("sent", "registered") if logged[key]]
    outcome += [logged["verification_status"] or "no status"] if not outcome else []
    outcome += ["the first answer again"] if logged["replayed"] else []
    milliseconds = sum(logged[f"{part}_ms"] for part in ("waited", "connecting", "upstream"))
    asked = [logged[key] for key in ("phone_number", "country", "method") if logged[key]]
    told = (logged["operation"], logged["code"], *outcome, " ".join(asked), f"{milliseconds} ms")
    return f"{now}  {', '.join(filter(None, told))}"
