-- Pause a tenant's backfill, let it go on, or cancel it. Where a worker is at it (lease) it is asked to and says the new
-- state itself, when its runs have ended; where none is, the state changes at once, and a cancelled one is cleaned up by
-- the next worker. Doing it twice changes nothing more.
-- KEYS: record, lease of the worker
-- ARGV: pause | resume | cancel, lifetime s
-- Returns the state now, '' where there is none
local state = redis.call('HGET', KEYS[1], 'state') or ''
local works = redis.call('EXISTS', KEYS[2]) == 1
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local fixed = state == '' or state == 'done' or state == 'cancelled'
if fixed then
  return state
end
if ARGV[1] == 'resume' then
  redis.call('HDEL', KEYS[1], 'asked')
  if state == 'paused' or state == 'failed' or state == 'over_budget' then
    state = 'queued'
    redis.call('HSET', KEYS[1], 'state', state, 'queued_at', now, 'error', '', 'ended_ms', 0)
  end
elseif ARGV[1] == 'pause' then
  if state ~= 'failed' and state ~= 'over_budget' then
    redis.call('HSET', KEYS[1], 'asked', 'pause')
    state = works and state or 'paused'
    redis.call('HSET', KEYS[1], 'state', state)
  end
else
  redis.call('HSET', KEYS[1], 'asked', 'cancel')
  state = works and state or 'cancelled'
  redis.call('HSET', KEYS[1], 'state', state)
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return state
