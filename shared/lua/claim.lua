-- A worker takes a ticket. Only one holds the lease; who comes second leaves, since the holder looks again at its end.
-- The attempt is counted here, not at the failure: a ticket that kills its worker each time must end in `dead` too.
-- A blind retry (same token) gets the same answer.
-- ARGV: ticket id, token, lease ms, new run id, most attempts, last event of a run that is given up, run lifetime s,
--       what stands before the id in a stream's name (same hash tag, so the same slot)
-- Returns {'busy'} | {'idle'} | {'later'} | {'dead'}
--       | {'run', want, run id, attempts, 1 if begun before, 1 if the last mark was a backfill's, 1 if an agent looks,
--          who asked for it: traceparents, parted by spaces}
local ticket, now = ARGV[1], now_ms()
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[2] then
  return {'busy'}
end
local want = tonumber(redis.call('HGET', KEYS[1], 'want') or 0)
if not holder then
  if want <= tonumber(redis.call('HGET', KEYS[1], 'done') or 0) then
    redis.call('ZREM', KEYS[3], ticket)
    leave_places(ticket)
    return {'idle'}
  end
  if redis.call('ZSCORE', KEYS[4], ticket) then
    return {'dead'}
  end
  local turn = turn_of(ticket)
  if turn and turn > now then
    return {'later'}
  end
  redis.call('ZADD', KEYS[3], 'NX', now, ticket)
  -- A run that was begun before and never settled: its worker is gone, and left words in its log.
  local run = redis.call('HGET', KEYS[1], 'run')
  local begun = run and redis.call('HGET', KEYS[1], 'begun') == run
  if begun then
    redis.call('HSET', KEYS[1], 'error', 'worker-lost')
  end
  local attempts = redis.call('HINCRBY', KEYS[1], 'attempts', 1)
  if attempts > tonumber(ARGV[5]) then
    redis.call('ZREM', KEYS[3], ticket)
    leave_places(ticket)
    redis.call('ZADD', KEYS[4], now, ticket)
    redis.call('HSET', KEYS[1], 'attempts', ARGV[5], 'dead', 1) -- this one did not take place
    redis.call('HDEL', KEYS[1], 'run', 'begun', 'first_due', 'viewed')
    if run then
      redis.call('XADD', ARGV[8] .. run, '*', 'event', 'error', 'data', ARGV[6])
      redis.call('EXPIRE', ARGV[8] .. run, ARGV[7])
    end
    return {'dead'}
  end
  redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
  redis.call('HSETNX', KEYS[1], 'run', ARGV[4])
  redis.call('HSET', KEYS[1], 'begun', redis.call('HGET', KEYS[1], 'run'), 'resumed', begun and 1 or 0, 'appended', 0)
  redis.call('HDEL', KEYS[1], 'first_due') -- changes from here on are another burst
  local traces = redis.call('HGET', KEYS[1], 'traces')
  if traces then
    redis.call('HSET', KEYS[1], 'run_traces', traces)
    redis.call('HDEL', KEYS[1], 'traces')
  elseif not begun then
    redis.call('HDEL', KEYS[1], 'run_traces')
  end
  hold(ticket, now + tonumber(ARGV[3]))
end
local found = redis.call('HMGET', KEYS[1], 'run', 'attempts', 'resumed', 'listed', 'viewed', 'run_traces')
local listed, viewed = tonumber(found[4] or 0) == want and 1 or 0, found[5] and 1 or 0
return {'run', want, found[1], tonumber(found[2] or 1), tonumber(found[3] or 0), listed, viewed, found[6] or ''}
