"""Tens of thousands of spoilt events, and huge ones: what came of them."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from chatapp_code import triggers
from tests import hostile
from tests.bench import page
from tests.function_under_test import WITHOUT_PACING, FunctionUnderTest
from tests.sandbox.cams_gateway import CamsGateway
from tests.sandbox.function_compute import FunctionCompute
from tests.sandbox.http_event import http_event

EVENTS = int(os.environ.get("EVENTS", "20000"))
HUGE_BYTES = 32 * 1000 * 1000
FILLINGS = {
    "empty lists": b"[],",
    "objects": b'{"phone_number":0},',
    "texts": b'"a",',
    "nesting": b"[",
    "one number": b"0",
    "requests": b'{"phone_number": "+8613800001234"},',
}


def spoilt_events() -> list[list[str]]:
    """By the trigger that an event was taken for: what its results were."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    longest: defaultdict[str, float] = defaultdict(float)
    with pytest.MonkeyPatch.context() as patch, CamsGateway() as gateway:
        patch.setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
        gateway.calls_per_second = 1_000_000
        function = FunctionUnderTest(gateway, patch)

        @given(hostile.spoilt())
        @settings(
            max_examples=EVENTS // 2,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def deliver(event: bytes) -> None:
            source = triggers.recognise(event).source
            results, has_raised, seconds = hostile.check(function, event)
            counts[source]["events"] += 1
            counts[source]["raised"] += has_raised
            counts[source].update(result["sent"] for result in results)
            longest[source] = max(longest[source], seconds)

        for claims in ({}, {"CALLER_HEADER": "X-Claim-Sub", "CUST_SPACE_HEADER": "X-Claim-Space"}):
            function.set(ALLOWED_COUNTRIES="*,001", **claims)
            deliver()
        function.close()
    rows = []
    for source, count in sorted(counts.items()):
        figures = [f"{count[key]:,}" for key in ("events", "yes", "no", "raised")]
        rows.append([source, *figures, f"{longest[source] * 1000:.0f} ms"])
    total = sum(count["events"] for count in counts.values())
    rows.append(
        [
            "**all**",
            f"{total:,}",
            *(
                f"{sum(count[key] for count in counts.values()):,}"
                for key in ("yes", "no", "raised")
            ),
            f"{max(longest.values()) * 1000:.0f} ms",
        ]
    )
    return rows


def huge_events() -> list[list[str]]:
    """By what an event of 32 MB is full of: the answer, and the memory that the process took."""
    rows = []
    with CamsGateway() as gateway:
        environment = {
            "CAMS_ENDPOINT": gateway.endpoint,
            "CUST_SPACE_IDS": "cams-one",
            "ALLOWED_COUNTRIES": "CN",
            **WITHOUT_PACING,
        }
        for name, filling in FILLINGS.items():
            body = b"[" + filling * (HUGE_BYTES // len(filling))
            posted = http_event("POST", "/", [("Content-Type", "application/json")], body, "1")
            for way, event in (("directly", body), ("over HTTP", posted)):
                with FunctionCompute(environment) as platform:
                    gateway.accept(platform.credentials)
                    answer = json.loads(platform.invoke(event, "huge").answer)
                    (instance,) = platform.instances
                    status = Path(f"/proc/{instance.process.pid}/status").read_text()
                result = json.loads(answer["body"]) if "body" in answer else answer
                peak_kb = int(status.partition("VmHWM:")[2].split()[0])
                rows.append([f"{name}, {way}", result["code"], f"{peak_kb / 1000:.0f} MB"])
                print(*rows[-1], sep=" | ", flush=True)
    return rows


def main() -> None:
    rows = spoilt_events()
    for row in rows:
        print(*row, sep=" | ", flush=True)
    header = ["taken for", "events", "sent", "refused", "raised", "the longest"]
    page.write("reliability.md", "hostile input", header, rows)
    header = ["32 MB of", "answer", "peak memory"]
    page.write("reliability.md", "huge events", header, huge_events())


if __name__ == "__main__":
    main()
