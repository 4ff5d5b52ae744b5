-- A model has begun to answer, or has ended well: its breakers close. Only a good end forgets its failures in a row.
-- A call from before the breaker opened says nothing about now: a spent account still finishes what it had begun.
-- KEYS: breaker of the model, breaker of its provider   ARGV: ms at which the call began, lifetime s, 1 at a good end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, key in ipairs(KEYS) do
  local opened = redis.call('HGET', key, 'opened')
  if not opened or tonumber(ARGV[1]) >= tonumber(opened) then
    if opened then
      redis.call('HDEL', key, 'opened', 'until', 'kind', 'heals', 'prober')
    end
    if ARGV[3] == '1' then
      redis.call('HDEL', key, 'failures', 'first', 'last')
    end
    redis.call('HSET', key, 'alive', now)
    redis.call('EXPIRE', key, ARGV[2])
  end
end
return 1
