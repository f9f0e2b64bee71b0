"""Every fault of the gateway, at each try, by each kind of reply, with both stores.

What is asked for comes again as its source would bring it: an app asks again where it is told to,
an event that raised is delivered up to three times more and then dead-lettered. The fault is over
after the first delivery.
"""

from __future__ import annotations

import itertools
import json
import ssl
import sys
import tempfile
from collections import Counter
from typing import Any, NamedTuple

import pytest
import trustme

from chatapp_code import logs
from chatapp_code.triggers.event_source import NotSent
from tests.bench import page
from tests.function_under_test import FunctionUnderTest
from tests.sandbox.cams_gateway import Behaviour, CamsGateway, Handshake
from tests.sandbox.faults import FAULTS, OVER_TLS, TAKEN, Fault
from tests.sandbox.valkey import Valkey

MOST_DELIVERIES = 4
NUMBERS = ("8613800001230", "8613800001231", "8613800001232")
THROTTLED = Behaviour(
    400, b'{"Code": "Throttling.User", "Message": "slow"}', {"Connection": "close"}
)


class Scenario(NamedTuple):
    fault: Fault
    at_retry: bool
    reply: str
    store: str


class Function(FunctionUnderTest):
    """Between two tries the handshake may turn bad."""

    handshake_after_sleep: Handshake = "normal"

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.gateway.handshake = self.handshake_after_sleep


class Matrix:
    """Runs scenarios, and counts by the kind of fault what came of them."""

    def __init__(self, function: Function, valkey: Valkey) -> None:
        self.function = function
        self.valkey = valkey
        self.counts: dict[str, Counter[str]] = {}
        self.names = 0

    def run(self, scenario: Scenario) -> None:
        gateway, counts = (
            self.function.gateway,
            self.counts.setdefault(scenario.fault.kind, Counter()),
        )
        self.function.set(STORE_URL=self.valkey.url if scenario.store == "Valkey" else "memory://")
        self.valkey.empty()
        gateway.messages.clear()
        gateway.behaviours.clear()
        self.function.handshake_after_sleep = scenario.fault.handshake
        gateway.handshake = "normal" if scenario.at_retry else scenario.fault.handshake
        is_batch = scenario.reply == "batch"
        gateway.will(*[TAKEN] * is_batch, *[THROTTLED] * scenario.at_retry)
        gateway.will(scenario.fault.behaviour, *[TAKEN] * is_batch)
        numbers = NUMBERS if is_batch else NUMBERS[:1]
        said = self._deliver(scenario, numbers, counts)
        codes = Counter(message.phone_number for message in gateway.messages)
        counts["asked"] += len(numbers)
        for number in numbers:
            sent = said.get(number, "dead")
            counts[sent] += 1
            counts["codes"] += codes[number]
            counts["twice"] += codes[number] > 1
            counts["wrong"] += (sent == "yes") > codes[number] or (
                sent == "no" and codes[number] > 0
            )
            counts["wrong"] += sent == "dead" and codes[number] > 0 and not is_batch

    def _deliver(
        self, scenario: Scenario, numbers: tuple[str, ...], counts: Counter[str]
    ) -> dict[str, str]:
        """What the last delivery said of each number; nothing of those that were dead-lettered."""
        self.names += 1
        for delivery in range(MOST_DELIVERIES):
            counts["again"] += delivery > 0
            try:
                results = self._deliver_once(scenario.reply, numbers)
            except NotSent:
                results = []
            self.function.gateway.handshake = self.function.handshake_after_sleep = "normal"
            if results and not (scenario.reply == "HTTP" and results[0]["retryable"]):
                break
            self.function.turned_seconds += 60
        return {n: result["sent"] for n, result in zip(numbers, results, strict=False)}

    def _deliver_once(self, reply: str, numbers: tuple[str, ...]) -> list[dict[str, Any]]:
        if reply == "HTTP":
            headers = {"Content-Type": "application/json", "Idempotency-Key": str(self.names)}
            return [self.function.post({"phone_number": f"+{numbers[0]}"}, headers=headers).result]
        events = [
            {
                "specversion": "1.0",
                "source": "bench",
                "id": f"{self.names}-{number}",
                "data": {"phone_number": f"+{number}"},
            }
            for number in numbers
        ]
        answer = self.function.handle(
            json.dumps(events if reply == "batch" else events[0]).encode()
        )
        return answer if reply == "batch" else [answer]


def main() -> None:
    authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    with (
        tempfile.NamedTemporaryFile() as ca_file,
        pytest.MonkeyPatch.context() as patch,
        Valkey() as valkey,
        CamsGateway(tls) as gateway,
    ):
        authority.cert_pem.write_to_path(ca_file.name)
        patch.setenv("SSL_CERT_FILE", ca_file.name)
        patch.setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
        patch.setattr(logs, "write", lambda *_, **__: None)
        gateway.calls_per_second = 100_000
        function = Function(gateway, patch)
        function.set(
            STORE_SECRET="s" * 32,
            CONNECT_TIMEOUT_SECONDS="0.2",
            READ_TIMEOUT_SECONDS="0.2",
            MAX_CALLS_PER_SECOND="99999",
        )
        matrix = Matrix(function, valkey)
        for scenario in itertools.starmap(
            Scenario,
            itertools.product(
                (*OVER_TLS, *FAULTS),
                (False, True),
                ("HTTP", "event", "batch"),
                ("memory", "Valkey"),
            ),
        ):
            matrix.run(scenario)
        function.close()
        gateway.released.set()
    rows = []
    total: Counter[str] = Counter()
    for kind, counts in matrix.counts.items():
        total.update(counts)
        rows.append([kind, *_cells(counts)])
        print(*rows[-1], sep=" | ", flush=True)
    rows.append(["**all**", *_cells(total)])
    page.write("reliability.md", "faults", HEADER, rows)
    if total["twice"] or total["wrong"]:
        sys.exit("a code was sent twice, or an answer was wrong")


HEADER = [
    "the fault",
    "requests",
    "yes",
    "unknown",
    "no",
    "dead-lettered",
    "delivered again",
    "codes",
    "sent twice",
    "wrong or lost",
]


def _cells(counts: Counter[str]) -> list[str]:
    plain = (
        f"{counts[key]:,}" for key in ("asked", "yes", "unknown", "no", "dead", "again", "codes")
    )
    return [*plain, f"**{counts['twice']}**", f"**{counts['wrong']}**"]


if __name__ == "__main__":
    main()
