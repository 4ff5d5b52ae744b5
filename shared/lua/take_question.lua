-- A worker takes a question. Only one holds the lease; the attempt is counted here, so that a question that kills its
-- worker each time ends too. A blind retry (same token) gets the same answer.
-- KEYS: record, lease, stream
-- ARGV: token, lease ms, most attempts, ms that anybody waits for it, last event of a run that is given up,
--       run lifetime s
-- Returns {'ended'} | {'busy'} | {'run', question, attempt, 1 if an earlier attempt left words in the log}
local question = redis.call('HGET', KEYS[1], 'question')
if not question then
  return {'ended'}
end
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[1] then
  return {'busy'}
end
if not holder then
  local time = redis.call('TIME')
  local age = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(redis.call('HGET', KEYS[1], 'asked') or 0)
  local attempts = redis.call('HINCRBY', KEYS[1], 'attempts', 1)
  if attempts > tonumber(ARGV[3]) or age > tonumber(ARGV[4]) then
    redis.call('HDEL', KEYS[1], 'question')
    redis.call('XADD', KEYS[3], '*', 'event', 'error', 'data', ARGV[5], 'result', 'done')
    redis.call('EXPIRE', KEYS[3], ARGV[6])
    return {'ended'}
  end
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
  local begun = redis.call('HGET', KEYS[1], 'begun')
  redis.call('HSET', KEYS[1], 'begun', 1, 'resumed', begun and 1 or 0, 'appended', 0)
end
local found = redis.call('HMGET', KEYS[1], 'attempts', 'resumed')
return {'run', question, tonumber(found[1]), tonumber(found[2])}
