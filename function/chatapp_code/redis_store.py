"""The store that all instances share: Tair, Redis or Valkey, by its own clock.

A claim is a hash of its token, its deadline and its result. An allowance is a sorted set of places
(token, when it was made) and a hash of those that aren't decided yet (token, ``h`` for held or
``c`` for calling, and the deadline). All keys expire by themselves.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from chatapp_code import logs
from chatapp_code.pacing import Turns
from chatapp_code.store import Claim, Store, StoreUnavailable, Verdict

logs.silence_libraries()

#: How long connecting and one command may take each.
STORE_TIMEOUT_SECONDS = 0.5

#: Idle for longer, a connection may have died unseen while the instance was frozen.
MAX_IDLE_SECONDS = 10.0

#: All keys share the tag in braces, so that they live on one node of a cluster.
_PREFIX = "{chatapp-verify-code}:"

_TURN_KEPT_SECONDS = 3600

#: KEYS: the claim's, then for each allowance its places' and its undecided ones'.
#: ARGV: the token, the milliseconds until the deadline, the milliseconds that the claim lasts,
#: and each allowance's limits as [count, milliseconds] with the longest milliseconds.
_PRELUDE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local claim, token = KEYS[1], ARGV[1]
local until_deadline, lasts = tonumber(ARGV[2]), tonumber(ARGV[3])
local allowances = cjson.decode(ARGV[4])
for i, allowance in ipairs(allowances) do
  allowance.places, allowance.undecided = KEYS[2 * i], KEYS[2 * i + 1]
end

local function keep(allowance)
  redis.call('PEXPIRE', allowance.places, allowance.longest + until_deadline)
  redis.call('PEXPIRE', allowance.undecided, allowance.longest + until_deadline)
end
"""

_ADMIT = (
    _PRELUDE
    + """
for _, allowance in ipairs(allowances) do
  redis.call('ZREMRANGEBYSCORE', allowance.places, '-inf', now - allowance.longest)
  local undecided = redis.call('HGETALL', allowance.undecided)
  allowance.deadlines = {}
  for n = 1, #undecided, 2 do
    local state, deadline = undecided[n + 1]:sub(1, 1), tonumber(undecided[n + 1]:sub(2))
    local is_ours = undecided[n] == token  -- admitted before, by a command that was repeated
    if is_ours or deadline <= now then
      redis.call('HDEL', allowance.undecided, undecided[n])
      if is_ours or state == 'h' then
        redis.call('ZREM', allowance.places, undecided[n])
      end
    else
      allowance.deadlines[undecided[n]] = deadline
    end
  end
end

local function wait_of(allowance, limit)
  local nth = redis.call('ZREVRANGE', allowance.places, limit[1] - 1, limit[1] - 1, 'WITHSCORES')
  return nth[2] and math.max(0, nth[2] + limit[2] - now) or 0
end

local function wait(allowance)
  local longest = 0
  for _, limit in ipairs(allowance.limits) do
    longest = math.max(longest, wait_of(allowance, limit))
  end
  return longest
end

-- How long until a place is decided that would let a request pass, were it given back.
local function decided_in(allowance)
  local soonest
  for _, limit in ipairs(allowance.limits) do
    if wait_of(allowance, limit) > 0 then
      local is_open = false
      for each, deadline in pairs(allowance.deadlines) do
        local rank = redis.call('ZREVRANK', allowance.places, each)
        if rank and rank < limit[1] then
          is_open = true
          soonest = math.min(soonest or deadline, deadline)
        end
      end
      if not is_open then return nil end
    end
  end
  return soonest - now
end

local found = redis.call('HMGET', claim, 'token', 'deadline', 'result')
if found[3] then
  return {'settled', wait(allowances[1]), found[3]}
elseif found[1] and found[1] ~= token then
  local left = tonumber(found[2]) - now
  if left > 0 then return {'under way', left} end
  return {'abandoned', wait(allowances[1])}
end

local longest, refusal = 0, nil
for i, allowance in ipairs(allowances) do
  local its = wait(allowance)
  if its > 0 and not refusal then
    local decided = i == 1 and decided_in(allowance)
    if decided then return {'under way', decided} end
    refusal = allowance.refusal
  end
  longest = math.max(longest, its)
end
if refusal then return {'refused', longest, refusal} end

redis.call('HSET', claim, 'token', token, 'deadline', now + until_deadline)
redis.call('PEXPIRE', claim, until_deadline)
for _, allowance in ipairs(allowances) do
  redis.call('ZADD', allowance.places, now, token)
  redis.call('HSET', allowance.undecided, token, 'h' .. (now + until_deadline))
  keep(allowance)
end
return {'admitted', wait(allowances[1])}
"""
)

