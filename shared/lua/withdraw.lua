-- Take a backfill's mark back: the ticket is as it was before, and nobody computes it. Not where a worker has it, where
-- it has changed since, or where an agent waits for it. A blind retry finds nothing to do.
-- KEYS: the ledger's, and the backfill's lists: given, indexed
-- ARGV: ticket id
-- Returns 1 if it was taken back
local ticket = ARGV[1]
local found = redis.call('HMGET', KEYS[1], 'want', 'listed', 'lane', 'viewed', 'begun')
local place = redis.call('ZSCORE', KEYS[10], ticket)
if not place or found[1] ~= found[2] or found[3] ~= 'backfill' or found[4] or found[5] then
  return 0
end
if redis.call('EXISTS', KEYS[2]) == 1 or not redis.call('ZSCORE', KEYS[3], ticket) then
  return 0
end
redis.call('HSET', KEYS[1], 'done', found[1])
redis.call('HDEL', KEYS[1], 'first_due', 'attempts', 'error', 'failing_since')
redis.call('ZREM', KEYS[3], ticket)
leave_places(ticket)
redis.call('ZREM', KEYS[10], ticket)
redis.call('ZADD', KEYS[11], place, ticket)
return 1
