"""An MNS/SMQ topic, pushed as JSON, or as a stream with attributes ("Trigger event formats").

Pushed as a stream without attributes, the text arrives alone: that is a direct invocation.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from verify_code.events.event_source import EventSource, message
from verify_code.events.source import Message

#: The attributes beside them, which may have any name, are no request.
_OWN_KEYS = ("Message", "MessageId", "PublishTime", "body")


class MnsTopic(EventSource):
    """``Message`` or ``body`` carries the request; attributes may stand beside it."""

    source = "mns_topic"

    @staticmethod
    def recognises(content: Any) -> bool:
        if not isinstance(content, dict):
            return False
        is_json = "Message" in content and ("TopicOwner" in content or "MessageMD5" in content)
        return is_json or content.keys() == {"body", "attrs"}

    def _messages(self) -> Iterable[Message]:
        own = {key: self._content[key] for key in _OWN_KEYS if key in self._content}
        return [message(own)._replace(item=self._content)]
