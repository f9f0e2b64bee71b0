"""What every trigger can do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from verify_code.result import Refused, VerifyCodeResult

#: No source delivers more at once ("Advanced features of triggers", batch window).
MOST_MESSAGES = 10_000


class Message(NamedTuple):
    """One request in an event, and what its source says about it.

    ``read`` gives its fields, or raises Refused with ``InvalidEvent`` where there is no request;
    ``name`` is the source's for it; ``item`` is what it came as, which names it where its source
    delivers again and gives no name; ``sent_at`` is in seconds since the epoch; ``headers`` are
    those of an HTTP request, with names in lower case.
    """

    read: Callable[[], dict[str, Any]]
    name: str = ""
    item: Any = None
    sent_at: float | None = None
    headers: Mapping[str, Any] | None = None


class Trigger:
    """One event, as the source that it came by means it.

    ``refusal`` says why its content couldn't be read, and is the answer to it.
    """

    source: str  # the name in the log

    def __init__(self, content: Any, refusal: Refused | None = None) -> None:
        self._content = content
        self._refusal = refusal

    @staticmethod
    def recognises(content: Any) -> bool:
        """Is this event (decoded, or its bytes if it isn't JSON) one of this source?"""
        raise NotImplementedError

    def messages(self) -> Iterable[Message]:
        """The messages in the event, each of which may be a request."""
        return [refused(self._refusal)] if self._refusal else self._messages()

    def reply(self, results: Sequence[VerifyCodeResult]) -> Any:
        """The results, one for each message, in the form that the source passes on."""
        raise NotImplementedError

    def _messages(self) -> Iterable[Message]:
        raise NotImplementedError


def refused(refusal: Refused) -> Message:
    """A message in which there is no request to be read."""

    def read() -> dict[str, Any]:
        raise refusal

    return Message(read)
