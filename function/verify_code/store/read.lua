-- Every script on records begins with this part: it reads the record, and has what they share.
--
-- KEYS[1]  the idempotency record: a hash of token, state, made_at, deadline and result
-- KEYS[2]  the number's rate limit (an unused key where it has none)
-- KEYS[3]  the caller's rate limit (an unused key where there is no caller)
-- KEYS[4]  the rate limit in all
-- A rate limit is a sorted set. A member is "state:deadline:token", its score when it was made.
-- A state is r (reserved), s (sending) or c (completed). Moments are milliseconds of the server's
-- clock. All keys expire by themselves.
--
-- ARGV[1]  the token           ARGV[2]  milliseconds until the deadline
-- ARGV[3]  milliseconds for which the record is kept after each use, and ARGV[4] in all
-- ARGV[5]  JSON: the code and the limits [count, milliseconds] of each rate limit

local DAY = 24 * 3600 * 1000  -- the longest window that any function may set
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local token, until_deadline = ARGV[1], tonumber(ARGV[2])
local kept, most = tonumber(ARGV[3]), tonumber(ARGV[4])
local rate_limits = cjson.decode(ARGV[5])

local found = redis.call('HMGET', KEYS[1], 'token', 'state', 'made_at', 'deadline', 'result')
local holder, state, result = found[1], found[2], found[5]
local made_at, deadline = tonumber(found[3]) or 0, tonumber(found[4]) or 0

-- How long the record may stay when it is used now. The call of one in state s may have taken effect.
local function lifetime(since, its_state)
  local longest = since + most - now
  return math.max(1, its_state == 's' and longest or math.min(kept, longest))
end

local function member(its_state, its_deadline, its_token)
  return its_state .. ':' .. its_deadline .. ':' .. its_token
end

-- Counts a member in each rate limit that has limits, as of a moment.
local function count(its_member, moment)
  if #rate_limits[1].limits > 0 then
    redis.call('ZADD', KEYS[2], moment, its_member)
    redis.call('PEXPIRE', KEYS[2], DAY + until_deadline)
  end
  if #rate_limits[2].limits > 0 then
    redis.call('ZADD', KEYS[3], moment, its_member)
    redis.call('PEXPIRE', KEYS[3], DAY + until_deadline)
  end
  redis.call('ZADD', KEYS[4], moment, its_member)
  redis.call('PEXPIRE', KEYS[4], DAY + until_deadline)
end
