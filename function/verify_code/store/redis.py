"""The store that all instances share: Tair, Redis or Valkey, by its own clock."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from verify_code import logs
from verify_code.pacing import Turns
from verify_code.store import scripts
from verify_code.store.base import Claim, Store, StoreUnavailable, Verdict

logs.silence_libraries()

#: How long connecting and one round trip may take each.
STORE_TIMEOUT_SECONDS = 0.5

#: Idle for longer, a connection may have died unseen while the instance was frozen.
MAX_IDLE_SECONDS = 10.0

#: All keys share the tag in braces, so that they live on one node of a cluster.
_PREFIX = "{chatapp-verify-code}:"

_TURN_KEPT_SECONDS = 3600


class RedisStore(Store, Turns):
    """A few short atomic scripts."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._used_at = clock()
        self._client = redis.Redis.from_url(
            url,
            socket_connect_timeout=STORE_TIMEOUT_SECONDS,
            socket_timeout=STORE_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
            protocol=2,  # servers and proxies that don't know HELLO are meant, too
            driver_info=None,  # each would be a round trip more
            maint_notifications_config=None,
        )
        self._script = cache(self._client.register_script)  # which hashes the whole text

    def admit(self, claim: Claim) -> Verdict:
        outcome, wait, *text = self._step(scripts.ADMIT, claim)
        return Verdict(outcome.decode(), int(wait) / 1000, text[0].decode() if text else "")

    def mark(self, claim: Claim, nth: int, age_seconds: float) -> None:
        latest = round((age_seconds + 2 * STORE_TIMEOUT_SECONDS) * 1000)
        if not self._step(scripts.MARK, claim, str(nth), str(latest)):
            raise StoreUnavailable("the claim is gone")

    def settle(self, claim: Claim, result: str) -> None:
        self._step(scripts.SETTLE, claim, result)

    def give_back(self, claim: Claim) -> None:
        self._step(scripts.GIVE_BACK, claim)

    def take_turn(self, spacing_seconds: float, longest_wait_seconds: float) -> float:
        spacing, longest = _microseconds(spacing_seconds), _microseconds(longest_wait_seconds)
        first = _microseconds(1 + spacing_seconds)
        arguments = (spacing, longest, _TURN_KEPT_SECONDS, first)
        return int(self._run(scripts.TAKE_TURN, ["free-turn"], arguments)) / 1e6

    def hold_turns(self, seconds: float) -> None:
        self._run(scripts.HOLD_TURNS, ["free-turn"], (_microseconds(seconds), _TURN_KEPT_SECONDS))

    def open(self) -> str:
        """Loads the scripts; what the server does when its memory is full, if it says so."""
        for script in (scripts.ADMIT, scripts.MARK, scripts.SETTLE, scripts.TAKE_TURN):
            self._ask(self._client.script_load, script)
        return str(self._ask(self._client.info, "memory").get("maxmemory_policy", ""))

    def close(self) -> None:
        """Closes its connections."""
        self._client.close()

    def _step(self, script: str, claim: Claim, *more: str) -> Any:
        keys = [f"claim:{claim.key}"]
        for allowance in claim.allowances:
            keys += [f"places:{allowance.key}", f"undecided:{allowance.key}"]
        allowances = [
            {
                "limits": [(limit.places, limit.seconds * 1000) for limit in allowance.limits],
                "refusal": allowance.refusal,
            }
            for allowance in claim.allowances
        ]
        times = round(claim.deadline_seconds * 1000), round(claim.lasts_seconds * 1000)
        arguments = (claim.token, *times, json.dumps(allowances), *more)
        return self._run(script, keys, arguments)

    def _run(self, script: str, keys: list[str], arguments: tuple[Any, ...]) -> Any:
        return self._ask(self._script(script), [_PREFIX + key for key in keys], arguments)

    def _ask(self, ask: Callable[..., Any], *arguments: Any) -> Any:
        if self._clock() - self._used_at > MAX_IDLE_SECONDS:
            self._client.connection_pool.disconnect()
        try:
            return ask(*arguments)
        except (redis.RedisError, OSError) as failure:
            # After a failover the name may lead to another server.
            self._client.connection_pool.disconnect()
            raise StoreUnavailable(type(failure).__name__) from None
        finally:
            self._used_at = self._clock()


def _microseconds(seconds: float) -> int:
    return round(seconds * 1e6)
