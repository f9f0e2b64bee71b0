"""Faults of the gateway, one of each kind, for each operation: `make bench` tries all of them."""

from __future__ import annotations

import contextlib

import pytest

from tests.sandbox.faults import FAULTS, Fault
from tests.support.asked import ALL_OPERATIONS, ASKED, SENDING, Asked
from tests.support.fault_matrix import Gateway, Matrix
from tests.support.fault_scenarios import OWN_FAULTS, Scenario
from tests.support.function_under_test import FunctionUnderTest
from tests.support.valkey import Valkey

#: The last one of each kind took effect, where that can be; what hangs is left to the bench.
FAULT_OF_KIND = {
    fault.kind: fault for fault in FAULTS if fault.behaviour.fault not in ("hang", "drip")
}


@pytest.mark.parametrize(
    ("asked", "fault"),
    [
        (asked, fault)
        for asked in ASKED.values()
        for fault in (*FAULT_OF_KIND.values(), *OWN_FAULTS[asked])
    ],
    ids=lambda it: it.name,
)
def test_faults(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch, asked: Asked, fault: Fault
) -> None:
    """At no try does a fault make the function do it twice, lose it, or tell what isn't so."""
    gateway = Gateway()
    gateway.calls_per_second = 100_000
    with gateway, contextlib.closing(FunctionUnderTest(gateway, monkeypatch)) as function:
        function.set(STORE_SECRET="s" * 32, MAX_CALLS_PER_SECOND="99999", **ALL_OPERATIONS)
        matrix = Matrix(function, gateway, valkey)
        for tries_before, way in enumerate(asked.ways):
            matrix.run(Scenario(asked, fault, tries_before, way, "Valkey"))
    (counts,) = matrix.counts.values()
    never = {key: counts[key] for key in ("twice", "changed", "lost", "wrong")}
    assert not any(never.values()), never
    assert counts["asked"] == (5 if asked is SENDING else 2)
