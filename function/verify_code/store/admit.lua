-- Looks a record up, and reserves it and its counts if nothing is in the way.
-- ARGV[6]  the token of an attempt that this one replaces, or ''     ARGV[7]  'find' to look up only, or
-- 'count' for a request that needs no record, or ''
-- Returns the outcome, the milliseconds to wait, and the result or the code of the refusal.

local replaces, looks_only = ARGV[6], ARGV[7] == 'find'
local is_replaced = replaces ~= '' and holder == replaces and state ~= 'c'

-- The oldest moment that the longest window of a rate limit still counts.
local function since(n)
  local longest = 0
  for _, limit in ipairs(rate_limits[n].limits) do longest = math.max(longest, limit[2]) end
  return '(' .. now - longest
end

local members = {
  redis.call('ZRANGEBYSCORE', KEYS[2], since(1), '+inf', 'WITHSCORES'),
  redis.call('ZRANGEBYSCORE', KEYS[3], since(2), '+inf', 'WITHSCORES'),
  redis.call('ZRANGEBYSCORE', KEYS[4], since(3), '+inf', 'WITHSCORES'),
}

-- The moments that count in a rate limit, its dead members, and when its next open attempt ends.
local function counted(all)
  local moments, dead, decided_in = {}, {}, nil
  for n = 1, #all, 2 do
    local its_state, its_deadline, its_token = all[n]:match('^(%a):(%d+):(.*)$')
    local left = tonumber(its_deadline) - now
    if its_token == replaces or (its_state == 'r' and left <= 0) then
      dead[#dead + 1] = all[n]
    else
      moments[#moments + 1] = tonumber(all[n + 1])
      if its_state ~= 'c' and left > 0 then decided_in = math.min(decided_in or left, left) end
    end
  end
  return moments, dead, decided_in
end

-- How long until each window has room.
local function wait(limits, moments)
  local longest = 0
  for _, limit in ipairs(limits) do
    local nth = moments[#moments - limit[1] + 1]
    if nth then longest = math.max(longest, math.min(limit[2], nth + limit[2] - now)) end
  end
  return longest
end

local dead, waits, decided_in = {}, {}, nil
local longest, code = 0, nil
for n, rate_limit in ipairs(rate_limits) do
  local moments, its_decided_in
  moments, dead[n], its_decided_in = counted(members[n])
  waits[n] = wait(rate_limit.limits, moments)
  if n == 1 then decided_in = its_decided_in end
  if waits[n] > 0 then code = code or rate_limit.code end
  longest = math.max(longest, waits[n])
  moments[#moments + 1] = now
  rate_limit.wait_after = wait(rate_limit.limits, moments)
end

if holder and not is_replaced then
  if holder == token and state ~= 'c' and not looks_only then  -- a command that is repeated
    return {'admitted', waits[1]}
  end
  if state ~= 'c' and deadline > now then return {'in progress', deadline - now} end
  if state ~= 'r' then
    redis.call('PEXPIRE', KEYS[1], lifetime(made_at, state))
    return {state == 'c' and 'completed' or 'orphaned', waits[1], result or ''}
  end
end
if looks_only then return {'absent', waits[1]} end
if waits[1] > 0 and decided_in then return {'in progress', decided_in} end
if code then return {'limited', longest, code} end

redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - DAY)
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - DAY)
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now - DAY)
for _, its in ipairs(dead[1]) do redis.call('ZREM', KEYS[2], its) end
for _, its in ipairs(dead[2]) do redis.call('ZREM', KEYS[3], its) end
for _, its in ipairs(dead[3]) do redis.call('ZREM', KEYS[4], its) end
local needs_no_record = ARGV[7] == 'count'
local ends = now + until_deadline
count(member(needs_no_record and 'c' or 'r', ends, token), now)
if not needs_no_record then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'token', token, 'state', 'r', 'made_at', now, 'deadline', ends)
  redis.call('PEXPIRE', KEYS[1], until_deadline)
end
return {'admitted', rate_limits[1].wait_after}
