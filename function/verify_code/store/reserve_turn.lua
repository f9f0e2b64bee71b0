-- Reserves the next free turn, unless it is too far off. Moments are microseconds.
-- KEYS[1]  when the next turn is free
-- ARGV[1]  the time from one turn to the next     ARGV[2]  the longest wait
-- ARGV[3]  the wait if the key is missing or invalid: calls that were just made may be forgotten
-- ARGV[4]  seconds for which the key is kept
-- Returns the wait until the turn.

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local free = tonumber(redis.call('GET', KEYS[1]))
if free and free - now > 120 * 1000000 then free = nil end
local turn = math.max(now, free or now + ARGV[3])
local is_reserved = turn - now <= tonumber(ARGV[2])
if is_reserved or not free then
  local next_turn = is_reserved and turn + ARGV[1] or turn
  redis.call('SET', KEYS[1], string.format('%.0f', next_turn), 'EX', ARGV[4])
end
return string.format('%.0f', turn - now)
