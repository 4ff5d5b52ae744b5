-- A ticket has changed: it is due. Can't be lost (one atomic write) and can't be overtaken (`want` only grows).
-- A blind retry after a lost answer marks twice, which only asks for one run more.
-- KEYS: the ledger's [, a backfill's lists: indexed, given]: then the ticket is marked as it moves from the one to the
--       other, and only then; so neither a kill nor a retry marks it twice
-- ARGV: ticket id, lane, record lifetime s, ms that a burst must be calm, ms that it may last at most, traceparent or ''
-- Returns the number of changes so far, 0 where a backfill has nothing to move.
local ticket, now = ARGV[1], now_ms()
if KEYS[10] then
  local place = redis.call('ZSCORE', KEYS[10], ticket)
  if not place then
    return 0
  end
  redis.call('ZREM', KEYS[10], ticket)
  redis.call('ZADD', KEYS[11], place, ticket)
end
local want = redis.call('HINCRBY', KEYS[1], 'want', 1)
redis.call('HSETNX', KEYS[1], 'first_due', now)
redis.call('HSET', KEYS[1], 'last_due', now)
redis.call('HDEL', KEYS[1], 'attempts', 'error', 'failing_since', 'dead')
redis.call('ZREM', KEYS[4], ticket)
local is_new = redis.call('ZADD', KEYS[3], 'NX', now, ticket) == 1
local was_backfill = lane_offset() == 1
-- A live change takes a ticket out of the backfill's lane; a backfill never takes one out of the live lane.
if ARGV[2] == 'live' or is_new then
  redis.call('HSET', KEYS[1], 'lane', ARGV[2])
end
if ARGV[2] == 'backfill' then
  redis.call('HSET', KEYS[1], 'listed', want)
end
asked_by(ARGV[6])
redis.call('EXPIRE', KEYS[1], ARGV[3])
if redis.call('EXISTS', KEYS[2]) == 1 then
  return want -- its holder looks again at its end
end
local handed_out = redis.call('ZSCORE', KEYS[5], ticket) or redis.call('ZSCORE', KEYS[8], ticket)
  or (was_backfill and redis.call('ZSCORE', KEYS[9], ticket))
if handed_out and (ARGV[2] == 'backfill' or not was_backfill) then
  return want -- whoever claims it reads this change too
end
local turn = turn_of(ticket)
if ARGV[2] == 'live' then
  wait_turn(ticket, calm_at(now, tonumber(ARGV[4]), tonumber(ARGV[5])))
elseif not turn or (turn > now and lane_offset() == 1) then
  wait_turn(ticket, now)
end
return want
