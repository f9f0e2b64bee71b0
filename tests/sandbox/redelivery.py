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
from tests.sandbox.function_compute import FunctionCompute
from tests.sandbox.invoked import Invoked, ResourceExhausted
from tests.sandbox.valkey import Valkey

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
    seed: int = 7,
) -> Outcome:
    """Delivers each of so many events two to four times, as many at once as can be."""
    turned = random.Random(seed)
    numbers = {f"86138{turned.randrange(10**8):08}" for _ in range(events)}
    copies = [number for number in sorted(numbers) for _ in range(turned.randint(2, 4))]
    turned.shuffle(copies)
    source = _Source(platform, copies)
    threads = [threading.Thread(target=source.work) for _ in range(platform.reserved_concurrency)]
    threads.append(threading.Thread(target=source.until_done, args=(disturb, turned)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
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
        #: When each is due, its order, its event's number, and how often it came.
        self._waiting: queue.PriorityQueue[tuple[float, int, str, int]] = queue.PriorityQueue()
        for order, number in enumerate(copies):
            self._waiting.put((0.0, order, number, 1))

    def until_done(self, disturb: Callable[[random.Random], None], turned: random.Random) -> None:
        while self._left:
            disturb(turned)

    def work(self) -> None:
        while self._left:
            try:
                due, order, number, count = self._waiting.get(timeout=0.05)
            except queue.Empty:
                continue
            if (wait := due - time.monotonic()) > 0:
                self._waiting.put((due, order, number, count))
                time.sleep(min(wait, 0.05))
                continue
            failure, answer = _deliver_once(self._platform, number, f"{order}-{count}")
            with self._lock:
                self.outcome.deliveries += 1
                if answer:
                    self.outcome.answers.setdefault(number, []).append(answer)
                else:
                    self.outcome.failures[failure] += 1
                if answer or count == MOST_DELIVERIES:
                    self._left -= 1
                else:
                    self._waiting.put((time.monotonic() + 0.3, order, number, count + 1))


def _deliver_once(
    platform: FunctionCompute, number: str, request_id: str
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
