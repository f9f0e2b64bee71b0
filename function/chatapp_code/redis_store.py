"""The store that all instances share: Tair, Redis or Valkey, by its own clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from chatapp_code import logs
from chatapp_code.store import StoreUnavailable, Turns

logs.silence_libraries()

#: How long connecting and one command may take each.
STORE_TIMEOUT_SECONDS = 0.5

#: Idle for longer, a connection may have died unseen while the instance was frozen.
MAX_IDLE_SECONDS = 10.0

#: All keys share the tag in braces, so that they live on one node of a cluster.
_TURN_KEY = "{chatapp-verify-code}:free-turn"

_KEPT_SECONDS = 3600

#: Microseconds by the server's clock. A store that knows of no turn, be it new or without its
#: data, hands the first one out a second later: calls may have been made just before.
_TAKE_TURN = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local free = tonumber(redis.call('GET', KEYS[1])) or now + ARGV[4]
local turn = math.max(now, free)
if turn - now <= tonumber(ARGV[2]) then
  redis.call('SET', KEYS[1], string.format('%.0f', turn + ARGV[1]), 'EX', ARGV[3])
end
return string.format('%.0f', turn - now)
"""

_HOLD_TURNS = """
local time = redis.call('TIME')
local free = time[1] * 1000000 + time[2] + ARGV[1]
if free > (tonumber(redis.call('GET', KEYS[1])) or 0) then
  redis.call('SET', KEYS[1], string.format('%.0f', free), 'EX', ARGV[2])
end
"""


class RedisStore(Turns):
    """A few short atomic scripts."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._used_at = clock()
        self._client = redis.Redis.from_url(
            url,
            socket_connect_timeout=STORE_TIMEOUT_SECONDS,
            socket_timeout=STORE_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        )
        self._take_turn = self._client.register_script(_TAKE_TURN)
        self._hold_turns = self._client.register_script(_HOLD_TURNS)

    def take_turn(self, spacing_seconds: float, longest_wait_seconds: float) -> float:
        spacing, longest = _microseconds(spacing_seconds), _microseconds(longest_wait_seconds)
        first = _microseconds(1 + spacing_seconds)
        wait = self._run(self._take_turn, spacing, longest, _KEPT_SECONDS, first)
        return int(wait) / 1e6

    def hold_turns(self, seconds: float) -> None:
        self._run(self._hold_turns, _microseconds(seconds), _KEPT_SECONDS)

    def close(self) -> None:
        self._client.close()

    def _run(self, script: Any, *arguments: int) -> Any:
        if self._clock() - self._used_at > MAX_IDLE_SECONDS:
            self._client.connection_pool.disconnect()
        try:
            return script([_TURN_KEY], arguments)
        except (redis.RedisError, OSError) as failure:
            raise StoreUnavailable(type(failure).__name__) from None
        finally:
            self._used_at = self._clock()


def _microseconds(seconds: float) -> int:
    return round(seconds * 1e6)
