-- A run ends: its last event, the ticket's record and the lease change in one step.
-- KEYS: record, due, lease, stream
-- ARGV: ticket id, token, want that the run has read, 1 if that want is satisfied now, ms until the next attempt,
--       revision, recipe, last event, its data, run lifetime s, error code,
--       ms for which an outage is waited out (0: no outage), attempts that stand for as long
-- Returns 'lost' (another worker has the ticket) | 'done' | 'again' (it changed meanwhile) | 'later' (next attempt)
if redis.call('GET', KEYS[3]) ~= ARGV[2] then
  return 'lost'
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local want = tonumber(redis.call('HGET', KEYS[1], 'want') or 0)
local read = tonumber(ARGV[3])
local result
if ARGV[4] == '1' then
  redis.call('HSET', KEYS[1], 'done', math.max(read, tonumber(redis.call('HGET', KEYS[1], 'done') or 0)))
  redis.call('HDEL', KEYS[1], 'attempts', 'error', 'first_due')
  if want <= read then
    redis.call('ZREM', KEYS[2], ARGV[1])
    result = 'done'
  else
    redis.call('ZADD', KEYS[2], now, ARGV[1])
    result = 'again'
  end
else
  redis.call('HSET', KEYS[1], 'error', ARGV[11])
  if ARGV[12] ~= '0' then
    -- An outage says nothing about the ticket: it must not use up its attempts.
    redis.call('HSETNX', KEYS[1], 'first_due', now)
    if now - tonumber(redis.call('HGET', KEYS[1], 'first_due')) < tonumber(ARGV[12]) then
      local attempts = tonumber(redis.call('HGET', KEYS[1], 'attempts') or 0)
      redis.call('HSET', KEYS[1], 'attempts', math.min(attempts, tonumber(ARGV[13])))
    end
  end
  redis.call('ZADD', KEYS[2], now + tonumber(ARGV[5]), ARGV[1])
  result = 'later'
end
if ARGV[6] ~= '' then
  redis.call('HSET', KEYS[1], 'revision', ARGV[6], 'recipe', ARGV[7])
end
redis.call('HDEL', KEYS[1], 'run', 'begun')
redis.call('XADD', KEYS[4], '*', 'event', ARGV[8], 'data', ARGV[9], 'result', result)
redis.call('EXPIRE', KEYS[4], ARGV[10])
redis.call('DEL', KEYS[3])
return result
