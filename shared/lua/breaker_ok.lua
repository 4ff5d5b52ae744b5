-- A model has answered: its breakers close, and its failures so far are forgotten.
-- A call from before the breaker opened says nothing about now: a spent account still finishes what it had begun.
-- KEYS: breaker of the model, breaker of its provider   ARGV: ms at which the call began, lifetime s
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, key in ipairs(KEYS) do
  local opened = redis.call('HGET', key, 'opened')
  if not opened or tonumber(ARGV[1]) >= tonumber(opened) then
    redis.call('HDEL', key, 'opened', 'until', 'kind', 'heals', 'prober', 'failures', 'first', 'last')
    redis.call('HSET', key, 'ok', now)
    redis.call('EXPIRE', key, ARGV[2])
  end
end
return 1
