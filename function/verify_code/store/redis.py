"""The store that all instances share: Tair, Redis or Valkey, by its own clock."""

import json
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from verify_code import logs
from verify_code.pacing import Turns
from verify_code.store.base import Record, Store, StoreUnavailable, Verdict

logs.silence_libraries()

#: How long connecting and one round trip may take each.
STORE_TIMEOUT_SECONDS = 0.5

#: A connection that was idle for longer may have died unseen while the instance was frozen.
MAX_IDLE_SECONDS = 10.0

#: All keys share the tag in braces, so that they live on one node of a cluster.
_PREFIX = "{chatapp-verify-code}:"

#: Kept for 60 days, because a store without this key makes the first call wait.
TURN_KEPT_SECONDS = 60 * 24 * 3600


def _script(*names: str) -> str:
    folder = Path(__file__).parent
    return "".join((folder / f"{name}.lua").read_text(encoding="utf-8") for name in names)


class RedisStore(Store, Turns):
    """Each step is one short script, which the server runs atomically."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._used_at = clock()
        self._client = redis.Redis.from_url(
            url,
            socket_connect_timeout=STORE_TIMEOUT_SECONDS,
            socket_timeout=STORE_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
            protocol=2,  # some servers and proxies don't know HELLO
            driver_info=None,  # each would be one more round trip
            maint_notifications_config=None,
        )
        self._admit = _script("read", "admit")
        self._write = _script("read", "write")
        self._reserve_turn = _script("reserve_turn")
        self._pause_turns = _script("pause_turns")
        self._registered = cache(self._client.register_script)  # which hashes the whole text

    def find(self, record: Record) -> Verdict:
        return self._verdict(record, "", "find")

    def admit(self, record: Record, replaces: str = "") -> Verdict:
        return self._verdict(record, replaces, "")

    def count(self, record: Record) -> Verdict:
        return self._verdict(record, "", "count")

    def begin_sending(self, record: Record, age_seconds: float) -> None:
        max_age_ms = round((age_seconds + 2 * STORE_TIMEOUT_SECONDS) * 1000)
        if not self._step(self._write, record, "s", str(max_age_ms)):
            raise StoreUnavailable("the record is gone")

    def complete(self, record: Record, result: str) -> None:
        self._step(self._write, record, "c", result)

    def release(self, record: Record) -> None:
        self._step(self._write, record, "", "")

    def reserve_turn(
        self, operation: str, spacing_seconds: float, longest_wait_seconds: float
    ) -> float:
        seconds = (spacing_seconds, longest_wait_seconds, 1 + spacing_seconds)
        arguments = (*map(_microseconds, seconds), TURN_KEPT_SECONDS)
        keys = [f"free-turn:{operation}"]
        wait: float = self._run(self._reserve_turn, keys, arguments, lambda us: int(us) / 1e6)
        return wait

    def pause_turns(self, operation: str, seconds: float) -> None:
        arguments = (_microseconds(seconds), TURN_KEPT_SECONDS)
        self._run(self._pause_turns, [f"free-turn:{operation}"], arguments, bool)

    def open(self) -> str:
        """Loads the scripts; what the server does when its memory is full, if it says so."""
        for script in (self._admit, self._write, self._reserve_turn, self._pause_turns):
            self._ask(partial(self._client.script_load, script))
        return str(self._ask(lambda: self._client.info("memory").get("maxmemory_policy", "")))

    def close(self) -> None:
        """Closes its connections."""
        self._client.close()

    def _verdict(self, record: Record, *arguments: str) -> Verdict:
        verdict: Verdict = self._step(self._admit, record, *arguments, read=_verdict)
        return verdict

    def _step(
        self, script: str, record: Record, *arguments: str, read: Callable[[Any], Any] = bool
    ) -> Any:
        keys = [f"record:{record.key}", *(f"limit:{limit.key}" for limit in record.rate_limits)]
        described = [
            {"code": each.code, "limits": [[n, seconds * 1000] for n, seconds in each.limits]}
            for each in record.rate_limits
        ]
        seconds = (record.deadline_seconds, record.kept_seconds, record.most_seconds)
        times_ms = (round(each * 1000) for each in seconds)
        return self._run(
            script, keys, (record.token, *times_ms, json.dumps(described), *arguments), read
        )

    def _run(
        self, script: str, keys: list[str], arguments: tuple[Any, ...], read: Callable[[Any], Any]
    ) -> Any:
        full_keys = [_PREFIX + key for key in keys]
        return self._ask(lambda: read(self._registered(script)(full_keys, arguments)))

    def _ask(self, ask: Callable[[], Any]) -> Any:
        if self._clock() - self._used_at > MAX_IDLE_SECONDS:
            self._client.connection_pool.disconnect()
        try:
            return ask()
        except Exception as failure:  # a reply that can't be read may raise anything
            # After a failover the name may lead to another server.
            self._client.connection_pool.disconnect()
            raise StoreUnavailable(type(failure).__name__) from None
        finally:
            self._used_at = self._clock()


def _verdict(reply: Any) -> Verdict:
    outcome, wait_ms, *text = reply
    return Verdict(outcome.decode(), int(wait_ms) / 1000, text[0].decode() if text else "")


def _microseconds(seconds: float) -> int:
    return round(seconds * 1e6)
