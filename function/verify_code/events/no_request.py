"""Sources that never carry a request. Some would deliver for ever if the handler raised."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from verify_code.events.source import MOST_MESSAGES, Message, Trigger, refused
from verify_code.result import VerifyCodeResult, refuse


class SourceWithoutRequests(Trigger):
    """OSS, SLS, CDN, Tablestore, DTS, timer, asynchronous destinations; also as CloudEvents."""

    source = "no_request"

    @staticmethod
    def recognises(content: Any) -> bool:
        return bool(content) and all(_name(item) for item in _items(content))

    def _messages(self) -> Iterable[Message]:
        items = _items(self._content)
        for item in items if len(items) <= MOST_MESSAGES else items[:1]:
            text = f"{_name(item)} never carries a request: take its trigger away."
            yield refused(refuse("InvalidEvent", text))

    def reply(self, results: Sequence[VerifyCodeResult]) -> Any:
        answers = [result.for_the_account() for result in results]
        return answers if isinstance(self._content, list) else answers[0]


def _items(content: Any) -> list[Any]:
    return content if isinstance(content, list) else [content]


def _name(item: Any) -> str:
    """The source that an event is of; none if it is of another."""
    if isinstance(item, bytes):
        return "Tablestore" if b"VersiongSync-v" in item else ""  # CBOR
    if not isinstance(item, dict):
        return ""
    return next((name for name, recognises in _SOURCES.items() if recognises(item)), "")


def _first_event_source(item: dict[str, Any]) -> Any:
    events = item.get("events")
    first = events[0] if isinstance(events, list) and events else item
    return first.get("eventSource") if isinstance(first, dict) else None


def _starts(value: Any, beginning: str) -> bool:
    return isinstance(value, str) and value.startswith(beginning)


def _is_of(item: dict[str, Any], source: str) -> bool:
    return "specversion" in item and item.get("source") == source


_SOURCES: dict[str, Callable[[dict[str, Any]], bool]] = {
    "A timer": lambda item: {"triggerTime", "triggerName"} <= item.keys(),
    "OSS": lambda item: _first_event_source(item) == "acs:oss" or _is_of(item, "acs.oss"),
    "CDN": lambda item: _first_event_source(item) == "cdn",
    "SLS": lambda item: {"cursorTime", "source"} <= item.keys(),
    "Tablestore": lambda item: _starts(item.get("Version"), "Sync-"),
    "DTS": lambda item: "specversion" in item and _starts(item.get("type"), "dts:"),
    "An asynchronous destination": lambda item: (
        {"requestContext", "responseContext"} <= item.keys() or _is_of(item, "acs:fc")
    ),
}
