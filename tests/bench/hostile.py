"""Tens of thousands of spoilt events, and huge ones: what came of them."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from itertools import product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.bench import page
from tests.sandbox.cams_gateway import CamsGateway
from tests.sandbox.function_compute import FunctionCompute
from tests.sandbox.http_event import http_event
from tests.support import hostile, judge
from tests.support.function_under_test import WITHOUT_PACING, FunctionUnderTest
from verify_code import events

EVENTS = int(os.environ.get("EVENTS", "8000"))
#: The operations that are enabled, and are callers told apart.
WAYS = tuple(product(("send", "send,status,verify"), (False, True)))
#: The largest that is read, and the platform's most.
SIZES_BYTES = {"4 MB": events.MAX_EVENT_BYTES - 1000, "32 MB": 32_000_000}
FIGURES = {
    "events": "events",
    "send": "codes sent",
    "verify": "registered",
    "status": "statuses asked for",
    "raised": "raised",
}
FILLINGS = {
    "empty lists": b"[],",
    "objects": b'{"phone_number":0},',
    "texts": b'"a",',
    "long texts with a wide character": b'"%s%s",' % ("\U0001f600".encode(), b"x" * 1000),
    "nesting": b"[",
    "one number": b"0",
    "requests": b'{"phone_number": "+8613800001234"},',
}


def spoilt_events() -> list[list[str]]:
    """By the trigger that an event was taken for: what came of it."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    refusals: defaultdict[str, Counter[str]] = defaultdict(Counter)
    longest: defaultdict[str, float] = defaultdict(float)
    with pytest.MonkeyPatch.context() as patch, CamsGateway() as gateway:
        patch.setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
        function = FunctionUnderTest(gateway, patch)

        @given(hostile.spoilt())
        @settings(
            max_examples=EVENTS // len(WAYS),
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def deliver(event: bytes) -> None:
            source = events.recognise(event).source
            outcome = judge.judge(
                function, event, operations=operations, are_callers_told=are_callers_told
            )
            counts[source]["events"] += 1
            counts[source]["raised"] += outcome.has_raised
            for name, numbers in outcome.done.items():
                counts[source][name] += numbers.total()
            counts[source]["status"] += "status" in outcome.called
            refused = (result["code"] for result in outcome.results if judge.is_refused(result))
            refusals[source].update(refused)
            longest[source] = max(longest[source], outcome.seconds)

        for operations, are_callers_told in WAYS:
            claims = judge.CLAIMS if are_callers_told else {}
            judge.make_ready(function, operations=operations, **claims)
            deliver()
        function.close()
    rows = [
        _row(source, count, refusals[source], longest[source])
        for source, count in sorted(counts.items())
    ]
    every: Counter[str] = sum(counts.values(), Counter())
    return [*rows, _row("**all**", every, sum(refusals.values(), Counter()), max(longest.values()))]


def _row(name: str, count: Counter[str], refused: Counter[str], seconds: float) -> list[str]:
    codes = ", ".join(f"{code} {times:,}" for code, times in refused.most_common())
    figures = [f"{count[key]:,}" for key in FIGURES]
    return [name, *figures, f"{seconds * 1000:.0f} ms", codes or "none"]


def huge_events() -> list[list[str]]:
    """By the size of an event and what it is full of: the answer, and the memory it took."""
    rows = []
    with CamsGateway() as gateway:
        environment = {
            "CAMS_ENDPOINT": gateway.endpoint,
            "CUST_SPACE_IDS": "cams-one",
            "ALLOWED_COUNTRIES": "CN",
            **WITHOUT_PACING,
        }
        for (name, filling), (size, size_bytes) in product(FILLINGS.items(), SIZES_BYTES.items()):
            body = b"[" + filling * (size_bytes // len(filling)) + b"0]"
            posted = http_event("POST", "/", [("Content-Type", "application/json")], body, "1")
            for way, event in (("directly", body), ("over HTTP", posted)):
                with FunctionCompute(environment) as platform:
                    gateway.accept(platform.credentials)
                    invoked = platform.invoke(event, "huge")
                    (instance,) = platform.instances
                    status = Path(f"/proc/{instance.process.pid}/status").read_text()
                answer = json.loads(invoked.answer)
                # What an event source is to deliver again comes as the exception's text.
                answer = json.loads(answer["errorMessage"]) if invoked.error_type else answer
                (code,) = {result["code"] for result in judge.results_of(answer)}
                peak_kb = int(status.partition("VmHWM:")[2].split()[0])
                how = "raised" if invoked.error_type else "returned"
                tried, peak = f"{size} of {name}, {way}", f"{peak_kb / 1000:.0f} MB"
                rows.append([tried, f"{code}, {how}", peak])
                print(*rows[-1], sep=" | ", flush=True)
    most = max((peak for *_, peak in rows), key=lambda peak: int(peak.split()[0]))
    return [
        *rows,
        [
            "**all**",
            " or ".join({answer.split(",")[0] for _, answer, _ in rows}),
            f"{most} at most",
        ],
    ]


def main() -> None:
    rows = spoilt_events()
    for row in rows:
        print(*row, sep=" | ", flush=True)
    header = ["taken for", *FIGURES.values(), "the longest", "refused, by code"]
    page.write("reliability.md", "hostile input", header, rows)
    header = ["event", "answer", "peak memory"]
    page.write("reliability.md", "huge events", header, huge_events())


if __name__ == "__main__":
    main()
