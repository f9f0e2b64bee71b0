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

from tests.bench import page
from tests.sandbox.cams_gateway import Behaviour, CamsGateway, Handshake
from tests.sandbox.faults import FAULTS, OVER_TLS, TAKEN, Fault
from tests.support.function_under_test import FunctionUnderTest
from tests.support.valkey import Valkey
from verify_code import logs
from verify_code.events.event_source import CodeNotSentError

MOST_DELIVERIES = 4
NUMBERS = ("8613800000030", "8613800000031", "8613800000032")
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
        said, dead_letters = self._deliver(scenario, numbers, counts)
        codes = Counter(message.phone_number for message in gateway.messages)
        counts["asked"] += len(numbers)
        for number in numbers:
            sent, went_out = said.get(number, "nothing"), codes[number]
            counts["dead" if number in dead_letters else sent] += 1
            counts["codes"] += went_out
            counts["twice"] += went_out > 1
            counts["wrong"] += (sent == "yes" and not went_out) or (sent == "no" and went_out > 0)
            # A source takes what is returned for handled; a caller over HTTP can read it.
            is_told = scenario.reply == "HTTP" or sent in ("yes", "unknown")
            counts["lost"] += not is_told and number not in dead_letters

    def _deliver(
        self, scenario: Scenario, numbers: tuple[str, ...], counts: Counter[str]
    ) -> tuple[dict[str, str], tuple[str, ...]]:
        """What the last delivery said of each number; and what was dead-lettered after it."""
        self.names += 1
        said: dict[str, str] = {}
        for delivery in range(MOST_DELIVERIES):
            counts["again"] += delivery > 0
            try:
                results, has_raised = self._deliver_once(scenario.reply, numbers), False
            except CodeNotSentError as raised:
                content = json.loads(str(raised))
                results, has_raised = content.get("unsent", [content]), True
            self.function.gateway.handshake = self.function.handshake_after_sleep = "normal"
            said = {f"86138000000{each['phone_number'][-2:]}": each["sent"] for each in results}
            if not has_raised and not (scenario.reply == "HTTP" and results[0]["retryable"]):
                return said, ()
            self.function.turned_seconds += 60
        return said, numbers if scenario.reply != "HTTP" else ()

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
    if total["twice"] or total["lost"] or total["wrong"]:
        sys.exit("a code was sent twice, an event was lost, or an answer was wrong")


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
    "lost",
    "wrong answers",
]


def _cells(counts: Counter[str]) -> list[str]:
    plain = (
        f"{counts[key]:,}" for key in ("asked", "yes", "unknown", "no", "dead", "again", "codes")
    )
    return [*plain, *(f"**{counts[key]}**" for key in ("twice", "lost", "wrong"))]


if __name__ == "__main__":
    main()
