-- Start a tenant's backfill, or join the one that goes on, whatever is wanted: of one whose worker was lost (no lease)
-- another worker takes care. One that stopped before its end goes on if the same is wanted, perhaps for another budget.
-- A blind retry joins what its first try has begun.
-- KEYS: record, lease of the worker, lists of its tickets (pending, indexed, given) and of their requesters
-- ARGV: new id, options, lifetime s, ms that a queued one waits for its worker before it counts as lost, options without
--       the budget
-- Returns {id, 1 if it is begun now}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('HMGET', KEYS[1], 'id', 'state', 'queued_at', 'wanted', 'same_as')
local id, state, same = known[1], known[2], (known[5] or known[4]) == ARGV[5]
local waits = state == 'queued' and now - tonumber(known[3] or 0) < tonumber(ARGV[4])
local ended = not state or state == 'done' or state == 'cancelled' or state == 'failed' or state == 'over_budget'
local goes_on = not ended and state ~= 'paused' and state ~= 'queued'
local runs = redis.call('EXISTS', KEYS[2]) == 1 and not ended and state ~= 'paused'
if waits or runs or goes_on or (id and not ended and same) or (id and state ~= 'done' and state ~= 'cancelled' and same) then
  if not id then
    -- Begun by an older version, where nobody asked for a name.
    id = ARGV[1]
    redis.call('HSET', KEYS[1], 'id', id)
  end
  redis.call('HDEL', KEYS[1], 'asked')
  if not waits and not runs then
    redis.call('HSET', KEYS[1], 'state', 'queued', 'queued_at', now, 'error', '', 'ended_ms', 0)
    if same then
      redis.call('HSET', KEYS[1], 'wanted', ARGV[2])
    end
    redis.call('EXPIRE', KEYS[1], ARGV[3])
  end
  return {id, 0}
end
redis.call('DEL', KEYS[1], KEYS[3], KEYS[4], KEYS[5], KEYS[6])
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'state', 'queued', 'queued_at', now, 'wanted', ARGV[2], 'started_ms', now)
redis.call('HSET', KEYS[1], 'same_as', ARGV[5])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return {ARGV[1], 1}
