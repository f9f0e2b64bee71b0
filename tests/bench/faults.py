"""Every fault of the gateway, for each operation, at each try, by each reply, with both stores.

What is asked for comes again as its source would bring it: an app asks again where it is told to,
an event that raised is delivered up to three times more and then dead-lettered. The fault is over
after the first delivery.
"""

from __future__ import annotations

import os
import ssl
import sys
import tempfile
from collections import Counter
from typing import NamedTuple

import pytest
import trustme

from tests.bench import page
from tests.support.asked import ALL_OPERATIONS, ASKED, ASKING_FOR_STATUS, SENDING, VERIFYING, Asked
from tests.support.fault_matrix import Gateway, Matrix
from tests.support.fault_scenarios import scenarios
from tests.support.function_under_test import FunctionUnderTest
from tests.support.valkey import Valkey
from verify_code import logs


class Table(NamedTuple):
    """Where the figures of one operation go, and the column for each."""

    asked: Asked
    mark: str
    columns: dict[str, str]


#: What must never be: these figures are bold, and 0.
NEVER = ("twice", "changed", "lost", "wrong")

_OUTCOMES = {"asked": "requests", "yes": "yes", "unknown": "unknown", "no": "no"}
TABLES = (
    Table(
        SENDING,
        "faults",
        {
            **_OUTCOMES,
            "dead": "dead-lettered",
            "again": "delivered again",
            "done": "codes",
            "twice": "sent twice",
            "lost": "lost",
            "wrong": "wrong answers",
        },
    ),
    Table(
        VERIFYING,
        "faults of verify",
        {
            **_OUTCOMES,
            "again": "asked again",
            "done": "registrations",
            "twice": "handed in twice",
            "lost": "lost",
            "wrong": "wrong answers",
        },
    ),
    Table(
        ASKING_FOR_STATUS,
        "faults of status",
        {
            "asked": "requests",
            "200": "200",
            "503": "503",
            "429": "429",
            "424": "424, 422",
            "again": "asked again",
            "answered": "answered in the end",
            "changed": "changed something",
            "lost": "lost",
            "wrong": "wrong answers",
        },
    ),
)


def main() -> None:
    authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    wanted = os.environ.get("OPERATIONS", ",".join(ASKED)).split(",")
    gateway, has_failed = Gateway(tls), False
    with (
        tempfile.NamedTemporaryFile() as ca_file,
        pytest.MonkeyPatch.context() as patch,
        Valkey() as valkey,
        gateway,
    ):
        authority.cert_pem.write_to_path(ca_file.name)
        patch.setenv("SSL_CERT_FILE", ca_file.name)
        patch.setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
        patch.setattr(logs, "write", lambda *_, **__: None)
        gateway.calls_per_second = 100_000
        function = FunctionUnderTest(gateway, patch)
        function.set(
            STORE_SECRET="s" * 32,
            CONNECT_TIMEOUT_SECONDS="0.2",
            READ_TIMEOUT_SECONDS="0.2",
            MAX_CALLS_PER_SECOND="99999",
            **ALL_OPERATIONS,
        )
        for table in TABLES:
            if table.asked.name in wanted:
                matrix = Matrix(function, gateway, valkey)
                for scenario in scenarios(table.asked):
                    matrix.run(scenario)
                has_failed |= _write(table, matrix.counts)
        function.close()
        gateway.released.set()
    if has_failed:
        sys.exit("it was done twice, a request was lost, or an answer was wrong")


def _write(table: Table, by_kind: dict[str, Counter[str]]) -> bool:
    """Puts the table on its page; whether something was as it must never be."""
    total: Counter[str] = sum(by_kind.values(), Counter())
    rows = [[kind, *_cells(table, counts)] for kind, counts in by_kind.items()]
    rows.append(["**all**", *_cells(table, total)])
    for row in rows:
        print(table.asked.name, *row, sep=" | ", flush=True)
    page.write("reliability.md", table.mark, ["the fault", *table.columns.values()], rows)
    return any(total[key] for key in NEVER)


def _cells(table: Table, counts: Counter[str]) -> list[str]:
    return [f"**{counts[key]}**" if key in NEVER else f"{counts[key]:,}" for key in table.columns]


if __name__ == "__main__":
    main()
