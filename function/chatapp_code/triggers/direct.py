"""Direct InvokeFunction, and an MNS/SMQ topic that passes the bare text on: the same bytes."""

from __future__ import annotations

from typing import Any

from chatapp_code.request import Fields
from chatapp_code.result import VerifyCodeResult
from chatapp_code.triggers.trigger import Trigger, request_fields


class DirectInvocation(Trigger):
    """The event's bytes are the request, and the reply is the whole result."""

    source = "direct"

    def fields(self) -> Fields:
        return request_fields(self._content)

    def reply(self, result: VerifyCodeResult) -> dict[str, Any]:
        return result.for_the_account()
