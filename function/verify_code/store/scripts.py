"""The shared store's atomic steps, in Lua, by the server's clock.

A claim is a hash of its token, its deadline, how often it was marked (an odd number while it is
calling) and its result. An allowance is a sorted set of places
(token, when it was made) and a hash of those that aren't decided yet (token, ``h`` for held or
``c`` for calling, and the deadline). Moments are milliseconds; all keys expire by themselves.

Tair's proxies take a script only where each key is written as ``KEYS[n]`` ("Limits on Lua
scripts"), so what is done with an allowance is written out for each.
"""

from __future__ import annotations

#: The longest window; a place is kept for it, whatever the windows of who asks.
_DAY_MS = 24 * 3600 * 1000

#: KEYS: the claim's, then for each allowance its places' and its undecided ones'.
#: ARGV: the token, the milliseconds until the deadline, the milliseconds that the claim lasts,
#: and each allowance's refusal and its limits as [places, milliseconds].
_BEGIN = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local token, until_deadline, lasts = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local allowances = cjson.decode(ARGV[4])
local found = redis.call('HMGET', KEYS[1], 'token', 'deadline', 'marks', 'result')
local holder, left = found[1], (tonumber(found[2]) or 0) - now
local marks, result = tonumber(found[3]) or 0, found[4]
"""

_ALLOWANCE = """
if allowances[N] then
  local allowance = allowances[N]

  -- Drops what is too old to count, and what was held by somebody who is gone; sees when the
  -- next of the others is decided.
  function allowance.tidy()
    redis.call('ZREMRANGEBYSCORE', PLACES, '-inf', now - DAY)
    local undecided = redis.call('HGETALL', UNDECIDED)
    for n = 1, #undecided, 2 do
      local state, deadline = undecided[n + 1]:sub(1, 1), tonumber(undecided[n + 1]:sub(2))
      if deadline <= now then
        redis.call('HDEL', UNDECIDED, undecided[n])
        if state == 'h' then redis.call('ZREM', PLACES, undecided[n]) end
      else
        allowance.decided_in = math.min(allowance.decided_in or deadline, deadline - now)
      end
    end
  end

  -- How long until each window has a place.
  function allowance.wait()
    local longest = 0
    for _, limit in ipairs(allowance.limits) do
      local nth = redis.call('ZREVRANGE', PLACES, limit[1] - 1, limit[1] - 1, 'WITHSCORES')
      if nth[2] then longest = math.max(longest, math.min(limit[2], nth[2] + limit[2] - now)) end
    end
    return longest
  end

  function allowance.take(state)
    redis.call('ZADD', PLACES, 'NX', now, token)
    redis.call('HSET', UNDECIDED, token, state)
    redis.call('PEXPIRE', PLACES, DAY + until_deadline)
    redis.call('PEXPIRE', UNDECIDED, DAY + until_deadline)
  end

  function allowance.settle()
    redis.call('HDEL', UNDECIDED, token)
  end

  function allowance.give_back()
    redis.call('HDEL', UNDECIDED, token)
    redis.call('ZREM', PLACES, token)
  end
end
"""

_ADMIT = """
for _, allowance in ipairs(allowances) do allowance.tidy() end
local wait = allowances[1].wait()
if result then return {'settled', wait, result} end
local is_anothers = holder and holder ~= token
if is_anothers and left > 0 then return {'under way', left} end
if is_anothers and marks % 2 == 1 then return {'abandoned', wait} end
if holder ~= token then
  local decided_in = allowances[1].decided_in
  if wait > 0 and decided_in then return {'under way', decided_in} end
  local longest, refusal = 0, nil
  for _, allowance in ipairs(allowances) do
    local its_wait = allowance.wait()
    if its_wait > 0 then refusal = refusal or allowance.refusal end
    longest = math.max(longest, its_wait)
  end
  if refusal then return {'refused', longest, refusal} end

  redis.call('HSET', KEYS[1], 'token', token, 'deadline', now + until_deadline, 'marks', 0)
  redis.call('PEXPIRE', KEYS[1], until_deadline)
  for _, allowance in ipairs(allowances) do allowance.take('h' .. now + until_deadline) end
end
return {'admitted', allowances[1].wait()}  -- now, or by a command that is repeated
"""

#: A mark that comes after a later one, or after the result, is too late to mean anything.
_MARK = """
local mark, age = tonumber(ARGV[5]), until_deadline - left
if holder ~= token or left <= 0 or age > tonumber(ARGV[6]) then return 0 end
if result or mark < marks then return 0 end
local is_calling = mark % 2 == 1
redis.call('HSET', KEYS[1], 'marks', mark)
redis.call('PEXPIRE', KEYS[1], is_calling and lasts or left)
for _, allowance in ipairs(allowances) do
  allowance.take((is_calling and 'c' or 'h') .. found[2])
end
return 1
"""

#: A store that has lost the claim meanwhile is told of it again.
_SETTLE = """
if holder and holder ~= token then return end
redis.call('HSET', KEYS[1], 'token', token, 'result', ARGV[5])
redis.call('PEXPIRE', KEYS[1], lasts)
for _, allowance in ipairs(allowances) do
  if not holder then allowance.take('c' .. now) end  -- a place, which is decided at once
  allowance.settle()
end
"""

_GIVE_BACK = """
if holder == token then redis.call('DEL', KEYS[1]) end
for _, allowance in ipairs(allowances) do allowance.give_back() end
"""

_ALLOWANCES = "".join(
    _ALLOWANCE.replace("PLACES", f"KEYS[{2 * n}]")
    .replace("UNDECIDED", f"KEYS[{2 * n + 1}]")
    .replace("[N]", f"[{n}]")
    .replace("DAY", str(_DAY_MS))
    for n in (1, 2, 3)
)

ADMIT, MARK, SETTLE, GIVE_BACK = (
    _BEGIN + _ALLOWANCES + step for step in (_ADMIT, _MARK, _SETTLE, _GIVE_BACK)
)

#: Microseconds. A store that knows of no turn, be it new, without its data or with its clock set
#: back, hands the first one out a second later: calls may have been made just before.
TAKE_TURN = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local free = tonumber(redis.call('GET', KEYS[1]))
if free and free - now > 120 * 1000000 then free = nil end
local turn = math.max(now, free or now + ARGV[4])
local is_taken = turn - now <= tonumber(ARGV[2])
if is_taken or not free then
  local next = is_taken and turn + ARGV[1] or turn
  redis.call('SET', KEYS[1], string.format('%.0f', next), 'EX', ARGV[3])
end
return string.format('%.0f', turn - now)
"""

HOLD_TURNS = """
local time = redis.call('TIME')
local free = time[1] * 1000000 + time[2] + ARGV[1]
if free > (tonumber(redis.call('GET', KEYS[1])) or 0) then
  redis.call('SET', KEYS[1], string.format('%.0f', free), 'EX', ARGV[2])
end
"""
