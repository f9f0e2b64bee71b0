"""Requests in many deliveries through many processes that die, over a store that dies."""

from __future__ import annotations

import random
import time
from collections import Counter

import pytest

from tests.sandbox.cams_gateway import CamsGateway
from tests.support.disturbances import kill_one, pause, restart
from tests.support.function_under_test import FunctionUnderTest
from tests.support.platform import running
from tests.support.redelivery import deliver
from tests.support.valkey import Valkey


def test_processes_and_their_store_die(gateway: CamsGateway, valkey: Valkey) -> None:
    """Processes and Valkey die, and are back: nothing is done twice, and all is answered."""
    times = 0

    def disturb(turned: random.Random) -> None:
        nonlocal times
        time.sleep(turned.uniform(0.1, 0.4))
        if not gateway.messages or times >= 6:
            return  # the processes start, or have been through enough
        times += 1
        if times == 2:
            pause(valkey, turned.uniform(2.2, 2.6))  # longer than a result is offered
        elif times == 4:
            restart(valkey, turned.uniform(0.0, 0.3))
        else:
            kill_one(platform, turned)

    with running(gateway, valkey, processes=3) as platform:
        outcomes = deliver(platform, gateway, 50, disturb)
    failures: Counter[str] = sum((each.failures for each in outcomes.values()), Counter())
    assert times == 6
    assert failures["ProcessExited"] + failures["InitializationError"] >= 1
    assert failures["StoreUnavailable"] >= 1
    ours = {"StoreUnavailable", "InProgress", "QuotaExhausted"}
    assert failures.keys() <= {*ours, "ProcessExited", "InitializationError"}
    for each in outcomes.values():
        assert (each.twice, each.lost, each.wrong) == (0, 0, 0), each
    assert sum(each.unknown for each in outcomes.values()) <= times
    assert len(gateway.registrations) >= 10


@pytest.mark.parametrize("store", ["memory", "Valkey"])
@pytest.mark.parametrize("hours", [-1, 1])
def test_a_wall_clock_that_steps(
    function: FunctionUnderTest, valkey: Valkey, store: str, hours: int
) -> None:
    """A wall clock that goes wrong by an hour sends nothing twice, and delays no allowance."""
    if store == "Valkey":
        function.set(**valkey.settings)
    function.set(SEND_LIMITS_PER_NUMBER="2/minute")
    first = function.ask(idempotency_key="1")
    function.now = time.time() + 3600 * hours
    again, other, third = (function.ask(idempotency_key=key) for key in ("1", "2", "3"))
    assert (first["sent"], other["sent"], third["code"]) == ("yes", "yes", "TooSoon")
    assert again["replayed"]
    assert third["retry_after_seconds"] <= 60
    assert len(function.gateway.messages) == 2
