"""Sources that never carry a request. Some would deliver for ever if the handler raised."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from chatapp_code.request import Fields
from chatapp_code.result import VerifyCodeResult, refuse
from chatapp_code.triggers.trigger import Message, Trigger, messages_of


class SourceWithoutRequests(Trigger):
    """OSS, SLS, CDN, Tablestore, DTS, timer, asynchronous destinations; also as CloudEvents."""

    source = "no_request"

    @staticmethod
    def recognises(content: Any) -> bool:
        if isinstance(content, list):
            return bool(content) and all(_names_a_source(item) for item in content)
        return bool(_names_a_source(content))

    def messages(self) -> list[Message]:
        items = self._content if isinstance(self._content, list) else [self._content]
        return messages_of(items, lambda item: Message(partial(_refuse, item)))

    def reply(self, results: Sequence[VerifyCodeResult]) -> Any:
        answers = [result.for_the_account() for result in results]
        return answers if isinstance(self._content, list) else answers[0]


def _refuse(item: Any) -> Fields:
    source = _names_a_source(item)
    raise refuse("InvalidEvent", f"{source} never carries a request: take its trigger away.")


def _names_a_source(item: Any) -> str:
    if not isinstance(item, dict):
        return ""
    for source, is_one in _SOURCES.items():
        if is_one(item):
            return source
    return ""


def _first_event_source(item: dict[str, Any]) -> Any:
    events = item.get("events")
    first = events[0] if isinstance(events, list) and events else None
    return first.get("eventSource") if isinstance(first, dict) else None


def _starts(item: dict[str, Any], key: str, *beginnings: str) -> bool:
    return isinstance(item.get(key), str) and item[key].startswith(beginnings)


_SOURCES: dict[str, Callable[[dict[str, Any]], bool]] = {
    "A timer": lambda item: {"triggerTime", "triggerName"} <= item.keys(),
    "OSS": lambda item: (
        _first_event_source(item) == "acs:oss"
        or ("specversion" in item and item.get("source") == "acs.oss")
    ),
    "CDN": lambda item: _first_event_source(item) == "cdn",
    "SLS": lambda item: {"cursorTime", "source"} <= item.keys(),
    "Tablestore": lambda item: _starts(item, "Version", "Sync-"),
    "DTS": lambda item: "specversion" in item and _starts(item, "type", "dts:"),
    "An asynchronous destination": lambda item: (
        {"requestContext", "responseContext"} <= item.keys()
        or ("specversion" in item and item.get("source") == "acs:fc")
    ),
}
