"""Direct InvokeFunction, and an MNS/SMQ topic that passes the bare text on: the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from verify_code.events.source import Message, Trigger
from verify_code.fields import decode_request
from verify_code.result import VerifyCodeResult


class DirectInvocation(Trigger):
    """The event's bytes are the request, and the reply is the whole result."""

    source = "direct"

    def _messages(self) -> Iterable[Message]:
        return [Message(partial(decode_request, self._content))]

    def reply(self, results: Sequence[VerifyCodeResult]) -> dict[str, Any]:
        return results[0].for_the_caller()
