"""Direct InvokeFunction, and an MNS/SMQ topic that passes the bare text on: the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from chatapp_code.result import VerifyCodeResult
from chatapp_code.triggers.trigger import Message, Trigger, request_fields


class DirectInvocation(Trigger):
    """The event's bytes are the request, and the reply is the whole result."""

    source = "direct"

    def messages(self) -> list[Message]:
        return [Message(partial(request_fields, self._content))]

    def reply(self, results: Sequence[VerifyCodeResult]) -> dict[str, Any]:
        return results[0].for_the_account()
