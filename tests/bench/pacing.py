"""Floods the function with many more callers than the quota, and counts at the gateway.

Side by side in one run: this package without a store, with one, and with one and 16 instances; a
plain handler under the platform's cap alone; two limiter libraries at "10 per second". The gateway
is reached over TLS through a network with random delays, and counts exact sliding seconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

import trustme

from tests.bench import page
from tests.bench.picture import Panel, draw
from tests.sandbox.cams_api import CALLS_PER_SECOND
from tests.sandbox.cams_gateway import CamsGateway
from tests.sandbox.function_compute import ROOT, FunctionCompute
from tests.sandbox.invoked import ResourceExhausted
from tests.support.function_under_test import WITHOUT_LIMITS
from tests.support.valkey import Valkey

CALLS = int(os.environ.get("CALLS", "2000"))
MOST_DELAY_SECONDS = 0.1
CALLERS = 40
HANDLERS = ROOT / "tests" / "bench" / "handlers"
_REFUSALS = ("QuotaExhausted", "RateLimited")
EVENT = b'{"phone_number": "+8613800001234"}'


@dataclass(frozen=True)
class Contender:
    name: str
    calls: int
    instances: int = 9
    handler: str | None = None
    with_store: bool = False


CONTENDERS = (
    Contender("this package", CALLS),
    Contender("this package, Valkey", CALLS, with_store=True),
    Contender("this package, Valkey, 16 instances", CALLS, instances=16, with_store=True),
    Contender("plain handler, cap of 9", CALLS // 4, handler="plain.handler"),
    Contender("limits, moving window", CALLS // 4, handler="with_limits.handler"),
    Contender("throttled-py, token bucket", CALLS // 4, handler="with_throttled.handler"),
)


@dataclass
class Outcome:
    contender: Contender
    call_times: list[float]
    throttled: int
    worst_second: int
    answers: dict[str, list[float]] = field(default_factory=dict)

    @property
    def calls_a_second(self) -> float:
        return (len(self.call_times) - 1) / (self.call_times[-1] - self.call_times[0])

    @property
    def cells(self) -> list[str]:
        in_all = sum(map(len, self.answers.values()))
        refused = in_all - len(self.answers.get("OK", []))
        own = [t for code, times in self.answers.items() if code in _REFUSALS for t in times]
        return [
            self.contender.name,
            f"{len(self.call_times):,}",
            f"{self.calls_a_second:.2f}",
            f"**{self.worst_second}**",
            f"{self.throttled:,}",
            f"{refused / in_all:.0%}",
            f"{statistics.median(own) * 1000:.0f} ms" if own else "none",
        ]


def run(contender: Contender, valkey: Valkey, tls: ssl.SSLContext, ca_file: str) -> Outcome:
    valkey.empty()
    with CamsGateway(tls=tls) as gateway, _delays(gateway) as port:
        environment = {
            "CAMS_ENDPOINT": f"127.0.0.1:{port}",
            "CUST_SPACE_IDS": "cams-one",
            "ALLOWED_COUNTRIES": "CN",
            **WITHOUT_LIMITS,
            "RESERVED_CONCURRENCY": str(contender.instances),
            "SSL_CERT_FILE": ca_file,
            "REQUESTS_CA_BUNDLE": ca_file,
            "LIMITER_URL": valkey.url,
        }
        if contender.with_store:
            environment |= {"STORE_URL": valkey.url, "STORE_SECRET": "x" * 32}
        with FunctionCompute(
            environment,
            code_directory=HANDLERS if contender.handler else ROOT / "function",
            handler=contender.handler or "index.handler",
            initializer=None if contender.handler else "index.initialize",
            runtime="python3.12",  # which has the credentials in the environment
            reserved_concurrency=contender.instances,
        ) as platform:
            gateway.accept(platform.credentials)
            _start_instances(platform)
            outcome = Outcome(contender, gateway.call_times, 0, 0)
            _flood(platform, gateway, contender.calls, outcome)
        outcome.throttled = gateway.throttled
        outcome.worst_second = gateway.worst_second()
    return outcome


def _start_instances(platform: FunctionCompute) -> None:
    """Starts all instances by requests that are refused, so that no cold start is measured."""

    def start() -> None:
        with contextlib.suppress(ResourceExhausted):
            platform.invoke(b"{}", "start")

    starters = [threading.Thread(target=start) for _ in range(platform.reserved_concurrency)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()


def _flood(platform: FunctionCompute, gateway: CamsGateway, calls: int, outcome: Outcome) -> None:
    def keep_asking() -> None:
        while len(gateway.call_times) < calls:
            began = time.monotonic()
            try:
                answer = platform.invoke(EVENT, str(uuid.uuid4())).answer
                code = json.loads(answer).get("code") or "Failed"
            except ResourceExhausted:
                code = "ResourceExhausted"
            outcome.answers.setdefault(code, []).append(time.monotonic() - began)
            if code != "OK":
                time.sleep(random.uniform(0, 0.2))

    callers = [threading.Thread(target=keep_asking) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()


@contextlib.contextmanager
def _delays(gateway: CamsGateway) -> Iterator[int]:
    port = gateway.endpoint.rpartition(":")[2]
    proxy = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.delay_proxy", port, str(MOST_DELAY_SECONDS)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert proxy.stdout
    try:
        yield int(proxy.stdout.readline())
    finally:
        proxy.kill()
        proxy.wait()
        proxy.stdout.close()


def main() -> None:
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    outcomes = []
    with Valkey() as valkey, tempfile.NamedTemporaryFile() as ca_file:
        authority.cert_pem.write_to_path(ca_file.name)
        for contender in CONTENDERS:
            outcomes.append(run(contender, valkey, tls, ca_file.name))
            print(
                outcomes[-1].cells, {k: len(v) for k, v in outcomes[-1].answers.items()}, flush=True
            )
    (ROOT / "docs" / "pacing.svg").write_text(
        draw([Panel(o.contender.name, o.call_times) for o in outcomes], CALLS_PER_SECOND)
    )
    columns = ["calls", "calls a second", "worst second", "throttled by the API"]
    columns += ["callers refused", "of them by the function, after (median)"]
    rows = [outcome.cells for outcome in outcomes]
    page.write("pacing.md", "pacing", ["", *columns], rows, shown=columns[1:4])


if __name__ == "__main__":
    main()
