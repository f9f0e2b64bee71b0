"""Requests that come several times, by many, while something disturbs them.

Every delivery that fails comes again, as an event source or an app does it, until it is answered.
"""

from __future__ import annotations

import json
import queue
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.sandbox.cams_gateway import CamsGateway
from tests.sandbox.function_compute import FunctionCompute
from tests.sandbox.invoked import ResourceExhausted
from tests.sandbox.numbers import Numbers
from tests.support.asked import ALL_OPERATIONS, ASKING_FOR_STATUS, SENDING, VERIFYING, Asked

#: How often a request comes again before it is given up.
MOST_DELIVERIES = 60

#: The code of the API's refusal of a wrong code.
WRONG_CODE = "ERR-FB-001"


class Request(NamedTuple):
    """One request, however often it comes."""

    asked: Asked
    way: str
    number: str
    code: str = ""
    #: What its answers must say, unless it is unknown.
    expected: str = "yes"


@dataclass
class Outcome:
    """What became of the requests for one operation."""

    asked: Asked
    requests: dict[str, Request] = field(default_factory=dict)
    deliveries: int = 0
    #: What each request's deliveries came to, by its number.
    answers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)
    #: By number: how often the API was asked to do it, and how often it was done.
    calls: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)

    @property
    def twice(self) -> int:
        """Numbers for which the API was asked twice."""
        return sum(1 for count in self.calls.values() if count > 1)

    @property
    def lost(self) -> int:
        """Requests that nobody answers for."""
        return len(self.requests) - len(self.answers)

    @property
    def wrong(self) -> int:
        """Requests whose answers don't agree with what was done, or with each other.

        It is wrong, too, what was done for a number that nobody had named.
        """
        strangers = len(self.calls.keys() - self.requests.keys())
        return strangers + sum(not self._fits(number) for number in self.answers)

    @property
    def unknown(self) -> int:
        """Requests of which nobody knows whether they were done."""
        return sum(self._said(number)[0] == "unknown" for number in self.answers)

    def _said(self, number: str) -> list[str]:
        return [self.asked.outcome(answer) for answer in self.answers[number]]

    def _fits(self, number: str) -> bool:
        answers, said = self.answers[number], set(self._said(number))
        if not self.asked.operation.changes_something:
            return all(answer["is_true"] for answer in answers)
        expected, done = self.requests[number].expected, self.done[number]
        calls = sum(1 for answer in answers if not answer["replayed"])
        # Unknown may follow yes, where the store was gone when that was to be kept.
        return (
            calls <= 1
            and said <= {expected, "unknown"}
            and done <= (expected == "yes")
            and (expected not in said or done == (expected == "yes"))
        )


class _CountingNumbers(Numbers):
    """Counts by number how often the API was asked for a code, and was given one."""

    def __init__(self) -> None:
        super().__init__(time.monotonic)
        self.calls: dict[str, Counter[str]] = {"send": Counter(), "verify": Counter()}

    def new_code(self, phone_number: str) -> str:
        self.calls["send"][phone_number] += 1
        return super().new_code(phone_number)

    def register(self, phone_number: str, code: str) -> None:
        self.calls["verify"][phone_number] += 1
        super().register(phone_number, code)


