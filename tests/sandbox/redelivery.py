"""Events that are delivered several times, by many, while something disturbs them.

Every delivery that fails comes again, as an event source does it, until the event is done.
"""

from __future__ import annotations

import json
import queue
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.sandbox.cams_gateway import CamsGateway
from tests.sandbox.delivery import Platform
from tests.sandbox.invoked import Invoked, ResourceExhausted

#: How often an event comes again before it is given up to the dead-letter queue.
MOST_DELIVERIES = 60


@dataclass
class Outcome:
    """What became of the events."""

    events: int
    deliveries: int = 0
    #: What each event's deliveries came to, by its number.
    answers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)

    @property
    def sent_twice(self) -> int:
        return sum(1 for count in self.codes.values() if count > 1)

    @property
    def lost(self) -> int:
        """Events that nobody answers for."""
        return self.events - len(self.answers)

    @property
    def wrong(self) -> int:
        """Events whose answers don't agree with the codes that went out, or with each other."""
        return sum(1 for number, answers in self.answers.items() if not self._fits(number, answers))

    @property
    def unknown(self) -> int:
        return sum(1 for answers in self.answers.values() if answers[0]["sent"] == "unknown")

    def _fits(self, number: str, answers: list[dict[str, Any]]) -> bool:
        said = {answer["sent"] for answer in answers}
        calls = sum(1 for answer in answers if not answer["replayed"])
        # Unknown may follow yes, where the store was gone when that was to be kept.
        return calls <= 1 and "no" not in said and ("yes" not in said or self.codes[number] == 1)


def deliver(
    platform: Platform,
    gateway: CamsGateway,
    events: int,
    disturb: Callable[[random.Random], None],
    seed: int = 7,
) -> Outcome:
    """Delivers each of so many events two to four times, eight at once, while it disturbs."""
    turned = random.Random(seed)
    numbers = [f"86138{turned.randrange(10**8):08}" for _ in range(events)]
    outcome = Outcome(len(set(numbers)))
    waiting: queue.PriorityQueue[tuple[float, int, str, int]] = queue.PriorityQueue()
    copies = [number for number in set(numbers) for _ in range(turned.randint(2, 4))]
    turned.shuffle(copies)
    for order, number in enumerate(copies):
        waiting.put((0.0, order, number, 1))
    left = threading.Semaphore(0)
    lock = threading.Lock()
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            try:
                due, order, number, count = waiting.get(timeout=0.05)
            except queue.Empty:
                continue
            if (wait := due - time.monotonic()) > 0:
                waiting.put((due, order, number, count))
                time.sleep(min(wait, 0.05))
                continue
            failure, answer = _deliver_once(platform, number, f"{order}-{count}")
            with lock:
                outcome.deliveries += 1
                if answer:
                    outcome.answers.setdefault(number, []).append(answer)
                else:
                    outcome.failures[failure] += 1
            if answer or count == MOST_DELIVERIES:
                left.release()
            else:
                waiting.put((time.monotonic() + 0.3, order, number, count + 1))

    def disturb_on() -> None:
        while not done.is_set():
            disturb(turned)

    threads = [threading.Thread(target=work) for _ in range(8)]
    threads.append(threading.Thread(target=disturb_on))
    for thread in threads:
        thread.start()
    for _ in copies:
        left.acquire()
    done.set()
    for thread in threads:
        thread.join()
    outcome.codes = Counter(message.phone_number for message in gateway.messages)
    return outcome


def _deliver_once(
    platform: Platform, number: str, request_id: str
) -> tuple[str, dict[str, Any] | None]:
    event = {
        "specversion": "1.0",
        "source": "redelivery",
        "id": number,
        "data": {"phone_number": f"+{number}"},
    }
    try:
        invoked = platform.invoke(json.dumps(event).encode(), request_id)
    except ResourceExhausted:
        invoked = Invoked(b"", "ResourceExhausted")
    if invoked.error_type is None:
        return "", json.loads(invoked.answer)
    if invoked.error_type == "UnhandledInvocationError":
        raised = json.loads(json.loads(invoked.answer)["errorMessage"])
        return str(raised["code"]), None
    return invoked.error_type, None
