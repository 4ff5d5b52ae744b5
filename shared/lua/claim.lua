-- A worker takes a ticket. Only one holds the lease; who comes second leaves, since the holder looks again at its end.
-- The attempt is counted here, not at the failure: a ticket that kills its worker each time must end in `dead` too.
-- KEYS: record, due, lease, dead
-- ARGV: ticket id, token, lease ms, new run id, most attempts, last event of a run that is given up, run lifetime s,
--       what stands before the id in a stream's name (same hash tag, so the same slot)
-- Returns {'busy'} | {'idle'} | {'later'} | {'dead'}
--       | {'run', want, run id, attempts, 1 if it was begun before, 1 if the last mark was a backfill's}
if redis.call('EXISTS', KEYS[3]) == 1 then
  return {'busy'}
end
local want = tonumber(redis.call('HGET', KEYS[1], 'want') or 0)
local done = tonumber(redis.call('HGET', KEYS[1], 'done') or 0)
if want <= done then
  redis.call('ZREM', KEYS[2], ARGV[1])
  return {'idle'}
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local score = redis.call('ZSCORE', KEYS[2], ARGV[1])
if not score then
  if redis.call('ZSCORE', KEYS[4], ARGV[1]) then
    return {'dead'}
  end
  redis.call('ZADD', KEYS[2], now, ARGV[1])
elseif tonumber(score) > now then
  return {'later'}
end
local attempts = redis.call('HINCRBY', KEYS[1], 'attempts', 1)
if attempts > tonumber(ARGV[5]) then
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('ZADD', KEYS[4], now, ARGV[1])
  local given_up = redis.call('HGET', KEYS[1], 'run')
  redis.call('HDEL', KEYS[1], 'run', 'begun')
  if given_up then
    redis.call('XADD', ARGV[8] .. given_up, '*', 'event', 'error', 'data', ARGV[6])
    redis.call('EXPIRE', ARGV[8] .. given_up, ARGV[7])
  end
  return {'dead'}
end
redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3])
redis.call('HSETNX', KEYS[1], 'run', ARGV[4])
local run = redis.call('HGET', KEYS[1], 'run')
-- A run that was begun before and never settled: its worker is gone, and left words in its log.
local begun = redis.call('HGET', KEYS[1], 'begun') == run
redis.call('HSET', KEYS[1], 'begun', run)
local listed = tonumber(redis.call('HGET', KEYS[1], 'listed') or 0) == want
return {'run', want, run, attempts, begun and 1 or 0, listed and 1 or 0}
