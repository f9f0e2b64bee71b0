"""Fixtures that several tests of the function share."""

from __future__ import annotations

import pytest

from tests.support.admission import DEFAULT_RATE_LIMITS, Turn, number
from tests.support.function_under_test import FunctionUnderTest
from tests.support.judge import SENT_AT
from tests.support.store_under_test import StoreUnderTest
from tests.support.valkey import Valkey
from verify_code.store.redis import RedisStore


@pytest.fixture(params=["memory", "valkey"])
def turn(function: FunctionUnderTest, request: pytest.FixtureRequest) -> Turn:
    """The function with the default rate limits over one of the stores, and its store's clock."""
    if request.param == "memory":
        function.set(**DEFAULT_RATE_LIMITS)
        return lambda seconds: setattr(
            function, "turned_seconds", function.turned_seconds + seconds
        )
    valkey: Valkey = request.getfixturevalue("valkey")
    function.set(**DEFAULT_RATE_LIMITS, **valkey.settings)
    return valkey.turn


@pytest.fixture
def over_valkey(function: FunctionUnderTest, valkey: Valkey) -> FunctionUnderTest:
    """The function with the default rate limits over Valkey, after it sent a first code."""
    function.set(**DEFAULT_RATE_LIMITS, **valkey.settings)
    function.ask(phone_number=number(999))
    return function


@pytest.fixture
def source(function: FunctionUnderTest) -> FunctionUnderTest:
    """The function, one minute after the recorded events were sent."""
    function.now = SENT_AT + 60
    return function


@pytest.fixture
def store_over_valkey(valkey: Valkey, redis_store: RedisStore) -> StoreUnderTest:
    """The store in Valkey, and its clock."""
    return StoreUnderTest(redis_store, valkey.turn)
