"""A transport to the gateway that fails once where a test tells it to."""

from __future__ import annotations

from typing import Any

from verify_code.cams.transport import Transport


class FaultyTransport(Transport):
    """Fails to open, or loses its connection just before it sends, as often as it is told."""

    failures_to_open = 0
    losses_before_sending = 0

    def open(self, timeout_seconds: float, needed_seconds: float = 0.0) -> None:
        if self.failures_to_open:
            self.failures_to_open -= 1
            raise ConnectionRefusedError
        super().open(timeout_seconds, needed_seconds)

    def send(self, *arguments: Any) -> None:
        if self.losses_before_sending:
            self.losses_before_sending -= 1
            self.close()
        super().send(*arguments)
