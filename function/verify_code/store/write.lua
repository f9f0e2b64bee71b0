-- Changes the state of the token's own record, and of its members in the rate limits, or drops them.
-- ARGV[6]  the new state: 's' (begin sending), 'c' (complete) or '' (release)
-- ARGV[7]  the result, or the greatest age in milliseconds at which sending may still begin
-- Returns 1, or 0 where the record isn't the token's, or may not change to this state.

local new_state = ARGV[6]
if new_state == 'c' and not holder then  -- what was done counts, whatever the store has lost
  state, made_at, deadline = 's', now, now
elseif holder ~= token or (state == 'c' and new_state ~= 'c') then
  return 0
end
if new_state == 's' then
  local age = now - made_at
  if deadline <= now or age > tonumber(ARGV[7]) then return 0 end
end

local old, new = member(state, deadline, token), member(new_state, deadline, token)
redis.call('ZREM', KEYS[2], old)
redis.call('ZREM', KEYS[3], old)
redis.call('ZREM', KEYS[4], old)
if new_state == '' then
  redis.call('DEL', KEYS[1])
  return 1
end
redis.call('HSET', KEYS[1], 'token', token, 'state', new_state)
redis.call('HSET', KEYS[1], 'made_at', made_at, 'deadline', deadline)
if new_state == 'c' then redis.call('HSET', KEYS[1], 'result', ARGV[7]) end
redis.call('PEXPIRE', KEYS[1], lifetime(made_at, new_state))
count(new, made_at)
return 1
