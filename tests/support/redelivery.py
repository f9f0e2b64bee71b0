"""Events that are delivered several times, by many, while something disturbs them.

Every delivery that fails comes again, as an event source does it, until the event is done.
"""

from __future__ import annotations

import contextlib
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
from tests.sandbox.function_compute import FunctionCompute
from tests.sandbox.invoked import ResourceExhausted
from tests.support.valkey import Valkey

#: How often an event comes again before it is given up to the dead-letter queue.
MOST_DELIVERIES = 60


@dataclass
class Outcome:
    """What became of the events."""

    events: int = 0
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
    platform: FunctionCompute,
    gateway: CamsGateway,
    events: int,
    disturb: Callable[[random.Random], None],
) -> Outcome:
    """Delivers each of so many events two to four times, as many at once as can be."""
    turned = random.Random(7)
    numbers = {f"86138{turned.randrange(10**8):08}" for _ in range(events)}
    copies = [number for number in sorted(numbers) for _ in range(turned.randint(2, 4))]
    turned.shuffle(copies)
    source = _Source(platform, copies)
    threads = [threading.Thread(target=source.work) for _ in range(platform.reserved_concurrency)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        disturb(turned)
    source.outcome.events = len(numbers)
    source.outcome.codes = Counter(message.phone_number for message in gateway.messages)
    return source.outcome


def kill_one(platform: FunctionCompute, turned: random.Random) -> int:
    """Kills a process, busy or not; how many there were to kill."""
    killed = turned.sample(platform.instances, len(platform.instances))[:1]
    for instance in killed:
        instance.process.kill()
    return len(killed)


def freeze_half(platform: FunctionCompute, turned: random.Random, seconds: float) -> int:
    """Freezes half of the processes, busy or not, for so long; how many."""
    frozen = turned.sample(platform.instances, len(platform.instances) // 2)
    for instance in frozen:
        instance.freeze()
    time.sleep(seconds)
    for instance in frozen:
        instance.thaw()
    return len(frozen)


def pause(valkey: Valkey, seconds: float) -> None:
    """Lets the store hang."""
    valkey.pause()
    time.sleep(seconds)
    valkey.resume()


def restart(valkey: Valkey, seconds: float) -> None:
    """Kills the store, and starts it again."""
    valkey.stop()
    time.sleep(seconds)
    valkey.start()


class _Source:
    def __init__(self, platform: FunctionCompute, copies: list[str]) -> None:
        self.outcome = Outcome()
        self._platform = platform
        self._left = len(copies)
        self._lock = threading.Lock()
        #: Each copy's event by its number, its order, and how often it came.
        self._waiting: queue.Queue[tuple[str, int, int]] = queue.Queue()
        for order, number in enumerate(copies):
            self._waiting.put((number, order, 1))

    def work(self) -> None:
        while self._left:
            with contextlib.suppress(queue.Empty):
                self._deliver(*self._waiting.get(timeout=0.05))

    def _deliver(self, number: str, order: int, count: int) -> None:
        said = _deliver_once(self._platform, number, f"{order}-{count}")
        with self._lock:
            self.outcome.deliveries += 1
            if isinstance(said, str):
                self.outcome.failures[said] += 1
            else:
                self.outcome.answers.setdefault(number, []).append(said)
            if isinstance(said, str) and count < MOST_DELIVERIES:
                again = (number, order, count + 1)
                threading.Timer(0.3, self._waiting.put, [again]).start()
            else:
                self._left -= 1


def _deliver_once(platform: FunctionCompute, number: str, request_id: str) -> dict[str, Any] | str:
    """The answer, or why there is none."""
    known = {"specversion": "1.0", "source": "redelivery", "id": number}
    event = {**known, "data": {"phone_number": f"+{number}"}}
    try:
        invoked = platform.invoke(json.dumps(event).encode(), request_id)
    except ResourceExhausted:
        return "ResourceExhausted"
    answer: dict[str, Any] = json.loads(invoked.answer)
    if invoked.error_type == "UnhandledInvocationError":
        return str(json.loads(answer["errorMessage"])["code"])
    return invoked.error_type or answer
