"""One CloudEvent: from an EventBridge rule, or from whoever invokes asynchronously."""

from __future__ import annotations

from typing import Any

from verify_code.events.event_source import EventSource


class CloudEvent(EventSource):
    """``data`` is the request, or carries it: as an object, as JSON text, or in base64."""

    source = "eventbridge"

    @staticmethod
    def recognises(content: Any) -> bool:
        return isinstance(content, dict) and "specversion" in content
