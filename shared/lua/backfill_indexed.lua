-- A ticket was read (or could not be): it waits for being computed. Not where it was listed anew meanwhile.
-- A blind retry finds it moved.
-- KEYS: record, lease, lists: pending, indexed, and requesters
-- ARGV: token, id, place at which it was pending, field that counts it, lifetime s
-- Returns 1 if it has moved, 0 if not, -1 where the lease is lost
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return -1
end
local place = redis.call('ZSCORE', KEYS[3], ARGV[2])
if not place or tonumber(place) ~= tonumber(ARGV[3]) then
  return 0
end
redis.call('ZREM', KEYS[3], ARGV[2])
redis.call('HDEL', KEYS[5], ARGV[2])
redis.call('ZADD', KEYS[4], place, ARGV[2])
redis.call('EXPIRE', KEYS[4], ARGV[5])
redis.call('HINCRBY', KEYS[1], ARGV[4], 1)
return 1
