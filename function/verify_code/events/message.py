"""What an event is to the application: messages, each of which may be a request, and a reply."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from verify_code.result import Rejected, Result

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
    topic: Any = ()
    #: The source delivers it again if the handler raises.
    is_redelivered: bool = False
    #: Seconds since the epoch.
    sent_at: float | None = None
    #: The headers of an HTTP request, by their names in small letters.
    headers: Mapping[str, Any] | None = None
    #: The last segment of the path of an HTTP request, in small letters.
    path_segment: str | None = None


@dataclass(frozen=True)
class Event:
    """One event: where it comes from, its messages, and how its source is answered."""

    #: The name of the source in the log.
    source: str
    messages: Iterable[Message]
    #: Makes the answer of the results, one for each message; may raise CodeNotSentError.
    reply: Callable[[Sequence[Result]], Any]


def rejected(rejection: Rejected, *, is_redelivered: bool = False) -> Message:
    """A message in which no request can be read."""

    def parse() -> dict[str, Any]:
        raise rejection

    return Message(parse, is_redelivered=is_redelivered)
