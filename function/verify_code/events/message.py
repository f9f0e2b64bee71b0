"""What an event is to the application: messages, each of which may be a request, and a reply."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from verify_code.result import Rejected, VerifyCodeResult

#: No source delivers more at once ("Advanced features of triggers", batch window).
MAX_MESSAGES = 10_000


@dataclass(frozen=True)
class Message:
    """One possible request in an event, and what its source says about it."""

    #: The fields of the request; raises Rejected with ``InvalidEvent`` where there is none.
    parse: Callable[[], dict[str, Any]]
    #: What the source calls the message; empty where it doesn't name its messages.
    message_id: Sequence[Any] = ()
    #: From where in its source the message comes: the topic, queue or subject.
    topic: Sequence[Any] = ()
    #: The source delivers again what wasn't sent.
    is_event: bool = False
    #: Seconds since the epoch.
    sent_at: float | None = None
    #: The headers of an HTTP request, by their names in small letters.
    headers: Mapping[str, Any] | None = None


class Event(Protocol):
    """One event, as the source means it by which it came."""

    @property
    def source(self) -> str:
        """The name of the source in the log."""

    def messages(self) -> Iterable[Message]:
        """The messages in the event."""

    def reply(self, results: Sequence[VerifyCodeResult]) -> Any:
        """The results, one for each message, in the form that the source understands."""


def rejected(rejection: Rejected, *, is_event: bool = False) -> Message:
    """A message in which no request can be read."""

    def parse() -> dict[str, Any]:
        raise rejection

    return Message(parse, is_event=is_event)