_MARK = (
    _PRELUDE
    + """
local found = redis.call('HMGET', claim, 'token', 'deadline')
local left = (tonumber(found[2]) or 0) - now
local age = until_deadline - left
if found[1] ~= token or left <= 0 or age > tonumber(ARGV[6]) then return 0 end
redis.call('PEXPIRE', claim, ARGV[5] == 'c' and lasts or left)
for _, allowance in ipairs(allowances) do
  redis.call('HSET', allowance.undecided, token, ARGV[5] .. found[2])
end
return 1
"""
)

#: A store that has lost the claim meanwhile is told of it again.
_SETTLE = (
    _PRELUDE
    + """
if (redis.call('HGET', claim, 'token') or token) ~= token then return end
redis.call('HSET', claim, 'token', token, 'result', ARGV[5])
redis.call('PEXPIRE', claim, lasts)
for _, allowance in ipairs(allowances) do
  redis.call('HDEL', allowance.undecided, token)
  redis.call('ZADD', allowance.places, 'NX', now, token)
  keep(allowance)
end
"""
)

_GIVE_BACK = (
    _PRELUDE
    + """
if redis.call('HGET', claim, 'token') == token then redis.call('DEL', claim) end
for _, allowance in ipairs(allowances) do
  redis.call('HDEL', allowance.undecided, token)
  redis.call('ZREM', allowance.places, token)
end
"""
)

#: Microseconds by the server's clock. A store that knows of no turn, be it new or without its
#: data, hands the first one out a second later: calls may have been made just before.
_TAKE_TURN = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local free = tonumber(redis.call('GET', KEYS[1]))
local turn = math.max(now, free or now + ARGV[4])
local is_taken = turn - now <= tonumber(ARGV[2])
if is_taken or not free then
  local next = is_taken and turn + ARGV[1] or turn
  redis.call('SET', KEYS[1], string.format('%.0f', next), 'EX', ARGV[3])
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
        )
        scripts = (_ADMIT, _MARK, _SETTLE, _GIVE_BACK, _TAKE_TURN, _HOLD_TURNS)
        self._scripts = {script: self._client.register_script(script) for script in scripts}

    def admit(self, claim: Claim) -> Verdict:
        outcome, wait, *text = self._step(_ADMIT, claim)
        return Verdict(outcome.decode(), int(wait) / 1000, text[0].decode() if text else "")

    def mark(self, claim: Claim, is_calling: bool, age_seconds: float) -> None:
        latest = round((age_seconds + 2 * STORE_TIMEOUT_SECONDS) * 1000)
        if not self._step(_MARK, claim, "c" if is_calling else "h", str(latest)):
            raise StoreUnavailable("the claim is gone")

    def settle(self, claim: Claim, result: str) -> None:
        self._step(_SETTLE, claim, result)

    def give_back(self, claim: Claim) -> None:
        self._step(_GIVE_BACK, claim)

    def take_turn(self, spacing_seconds: float, longest_wait_seconds: float) -> float:
        spacing, longest = _microseconds(spacing_seconds), _microseconds(longest_wait_seconds)
        first = _microseconds(1 + spacing_seconds)
        arguments = (spacing, longest, _TURN_KEPT_SECONDS, first)
        return int(self._run(_TAKE_TURN, ["free-turn"], arguments)) / 1e6

    def hold_turns(self, seconds: float) -> None:
        self._run(_HOLD_TURNS, ["free-turn"], (_microseconds(seconds), _TURN_KEPT_SECONDS))

    def eviction_policy(self) -> str:
        """What the server does when its memory is full; empty if it doesn't say."""
        return str(self._ask(self._client.info, "memory").get("maxmemory_policy", ""))

    def close(self) -> None:
        self._client.close()

    def _step(self, script: str, claim: Claim, *more: str) -> Any:
        keys = [f"claim:{claim.key}"]
        for allowance in claim.allowances:
            keys += [f"places:{allowance.key}", f"undecided:{allowance.key}"]
        allowances = [
            {
                "limits": [(limit.places, limit.seconds * 1000) for limit in allowance.limits],
                "longest": allowance.longest_seconds * 1000,
                "refusal": allowance.refusal,
            }
            for allowance in claim.allowances
        ]
        times = round(claim.deadline_seconds * 1000), round(claim.lasts_seconds * 1000)
        return self._run(script, keys, (claim.token, *times, json.dumps(allowances), *more))

    def _run(self, script: str, keys: list[str], arguments: tuple[Any, ...]) -> Any:
        return self._ask(self._scripts[script], [_PREFIX + key for key in keys], arguments)

    def _ask(self, ask: Callable[..., Any], *arguments: Any) -> Any:
        if self._clock() - self._used_at > MAX_IDLE_SECONDS:
            self._client.connection_pool.disconnect()
        try:
            return ask(*arguments)
        except (redis.RedisError, OSError) as failure:
            raise StoreUnavailable(type(failure).__name__) from None
        finally:
            self._used_at = self._clock()


def _microseconds(seconds: float) -> int:
    return round(seconds * 1e6)
