"""How the platform delivers what nobody waits for: asynchronous invocations.

Sources: "Asynchronous invocation" and "Retry mechanism" in the Function Compute documentation.
Waits are as documented, times a scale.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Protocol

from tests.sandbox.invoked import Invoked, ResourceExhausted


class Platform(Protocol):
    def invoke(self, event: bytes, request_id: str) -> Invoked: ...


class AsynchronousInvocations:
    """Accepted at once, and run until one succeeds or the retries are used up."""

    def __init__(self, platform: Platform, most_retries: int = 3, scale: float = 0.02) -> None:
        self.failure_destination: list[dict[str, Any]] = []
        self._platform = platform
        self._most_retries = most_retries
        self._scale = scale
        self._threads: list[threading.Thread] = []

    def accept(self, event: bytes, request_id: str) -> None:
        """Takes an event over, to be run in its own time."""
        thread = threading.Thread(target=self._run, args=(event, request_id), daemon=True)
        self._threads.append(thread)
        thread.start()

    def wait(self) -> None:
        """Until all that was accepted has succeeded or failed."""
        for thread in self._threads:
            thread.join()

    def _run(self, event: bytes, request_id: str) -> None:
        failures = throttled = 0
        while True:
            try:
                invoked = self._platform.invoke(event, request_id)
            except ResourceExhausted:
                time.sleep(min(0.5 * 2**throttled, 60) * self._scale)
                throttled += 1
                continue
            if invoked.error_type is None:
                return
            failures += 1
            if failures > self._most_retries:
                return self._give_up(event, request_id, invoked, failures)
            time.sleep(2**failures * self._scale)

    def _give_up(self, event: bytes, request_id: str, invoked: Invoked, count: int) -> None:
        self.failure_destination.append(
            {
                "timestamp": int(time.time() * 1000),
                "requestContext": {
                    "requestId": request_id,
                    "functionArn": "acs:fc:ap-southeast-1:1234567890123456:functions/sandbox",
                    "condition": "RetriesExhausted",
                    "approximateInvokeCount": count,
                },
                "requestPayload": event.decode("utf-8", "replace"),
                "responseContext": {"statusCode": 200, "functionError": invoked.error_type},
                "responsePayload": invoked.answer.decode(),
            }
        )
