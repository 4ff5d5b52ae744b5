-- Start a tenant's backfill, or join the one that goes on. One whose worker was lost (no lease) is begun anew.
-- A blind retry joins what its first try has begun.
-- KEYS: progress, lease of the worker
-- ARGV: new id, what is wanted, lifetime s, ms that a queued one waits for its worker before it counts as lost
-- Returns {id, 1 if it is to be queued now}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('HMGET', KEYS[1], 'id', 'state', 'queued_at')
local id, state = known[1], known[2]
local waits = state == 'queued' and now - tonumber(known[3] or 0) < tonumber(ARGV[4])
local runs = redis.call('EXISTS', KEYS[2]) == 1 and state and state ~= 'done' and state ~= 'failed'
if waits or runs then
  if not id then
    -- Begun by hand, where nobody asked for a name.
    id = ARGV[1]
    redis.call('HSET', KEYS[1], 'id', id)
  end
  return {id, 0}
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'state', 'queued', 'queued_at', now, 'wanted', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return {ARGV[1], 1}
