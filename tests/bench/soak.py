"""Thousands of mixed requests back to back in one warm instance: does anything grow?

With a shared store, so that what the instance itself remembers doesn't hide it.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.bench import page
from tests.sandbox.cams_gateway import Behaviour, CamsGateway
from tests.sandbox.function_compute import ROOT, FunctionCompute
from tests.sandbox.http_event import http_event
from tests.support.function_under_test import WITHOUT_LIMITS
from tests.support.valkey import Valkey
from verify_code.locales import DOCUMENTED_CODES

REQUESTS = int(os.environ.get("REQUESTS", "5000"))
PARTS = 5

#: More than that, from the third fifth to the last, is a leak.
MOST_GROWTH_BYTES = 1024 * 1024

RECORDED = [path.read_bytes() for path in sorted((ROOT / "tests" / "events").iterdir())]
LOCALES = (*DOCUMENTED_CODES, "pt-AO", "zh-Hant-MO", "en-SG", "sr-Latn", "not a locale", "x-own")
BEHAVIOURS = (
    *[Behaviour(takes_effect=True)] * 6,
    Behaviour.says(400, Code="Failed", Message="no"),
    Behaviour.says(503, Code="ServiceUnavailable"),
    Behaviour(400, b'{"Code": "Throttling.User"}', {"x-acs-retry-after": "1"}),
    Behaviour(502, b"<html>"),
    Behaviour(fault="close", takes_effect=True),
    Behaviour(fault="reset"),
)


class Part(NamedTuple):
    milliseconds: list[float]
    resident_bytes: int
    descriptors: int
    codes: int


def event(turned: random.Random) -> bytes:
    """A request over HTTP, directly or as a CloudEvent, valid or not; or a recorded event."""
    if turned.random() < 0.2:
        return turned.choice(RECORDED)
    number = turned.choice(
        (f"+86138{turned.randrange(10**8):08}", f"+658{turned.randrange(10**7):07}")
    )
    request = {
        "phone_number": number[: turned.choice((20, 20, 20, 7))],
        "method": turned.choice(("sms", "voice", "SMS", "post")),
        "locale": turned.choice(LOCALES),
    }
    body = json.dumps(request).encode()
    kind = turned.randrange(3)
    if kind == 0:
        return http_event("POST", "/", [("Content-Type", "application/json")], body, "http")
    if kind == 1:
        return body
    known = {"specversion": "1.0", "source": "soak", "id": str(turned.random())}
    return json.dumps({**known, "data": request}).encode()


def soak(platform: FunctionCompute, gateway: CamsGateway) -> list[Part]:
    turned, parts = random.Random(7), []
    for part in range(PARTS):
        milliseconds = []
        for number in range(REQUESTS // PARTS):
            gateway.behaviours.clear()
            gateway.will(turned.choice(BEHAVIOURS))
            asked, began = event(turned), time.perf_counter()
            platform.invoke(asked, f"soak-{part}-{number}")
            milliseconds.append((time.perf_counter() - began) * 1000)
        (instance,) = platform.instances
        status = Path(f"/proc/{instance.process.pid}/status").read_text()
        resident = int(status.partition("VmRSS:")[2].split()[0]) * 1024
        descriptors = len(list(Path(f"/proc/{instance.process.pid}/fd").iterdir()))
        parts.append(Part(milliseconds, resident, descriptors, len(gateway.messages)))
        platform.log_lines.clear()
    return parts


def main() -> None:
    environment = {
        "CUST_SPACE_IDS": "cams-one",
        "ALLOWED_COUNTRIES": "*",
        "MAX_CALLS_PER_SECOND": "9999",
        "STORE_SECRET": "s" * 32,
        **WITHOUT_LIMITS,
    }
    with CamsGateway() as gateway, Valkey() as valkey:
        environment["STORE_URL"] = valkey.url
        gateway.calls_per_second = 100_000
        environment["CAMS_ENDPOINT"] = gateway.endpoint
        with FunctionCompute(environment, reserved_concurrency=1) as platform:
            gateway.accept(platform.credentials)
            parts = soak(platform, gateway)
    rows = []
    for number, part in enumerate(parts):
        each = REQUESTS // PARTS
        latency = statistics.quantiles(part.milliseconds, n=100)
        rows.append(
            [
                f"{number * each + 1:,} to {(number + 1) * each:,}",
                f"{part.resident_bytes / 1e6:.1f} MB",
                str(part.descriptors),
                f"{latency[49]:.1f} ms",
                f"{latency[98]:.1f} ms",
            ]
        )
        print(*rows[-1], sep=" | ", flush=True)
    rows.append(["**all**", *map(_from_to, list(zip(*rows, strict=True))[1:])])
    header = ["requests", "memory after them", "open files", "median", "99th percentile"]
    page.write("reliability.md", "soak", header, rows)
    growth = parts[-1].resident_bytes - parts[2].resident_bytes
    if growth > MOST_GROWTH_BYTES or parts[-1].descriptors > parts[0].descriptors:
        sys.exit(f"something grows: {growth} bytes, {parts[-1].descriptors} open files")


def _from_to(cells: Sequence[str]) -> str:
    """The least and the most of figures with one unit."""
    figures = sorted({float(cell.split()[0]): cell for cell in cells}.items())
    (_, least), (_, most) = figures[0], figures[-1]
    return most if least == most else f"{least.split()[0]} to {most}"


if __name__ == "__main__":
    main()
