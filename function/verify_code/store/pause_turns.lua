-- Hands out no turn for some time: the API's flow control asked for it.
-- KEYS[1]  when the next turn is free
-- ARGV[1]  microseconds     ARGV[2]  seconds for which the key is kept

local time = redis.call('TIME')
local free = time[1] * 1000000 + time[2] + ARGV[1]
if free > (tonumber(redis.call('GET', KEYS[1])) or 0) then
  redis.call('SET', KEYS[1], string.format('%.0f', free), 'EX', ARGV[2])
end
