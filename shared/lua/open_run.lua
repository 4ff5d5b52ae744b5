-- An agent looks at a ticket whose Canvas is absent or behind: join the ticket's run, or make one.
-- KEYS: record, due, stream of the new run, dead
-- ARGV: ticket id, new run id, record lifetime s, run lifetime s, event, 1 to run now even where an attempt waits,
--       what stands before the id in a stream's name (same hash tag, so the same slot)
-- Returns {run id, 1 if it is new}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[6] == '1' then
  redis.call('HDEL', KEYS[1], 'attempts', 'error')
  redis.call('ZADD', KEYS[2], 'XX', 'LT', now, ARGV[1])
end
local run = redis.call('HGET', KEYS[1], 'run')
if run then
  -- A precompute that is only claimed, or that waited longer than a log lives, has no log yet: begin it.
  if redis.call('EXISTS', ARGV[7] .. run) == 0 then
    redis.call('XADD', ARGV[7] .. run, '*', 'event', 'queued', 'data', ARGV[5])
    redis.call('EXPIRE', ARGV[7] .. run, ARGV[4])
  end
  return {run, 0}
end
local want = tonumber(redis.call('HGET', KEYS[1], 'want') or 0)
local done = tonumber(redis.call('HGET', KEYS[1], 'done') or 0)
if want <= done then
  -- Nothing is due and yet the Canvas is gone (its lifetime ended, or the cache evicted it).
  redis.call('HINCRBY', KEYS[1], 'want', 1)
end
redis.call('HSET', KEYS[1], 'run', ARGV[2], 'lane', 'live')
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('ZADD', KEYS[2], 'NX', now, ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('XADD', KEYS[3], '*', 'event', 'queued', 'data', ARGV[5])
redis.call('EXPIRE', KEYS[3], ARGV[4])
return {ARGV[2], 1}
