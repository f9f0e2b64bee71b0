"""The store in a real Valkey: concurrency, late steps, connections, keys and failures."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.sandbox.function_compute import ROOT
from tests.support.store_under_test import MINUTE, StoreUnderTest
from tests.support.valkey import Valkey
from verify_code.result import Result
from verify_code.store.base import Limit, StoreUnavailable
from verify_code.store.redis import RedisStore


def test_fifty_at_once_send_one(valkey: Valkey) -> None:
    """Of fifty simultaneous requests for one number, one is admitted."""
    start = threading.Barrier(10)

    def ask(caller: int) -> list[str]:
        with contextlib.closing(RedisStore(valkey.url)) as store:
            asking = StoreUnderTest(store, valkey.turn)
            start.wait()
            return [asking.admit(f"{caller}-{n}", MINUTE)[0] for n in range(5)]

    with ThreadPoolExecutor(10) as callers:
        said = [outcome for outcomes in callers.map(ask, range(10)) for outcome in outcomes]
    assert sorted(said) == ["admitted"] + ["in progress"] * 49


def test_a_step_may_be_repeated(store_over_valkey: StoreUnderTest) -> None:
    """A command that the client repeats, at once or late, changes nothing."""
    record = store_over_valkey.reserved("a", MINUTE, total=MINUTE)
    store_over_valkey.store.admit(record)
    for _ in range(2):
        store_over_valkey.store.begin_sending(record, 0.0)
    assert store_over_valkey.store.admit(record).outcome == "admitted"
    store_over_valkey.turn(20.1)
    assert store_over_valkey.admit("a")[0] == "orphaned"
    for _ in range(2):
        store_over_valkey.store.complete(record, "the result")
    assert store_over_valkey.admit("a")[2] == "the result"
    assert store_over_valkey.admit("b", MINUTE)[2] == "TooSoon"


def test_sending_begins_after_the_result(store_over_valkey: StoreUnderTest) -> None:
    """A record that is completed can't begin to send again."""
    record = store_over_valkey.sending("a", MINUTE)
    store_over_valkey.store.complete(record, "the result")
    with pytest.raises(StoreUnavailable):
        store_over_valkey.store.begin_sending(record, 0.0)
    store_over_valkey.turn(20.1)
    assert store_over_valkey.admit("a")[0] == "completed"
    assert store_over_valkey.admit("b", MINUTE)[2] == "TooSoon"


def test_a_step_that_comes_late_is_not_taken(store_over_valkey: StoreUnderTest) -> None:
    """A call can't begin if the store gets the command too late."""
    record = store_over_valkey.reserved("a")
    store_over_valkey.turn(2)
    with pytest.raises(StoreUnavailable):
        store_over_valkey.store.begin_sending(record, 0.5)
    store_over_valkey.store.begin_sending(record, 2.0)


def test_a_store_that_lost_the_record(valkey: Valkey, store_over_valkey: StoreUnderTest) -> None:
    """Without its record no call begins, and a result after the loss makes a new record."""
    record = store_over_valkey.reserved("a", MINUTE)
    valkey.empty()
    with pytest.raises(StoreUnavailable):
        store_over_valkey.store.begin_sending(record, 0.0)
    record = store_over_valkey.sending("a", MINUTE)
    valkey.empty()
    store_over_valkey.store.complete(record, "the result")
    assert store_over_valkey.admit("a")[2] == "the result"
    assert store_over_valkey.admit("b", MINUTE)[2] == "TooSoon"


def test_all_keys_expire_and_share_a_tag(
    valkey: Valkey, store_over_valkey: StoreUnderTest, redis_store: RedisStore
) -> None:
    """All keys expire, and share a hash tag, so that one node of a cluster holds them."""
    limits = (Limit(1, 60), Limit(10, 86400))
    store_over_valkey.reserved("a", limits, "n", "c", limits, limits)
    store_over_valkey.send("b", limits, "m", "d", limits, (Limit(5, 60),))
    redis_store.reserve_turn("send", 0.1, 10)
    with valkey.client() as client:
        keys = client.keys()
        assert len(keys) == 2 + 2 + 2 + 1 + 1
        assert all(key.startswith("{chatapp-verify-code}:") for key in keys)
        turn = "{chatapp-verify-code}:free-turn:send"
        assert all(0 < client.ttl(key) <= 86400 + 20 for key in keys if key != turn)
        assert client.ttl(turn) > 30 * 86400  # it outlives quiet weeks


def test_the_server_is_paused(valkey: Valkey, store_over_valkey: StoreUnderTest) -> None:
    """A store that hangs is given up within 1.5 s, and is used again when it goes on."""
    store_over_valkey.send("a")
    valkey.pause()
    began = time.monotonic()
    try:
        with pytest.raises(StoreUnavailable):
            store_over_valkey.admit("b")
        assert time.monotonic() - began < 1.5
    finally:
        valkey.resume()
    store_over_valkey.send("c")


