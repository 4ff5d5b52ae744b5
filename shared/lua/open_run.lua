-- An agent looks at a ticket whose Canvas is absent or behind: join the ticket's run, or make one.
-- KEYS: the ledger's, and the stream of the new run
-- ARGV: ticket id, new run id, record lifetime s, run lifetime s, first event's data, 1 to run now even where an attempt waits,
--       what stands before the id in a stream's name (same hash tag, so the same slot), ms until the dispatcher looks,
--       traceparent or ''
-- Returns {run id, 1 if it is new, 1 if a worker has to be woken}
local ticket, now = ARGV[1], now_ms()
local held = redis.call('EXISTS', KEYS[2]) == 1
local at_once = ARGV[6] == '1'
if at_once and redis.call('HGET', KEYS[1], 'error') ~= 'worker-lost' then
  redis.call('HDEL', KEYS[1], 'attempts', 'error')
elseif at_once and redis.call('ZSCORE', KEYS[4], ticket) then
  -- It may have killed its workers: one more attempt, and whoever asks again does not begin to count anew.
  redis.call('HINCRBY', KEYS[1], 'attempts', -1)
end
local run = redis.call('HGET', KEYS[1], 'run')
local created = 0
-- The first event says how many changes are known that the stored Canvas does not know.
local function begin_log(stream)
  local seen = redis.call('HMGET', KEYS[1], 'want', 'done')
  local newer = math.max(0, tonumber(seen[1] or 0) - tonumber(seen[2] or 0))
  local data = string.sub(ARGV[5], 1, -2) .. ',"newer":' .. newer .. '}'
  redis.call('XADD', stream, '*', 'event', 'queued', 'data', data)
  redis.call('EXPIRE', stream, ARGV[4])
end
if run then
  -- A precompute that is only claimed, or that waited longer than a log lives, has no log yet: begin it.
  if redis.call('EXISTS', ARGV[7] .. run) == 0 then
    begin_log(ARGV[7] .. run)
  end
else
  local want = tonumber(redis.call('HGET', KEYS[1], 'want') or 0)
  local done = tonumber(redis.call('HGET', KEYS[1], 'done') or 0)
  if want <= done then
    -- Nothing is due and yet the Canvas is gone (its lifetime ended, or the cache evicted it).
    redis.call('HINCRBY', KEYS[1], 'want', 1)
  end
  run, created = ARGV[2], 1
  redis.call('HSET', KEYS[1], 'run', run)
  begin_log(KEYS[10])
end
redis.call('HSET', KEYS[1], 'lane', 'live', 'viewed', '1')
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('ZADD', KEYS[3], 'NX', now, ticket)
redis.call('ZREM', KEYS[4], ticket)
redis.call('HDEL', KEYS[1], 'dead')
if held then
  return {run, created, 0}
end
asked_by(ARGV[9])
-- A burst of changes need not calm down first: somebody is looking. A failed attempt's wait is kept, unless `at_once`.
local turn = turn_of(ticket)
if turn and turn > now and redis.call('HEXISTS', KEYS[1], 'attempts') == 1 then
  wait_turn(ticket, turn)
  return {run, created, 0}
end
-- Who asks again must not put off the dispatcher's look; nor may views use up the live workers' room in `out`.
if not redis.call('ZSCORE', KEYS[5], ticket) and tonumber(redis.call('ZSCORE', KEYS[6], ticket) or now + 1) > now then
  hold(ticket, now + tonumber(ARGV[8]))
end
return {run, created, 1}
