"""A store that fails, tested through the whole function, and what initialize logs about it."""

from __future__ import annotations

import contextlib
import socket
import threading
from contextlib import closing
from typing import Any

import pytest

from tests.sandbox.cams_gateway import Behaviour
from tests.support.admission import event, number
from tests.support.function_under_test import FunctionUnderTest, log_lines
from tests.support.valkey import SECRET, Valkey
from verify_code.store.base import Record
from verify_code.store.redis import RedisStore


def test_a_store_that_is_gone_before_the_call(
    over_valkey: FunctionUnderTest, valkey: Valkey
) -> None:
    """Without its store the function sends nothing, and an event is sent once the store is back."""
    valkey.stop()
    assert over_valkey.raised(event(1))["code"] == "StoreUnavailable"
    reply = over_valkey.post()
    assert (reply.status, reply.result["code"]) == (503, "StoreUnavailable")
    assert (reply.result["retryable"], reply.headers["Retry-After"]) == (True, "5")
    valkey.start()
    assert [over_valkey.handle(event(1))["replayed"] for _ in range(2)] == [False, True]
    assert len(over_valkey.gateway.messages) == 2


def test_a_store_that_is_gone_after_the_call(
    over_valkey: FunctionUnderTest, valkey: Valkey
) -> None:
    """A store lost after the call doesn't change the answer; the next delivery is `unknown`."""
    over_valkey.gateway.on_message = lambda _: valkey.stop()
    answer = over_valkey.handle(event(1))
    assert answer["sent"] == "yes"
    # The store was asked again and again for as long as the invocation lasts.
    assert sum(over_valkey.slept) == pytest.approx(20 - 1, abs=2)
    assert 38 < answer["retry_after_seconds"] <= 45
    valkey.start()
    valkey.turn(20.1)
    assert over_valkey.handle(event(1))["sent"] == "unknown"


@pytest.mark.parametrize(
    ("code", "again"),
    [
        ("Product.Unsubscript", "yes"),  # the operator has fixed it meanwhile
        ("136024", "no"),  # it is replayed
    ],
)
def test_a_store_that_is_back_in_time(
    over_valkey: FunctionUnderTest, valkey: Valkey, code: str, again: str
) -> None:
    """A result that the store missed is written again when the store is back in time."""
    next_behaviour, real_sleep = over_valkey.gateway.next_behaviour, over_valkey.sleep
    naps: list[float] = []

    def stop_the_store() -> Behaviour | None:
        valkey.stop()
        return next_behaviour()

    def sleep(seconds: float) -> None:
        real_sleep(seconds)
        naps.append(seconds)
        if naps[-3:] == [0.2] * 3:
            valkey.start()

    over_valkey.gateway.will(Behaviour.says(400, Code=code))
    with over_valkey.monkeypatch.context() as patch:
        patch.setattr(over_valkey.gateway, "next_behaviour", stop_the_store)
        patch.setattr(over_valkey, "sleep", sleep)
        over_valkey.set()
        assert over_valkey.raised(event(1))["code"] == code
    over_valkey.set()
    valkey.turn(20.1)
    answer, is_raised = over_valkey.deliver(event(1))
    assert (answer["sent"], is_raised) == (again, again == "no")


def test_an_http_caller_does_not_wait_for_the_store(
    over_valkey: FunctionUnderTest, valkey: Valkey
) -> None:
    """Over HTTP the result is written again for one second at most after the call."""
    over_valkey.gateway.on_message = lambda _: valkey.stop()
    over_valkey.slept.clear()
    assert over_valkey.post().result["sent"] == "yes"
    valkey.start()
    assert sum(over_valkey.slept) < 1.5 + 1.2  # and the wait for the turn


def test_a_store_that_loses_its_data_before_the_call(
    over_valkey: FunctionUnderTest, valkey: Valkey
) -> None:
    """An instance whose record is lost before the call sends nothing."""
    over_valkey.monkeypatch.setattr(
        over_valkey, "sleep", lambda _: valkey.empty()
    )  # until its turn
    over_valkey.set(MAX_CALLS_PER_SECOND="1")
    over_valkey.ask(phone_number=number(1))
    assert over_valkey.raised(event(1))["code"] == "StoreUnavailable"
    assert len(over_valkey.gateway.messages) == 1