def deliver(
    platform: FunctionCompute,
    gateway: CamsGateway,
    count: int,
    disturb: Callable[[random.Random], None],
) -> dict[str, Outcome]:
    """Delivers so many requests, as many at once as can be; those that change something two to
    four times. Returns what became of them, by operation.
    """
    platform.environment |= ALL_OPERATIONS
    turned = random.Random(7)
    gateway.numbers = numbers = _CountingNumbers()
    requests = _requests(count, numbers, turned)
    outcomes = {asked.name: Outcome(asked) for asked in (SENDING, VERIFYING, ASKING_FOR_STATUS)}
    copies = []
    for request in requests:
        outcomes[request.asked.name].requests[request.number] = request
        is_repeated = request.asked.operation.changes_something
        copies += [request] * (turned.randint(2, 4) if is_repeated else 1)
    turned.shuffle(copies)
    source = _Source(platform, gateway, copies, outcomes)
    threads = [threading.Thread(target=source.work) for _ in range(platform.reserved_concurrency)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        disturb(turned)
    for name, calls in numbers.calls.items():
        outcomes[name].calls = calls
        outcomes[name].done = Counter(outcomes[name].asked.done(gateway))
    return outcomes


def _requests(count: int, numbers: _CountingNumbers, turned: random.Random) -> list[Request]:
    """Two fifths ask for a code, two fifths hand one in, and one fifth asks for the status."""
    share = count // 5
    named = turned.sample([f"86138{each:08}" for each in range(0, 10**8, 9973)], 4 * share)
    requests = [Request(SENDING, "event", number) for number in named[: 2 * share]]
    for order, number in enumerate(named[2 * share :]):
        way, code, expected = turned.choice(VERIFYING.ways), numbers.new_code(number), "yes"
        if order % 5 == 0:
            code, expected = f"{(int(code) + 1) % 10**6:06}", "no"
        requests.append(Request(VERIFYING, way, number, code, expected))
        if order < share:
            way = turned.choice(ASKING_FOR_STATUS.ways)
            requests.append(Request(ASKING_FOR_STATUS, way, number))
    numbers.calls["send"].clear()
    return requests


class _Source:
    def __init__(
        self,
        platform: FunctionCompute,
        gateway: CamsGateway,
        copies: list[Request],
        outcomes: dict[str, Outcome],
    ) -> None:
        self._platform = platform
        self._gateway = gateway
        self._outcomes = outcomes
        self._left = len(copies)
        self._lock = threading.Lock()
        #: Each copy's request, its order, and how often it came.
        self._waiting: queue.Queue[tuple[Request, int, int]] = queue.Queue()
        for order, request in enumerate(copies):
            self._waiting.put((request, order, 1))

    def work(self) -> None:
        while self._left:
            with suppress(queue.Empty):
                self._deliver(*self._waiting.get(timeout=0.05))

    def _deliver(self, request: Request, order: int, count: int) -> None:
        was_registered = self._is_registered(request.number)
        said = _deliver_once(self._platform, request, f"{order}-{count}")
        outcome = self._outcomes[request.asked.name]
        with self._lock:
            outcome.deliveries += 1
            if isinstance(said, str):
                outcome.failures[said] += 1
            else:
                if request.asked is ASKING_FOR_STATUS:
                    may_be = (was_registered, self._is_registered(request.number))
                    said["is_true"] = (said["verification_status"] == "VERIFIED") in may_be
                outcome.answers.setdefault(request.number, []).append(said)
            if isinstance(said, str) and count < MOST_DELIVERIES:
                again = (request, order, count + 1)
                threading.Timer(0.3, self._waiting.put, [again]).start()
            else:
                self._left -= 1

    def _is_registered(self, number: str) -> bool:
        return any(each.phone_number == number for each in tuple(self._gateway.registrations))


def _deliver_once(
    platform: FunctionCompute, request: Request, request_id: str
) -> dict[str, Any] | str:
    """The answer, or why there is none, so that it is delivered again."""
    event = request.asked.event(request.way, request.number, request.number, request.code)
    try:
        invoked = platform.invoke(event, request_id)
    except ResourceExhausted:
        return "ResourceExhausted"
    answer: dict[str, Any] = json.loads(invoked.answer)
    if invoked.error_type == "UnhandledInvocationError":
        return str(json.loads(answer["errorMessage"])["code"])
    if invoked.error_type:
        return invoked.error_type
    result = json.loads(answer["body"]) if request.way == "HTTP" else answer
    is_done = request.asked.outcome(result) != "no" or result["code"] == WRONG_CODE
    return result if is_done else str(result["code"])
