-- A ticket has changed: it is due. Can't be lost (one atomic write) and can't be overtaken (`want` only grows).
-- A blind retry after a lost answer marks twice, which only asks for one run more.
-- KEYS: record, due, dead   ARGV: ticket id, lane, record lifetime s
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local want = redis.call('HINCRBY', KEYS[1], 'want', 1)
redis.call('HSETNX', KEYS[1], 'first_due', now)
redis.call('HSET', KEYS[1], 'last_due', now)
redis.call('HDEL', KEYS[1], 'attempts', 'error')
-- A live change takes a ticket out of the backfill's lane; a backfill never takes one out of the live lane.
if ARGV[2] == 'live' or not redis.call('ZSCORE', KEYS[2], ARGV[1]) then
  redis.call('HSET', KEYS[1], 'lane', ARGV[2])
end
if ARGV[2] == 'backfill' then
  redis.call('HSET', KEYS[1], 'listed', want)
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
-- NX keeps the place of a ticket that is due already; LT brings one forward that was waiting for its next attempt.
if redis.call('ZADD', KEYS[2], 'NX', now, ARGV[1]) == 0 then
  redis.call('ZADD', KEYS[2], 'XX', 'LT', now, ARGV[1])
end
redis.call('ZREM', KEYS[3], ARGV[1])
return want
