"""Requests in many deliveries, while processes or the store die, are frozen, or lose their keys."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable

from tests.bench import page
from tests.sandbox.cams_gateway import CamsGateway
from tests.sandbox.function_compute import FunctionCompute
from tests.support.disturbances import freeze_half, kill_one, pause, restart
from tests.support.platform import running
from tests.support.redelivery import Outcome, deliver
from tests.support.valkey import Valkey

EVENTS = int(os.environ.get("EVENTS", "300"))

#: Waits a while and disturbs; how often it did.
Disturb = Callable[[FunctionCompute, Valkey, CamsGateway, random.Random], int]


def main() -> None:
    rows, failed = [], False
    with Valkey() as valkey:
        for name, disturb in DISTURBANCES:
            valkey.empty()
            outcomes, times = _run(valkey, disturb)
            for outcome in outcomes.values():
                rows.append((name, f"{times:,}", *_cells(outcome)))
                failed |= bool(outcome.twice or outcome.lost or outcome.wrong)
                print(*rows[-1], outcome.failures, sep=" | ", flush=True)
    page.write("reliability.md", "redelivery", HEADER, rows)
    if failed:
        sys.exit("it was done twice, a request was lost, or an answer was wrong")


HEADER = [
    "",
    "disturbances",
    "asked for",
    "requests",
    "deliveries",
    "done",
    "unknown",
    "done twice",
]
HEADER += ["lost", "wrong answers"]


def _cells(outcome: Outcome) -> list[str]:
    answered = sum(map(len, outcome.answers.values()))
    changes_something = outcome.asked.operation.changes_something
    done = outcome.done.total() if changes_something else answered
    figures = (len(outcome.requests), outcome.deliveries, done, outcome.unknown)
    never = (outcome.twice, outcome.lost, outcome.wrong)
    return [
        outcome.asked.name,
        *(f"{figure:,}" for figure in figures),
        *(f"**{figure}**" for figure in never),
    ]


def _run(valkey: Valkey, disturb: Disturb) -> tuple[dict[str, Outcome], int]:
    times = 0
    with CamsGateway() as gateway, running(gateway, valkey, processes=8) as platform:

        def disturb_once(turned: random.Random) -> None:
            nonlocal times
            times += disturb(platform, valkey, gateway, turned)

        return deliver(platform, gateway, EVENTS, disturb_once), times


def _kill(platform: FunctionCompute, _: Valkey, __: CamsGateway, turned: random.Random) -> int:
    time.sleep(turned.uniform(0.1, 0.6))  # more often, two cores would do nothing but start
    return kill_one(platform, turned)


def _freeze(platform: FunctionCompute, _: Valkey, __: CamsGateway, turned: random.Random) -> int:
    return freeze_half(platform, turned, turned.uniform(0.1, 1.0))


def _time_out(platform: FunctionCompute, _: Valkey, __: CamsGateway, turned: random.Random) -> int:
    return freeze_half(platform, turned, platform.timeout_seconds + 0.5)


def _rotate(
    platform: FunctionCompute, _: Valkey, gateway: CamsGateway, turned: random.Random
) -> int:
    time.sleep(turned.uniform(0.05, 0.3))
    gateway.accept(platform.rotate_credentials())
    return 1


def _shake(_: FunctionCompute, valkey: Valkey, __: CamsGateway, turned: random.Random) -> int:
    time.sleep(turned.uniform(0.5, 2.0))
    turned.choice((pause, restart))(valkey, turned.uniform(0.0, 1.5))
    return 1


DISTURBANCES = (
    ("processes killed", _kill),
    ("processes frozen for up to 1 s", _freeze),
    ("processes frozen, and killed at their time-out", _time_out),
    ("credentials rotated, the old ones refused", _rotate),
    ("Valkey paused and killed", _shake),
)


if __name__ == "__main__":
    main()
