"""Asynchronous invocations: accepted at once, and tried again when they fail.

Sources: "Asynchronous invocation" and "Retry mechanism" in the Function Compute documentation.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from tests.sandbox.invoked import Invoked, ResourceExhausted

_MOST_RETRIES = 3
_SCALE = 0.02  # of the documented waits


class AsynchronousInvocations:
    """Runs each event until it succeeds, or its retries are used up."""

    def __init__(self, invoke: Callable[[bytes, str], Invoked]) -> None:
        self.failure_destination: list[Invoked] = []
        self._invoke = invoke
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
        failures = 0
        while True:
            try:
                invoked = self._invoke(event, request_id)
            except ResourceExhausted:
                time.sleep(0.5 * _SCALE)
                continue
            if invoked.error_type is None:
                return
            failures += 1
            if failures > _MOST_RETRIES:
                self.failure_destination.append(invoked)
                return
            time.sleep(2**failures * _SCALE)
