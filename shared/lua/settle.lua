-- A run ends: its last event, the ticket's record and the lease change in one step. The log of a run that no agent has
-- opened goes at once: it is as large as the Canvas that it made.
-- KEYS: the ledger's, and the run's stream
-- ARGV: ticket id, token, want that the run has read, 1 if that want is satisfied now, ms until the next attempt,
--       revision, recipe, last event, its data, lifetime s of the log from now on, error code,
--       ms for which an outage is waited out (0: no outage), attempts that stand for as long,
--       ms that a burst must be calm, ms that it may last at most, traceparent of the run or ''
-- Returns 'lost' (another worker has the ticket) | 'done' | 'again' (it changed meanwhile) | 'later' (next attempt)
if redis.call('GET', KEYS[2]) ~= ARGV[2] then
  return 'lost'
end
local ticket, now = ARGV[1], now_ms()
local want = tonumber(redis.call('HGET', KEYS[1], 'want') or 0)
local read = tonumber(ARGV[3])
local result
if ARGV[4] == '1' then
  redis.call('HSET', KEYS[1], 'done', math.max(read, tonumber(redis.call('HGET', KEYS[1], 'done') or 0)))
  redis.call('HDEL', KEYS[1], 'attempts', 'error', 'failing_since')
  if want <= read then
    redis.call('ZREM', KEYS[3], ticket)
    leave_places(ticket)
    result = 'done'
  else
    redis.call('ZADD', KEYS[3], redis.call('HGET', KEYS[1], 'first_due') or now, ticket)
    wait_turn(ticket, calm_at(now, tonumber(ARGV[14]), tonumber(ARGV[15])))
    result = 'again'
  end
else
  redis.call('HSET', KEYS[1], 'error', ARGV[11])
  redis.call('HSETNX', KEYS[1], 'failing_since', now)
  -- An outage says nothing about the ticket: it must not use up its attempts.
  if now - tonumber(redis.call('HGET', KEYS[1], 'failing_since')) < tonumber(ARGV[12]) then
    local attempts = tonumber(redis.call('HGET', KEYS[1], 'attempts') or 0)
    redis.call('HSET', KEYS[1], 'attempts', math.min(attempts, tonumber(ARGV[13])))
  end
  redis.call('ZADD', KEYS[3], 'NX', now, ticket)
  local turn = now + tonumber(ARGV[5])
  if want > read then -- what changed meanwhile does not wait for the next attempt at the old state
    turn = math.min(turn, calm_at(now, tonumber(ARGV[14]), tonumber(ARGV[15])))
  end
  wait_turn(ticket, turn)
  result = 'later'
end
if ARGV[6] ~= '' then
  redis.call('HSET', KEYS[1], 'revision', ARGV[6], 'recipe', ARGV[7])
  if ARGV[16] ~= '' then
    redis.call('HSET', KEYS[1], 'made_by', ARGV[16])
  end
end
local viewed = redis.call('HEXISTS', KEYS[1], 'viewed') == 1
redis.call('HDEL', KEYS[1], 'run', 'begun', 'resumed', 'appended', 'viewed')
if viewed then
  redis.call('XADD', KEYS[10], '*', 'event', ARGV[8], 'data', ARGV[9], 'result', result)
  redis.call('EXPIRE', KEYS[10], ARGV[10])
else
  redis.call('DEL', KEYS[10]) -- whoever is told a run's id has opened it first: nobody can ask for this log any more
end
redis.call('DEL', KEYS[2])
return result