def test_a_stored_result_that_can_not_be_read(
    over_valkey: FunctionUnderTest, valkey: Valkey
) -> None:
    """A stored result of another version that can't be read is `unknown`, never `no`."""
    over_valkey.handle(event(1))
    with valkey.client() as client:
        keys = client.keys("*record:*")
        no_version = client.hget(keys[0], "result").replace('"yes"', '"maybe"')
        for unreadable in ("{}", "[]", "x", no_version):
            for key in keys:
                client.hset(key, "result", unreadable)
            answer = over_valkey.handle(event(1))
            assert (answer["sent"], answer["replayed"]) == ("unknown", True)
    assert over_valkey.gateway.requests_seen == 2


def test_a_store_that_answers_nonsense(over_valkey: FunctionUnderTest, valkey: Valkey) -> None:
    """A reply of the store that can't be read stops a call, but never changes a result."""

    class Garbled(RedisStore):
        replies = 0

        def reserve_turn(
            self, operation: str, spacing_seconds: float, longest_wait_seconds: float
        ) -> float:
            raise ValueError("invalid literal")

        def complete(self, record: Record, result: str) -> None:
            raise ValueError("invalid literal")

    with closing(Garbled(valkey.url)) as store:
        over_valkey.store = store
        over_valkey.set()
        assert over_valkey.raised(event(1))["code"] == "UnexpectedError"
        with over_valkey.monkeypatch.context() as patch:
            patch.setattr(Garbled, "reserve_turn", lambda *_: 0.0)
            answer = over_valkey.handle(event(2, number(2)))
    assert (answer["sent"], answer["code"]) == ("yes", "OK")


@pytest.mark.parametrize("reply", [b":abc\r\n", b"?\r\n", b"*-5\r\n", b"$9999999\r\nx\r\n"])
def test_a_server_that_is_no_store(over_valkey: FunctionUnderTest, reply: bytes) -> None:
    """Whatever a server replies, the function answers `StoreUnavailable`."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with server.accept()[0] as client:
                        while client.recv(65536):
                            client.sendall(reply)

        threading.Thread(target=serve, daemon=True).start()
        over_valkey.set(STORE_URL=f"redis://127.0.0.1:{server.getsockname()[1]}/0")
        assert over_valkey.raised(event(1))["code"] == "StoreUnavailable"


# --- what initialize logs ----------------------------------------------------------------------


UNREACHABLE = {"STORE_URL": "redis://:password@127.0.0.1:9/0", "STORE_SECRET": SECRET}


def logged_at_start(function: FunctionUnderTest, capsys: pytest.CaptureFixture[str]) -> list[Any]:
    """The level and event of each log line of a new instance, after its `start` line."""
    capsys.readouterr()
    function.set()
    function.initialize()
    start, *lines = log_lines(capsys)
    assert (start["level"], start["event"]) == ("INFO", "start")
    assert "password" not in str((start, lines))
    return [(line["level"], line["event"]) for line in lines]


@pytest.mark.parametrize(
    ("settings", "logged"),
    [
        ({}, []),
        # Several instances have their own memories.
        ({"RESERVED_CONCURRENCY": "9"}, [("WARNING", "memory")]),
        (UNREACHABLE, [("WARNING", "unreachable")]),
    ],
)
def test_initialize_warns_of_the_store(
    function: FunctionUnderTest,
    capsys: pytest.CaptureFixture[str],
    settings: dict[str, str],
    logged: list[Any],
) -> None:
    """At its start an instance logs once if its store is only its memory, or can't be reached."""
    function.set(**settings)
    assert logged_at_start(function, capsys) == logged
    function.ask()
    assert [line["event"] for line in log_lines(capsys)] == ["invocation"]


def test_a_store_that_evicts(
    over_valkey: FunctionUnderTest, valkey: Valkey, capsys: pytest.CaptureFixture[str]
) -> None:
    """A store that deletes keys when its memory is full is logged as an error."""
    with valkey.client() as client:
        for policy, logged in (("volatile-lru", [("ERROR", "eviction")]), ("noeviction", [])):
            client.config_set("maxmemory-policy", policy)
            assert logged_at_start(over_valkey, capsys) == logged
