"""A thousand events in thousands of deliveries, while processes or the store die."""

from __future__ import annotations

import os
import random
import time

from tests.bench import page
from tests.sandbox.cams_gateway import CamsGateway
from tests.sandbox.redelivery import Outcome, deliver
from tests.sandbox.valkey import Valkey
from tests.test_redelivery import running

EVENTS = int(os.environ.get("EVENTS", "1000"))


def main() -> None:
    rows = []
    with Valkey() as valkey:
        for name, disturb in (("processes killed", _kill), ("Valkey paused and killed", _shake)):
            valkey.empty()
            outcome, times = disturb(valkey)
            rows.append((name, *_cells(outcome, times)))
            print(*rows[-1], outcome.failures, sep=" | ", flush=True)
    header = ["", "times", "events", "deliveries", "codes", "unknown", "sent twice", "lost"]
    page.write("never_twice.md", "redelivery", [*header, "wrong answers"], rows)


def _cells(outcome: Outcome, times: int) -> list[str]:
    figures = (times, outcome.events, outcome.deliveries, outcome.codes.total(), outcome.unknown)
    return [f"{figure:,}" for figure in figures] + [
        f"**{figure}**" for figure in (outcome.sent_twice, outcome.lost, outcome.wrong)
    ]


def _kill(valkey: Valkey) -> tuple[Outcome, int]:
    killed = 0
    with CamsGateway() as gateway, running(gateway, valkey, processes=8) as platform:

        def kill_one(turned: random.Random) -> None:
            nonlocal killed
            time.sleep(turned.uniform(0.05, 0.3))
            for instance in turned.sample(platform.instances, len(platform.instances))[:1]:
                instance.process.kill()
                killed += 1

        return deliver(platform, gateway, EVENTS, kill_one), killed


def _shake(valkey: Valkey) -> tuple[Outcome, int]:
    times = 0
    with CamsGateway() as gateway, running(gateway, valkey, processes=8) as platform:

        def shake(turned: random.Random) -> None:
            nonlocal times
            time.sleep(turned.uniform(0.5, 2.0))
            times += 1
            if times % 2:
                valkey.pause()
                time.sleep(turned.uniform(0.1, 1.5))
                valkey.resume()
            else:
                valkey.stop()
                time.sleep(turned.uniform(0.0, 1.0))
                valkey.start()

        return deliver(platform, gateway, EVENTS, shake), times


if __name__ == "__main__":
    main()
