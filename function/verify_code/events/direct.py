"""Direct InvokeFunction, and an MNS/SMQ topic that passes the bare text on: the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from verify_code.events.message import Event, Message
from verify_code.json_text import decode_request
from verify_code.result import VerifyCodeResult


class DirectInvocation(Event):
    """The event's bytes are the request, and the reply is the whole result."""

    def __init__(self, event: bytes) -> None:
        self._event = event

    @property
    def source(self) -> str:
        return "direct"

    def messages(self) -> Iterable[Message]:
        return [Message(partial(decode_request, self._event))]

    def reply(self, results: Sequence[VerifyCodeResult]) -> Any:
        return results[0].for_invoker()