@contextlib.contextmanager
def tls_before(valkey: Valkey, context: ssl.SSLContext) -> Iterator[int]:
    """A port that ends TLS for one connection, and passes it on to Valkey."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(5)

    def serve() -> None:
        with contextlib.suppress(OSError), listener.accept()[0] as raw:
            address = ("127.0.0.1", urlsplit(valkey.url).port or 0)
            with (
                context.wrap_socket(raw, server_side=True) as client,
                socket.create_connection(address) as server,
            ):
                while data := client.recv(65536):
                    server.sendall(data)
                    client.sendall(server.recv(65536))

    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1]
    listener.close()
    thread.join(5)


def test_tls_user_password_and_database(
    valkey: Valkey, authority: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store may use TLS, a user, a password and a database, and needs a trusted certificate."""
    context, file = authority
    with valkey.client() as client:
        client.execute_command(*["ACL", "SETUSER", "verify", "on", ">p@ss/word", "~*", "+@all"])
    for raises in (pytest.raises(StoreUnavailable), contextlib.nullcontext()):
        with tls_before(valkey, context) as port:
            url = f"rediss://verify:p%40ss%2Fword@127.0.0.1:{port}/3"
            with contextlib.closing(RedisStore(url)) as store, raises:
                StoreUnderTest(store, valkey.turn).reserved("a")
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with valkey.client() as client:
        assert client.info("keyspace").keys() == {"db3"}
        client.acl_deluser("verify")


def test_scripts_write_each_key_as_proxies_ask() -> None:
    """Each key in a script is written as KEYS[n], as Tair's proxies ask."""
    scripts = list((ROOT / "function/verify_code/store").glob("*.lua"))
    assert len(scripts) == 5
    for script in (path.read_text() for path in scripts):
        right = r"redis\.call\('(TIME'|\w+', *KEYS\[\d\][,)])"
        assert len(re.findall(right, script)) == script.count("redis.call") >= 2


def test_other_windows_on_the_store(store_over_valkey: StoreUnderTest) -> None:
    """A deployment with shorter windows doesn't remove the counts that longer windows need."""
    three_a_day = (Limit(1, 60), Limit(3, 86400))
    for name in "abc":
        store_over_valkey.send(name, three_a_day)
        store_over_valkey.turn(60)
    store_over_valkey.store.release(store_over_valkey.reserved("d", MINUTE))
    assert store_over_valkey.admit("e", three_a_day)[2] == "TooSoon"


def test_the_servers_clock_is_set_back(
    valkey: Valkey, store_over_valkey: StoreUnderTest, redis_store: RedisStore
) -> None:
    """A server's clock that is set back by an hour makes nobody wait for an hour."""
    store_over_valkey.send("a", MINUTE)
    store_over_valkey.turn(-3600)
    assert store_over_valkey.admit("b", MINUTE)[1] <= 60
    with valkey.client() as client:
        client.set("{chatapp-verify-code}:free-turn:send", int((time.time() + 3600) * 1e6))
    assert redis_store.reserve_turn("send", 0.125, 60) == pytest.approx(1.125, abs=0.01)


def test_a_server_that_does_not_know_hello() -> None:
    """A server that doesn't know the command HELLO can be the store."""
    with (
        Valkey("--rename-command HELLO no-hello") as old,
        contextlib.closing(RedisStore(old.url)) as store,
    ):
        assert store.open() == "noeviction"


def test_a_server_that_became_a_replica(valkey: Valkey, store_over_valkey: StoreUnderTest) -> None:
    """After a failover the connection to the old server is replaced."""
    store_over_valkey.send("a")
    with valkey.client() as client:
        client.replicaof("127.0.0.1", "9")
        with pytest.raises(StoreUnavailable):
            store_over_valkey.admit("b")
        before = client.info("stats")["total_connections_received"]
        client.replicaof("NO", "ONE")
        store_over_valkey.send("c")
        assert client.info("stats")["total_connections_received"] == before + 1


def test_a_code_takes_a_kilobyte(valkey: Valkey, store_over_valkey: StoreUnderTest) -> None:
    """The store needs about one kilobyte for each code."""
    with valkey.client() as client:
        store_over_valkey.send("first")
        before = client.info("memory")["used_memory"]
        for number in range(200):
            record = store_over_valkey.sending(
                f"{number:064}", (Limit(10, 86400),), f"{number:057}"
            )
            store_over_valkey.store.complete(record, Result.accepted().stored())
        after = client.info("memory")["used_memory"]
    assert 700 < (after - before) / 200 < 1200
