-- Take tokens of a tenant's day before a call, so that calls at the same time can't each take what is left.
-- A blind retry shows the same reservation, and takes nothing more.
-- KEYS: tokens of the day   ARGV: reservation, tokens, limit (0: none), lifetime s
-- Returns 1, or 0 where the day's tokens do not suffice
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then
  return 1
end
local limit = tonumber(ARGV[3])
local taken = tonumber(redis.call('HGET', KEYS[1], 'taken') or 0)
if limit > 0 and taken + tonumber(ARGV[2]) > limit then
  return 0
end
redis.call('HINCRBY', KEYS[1], 'taken', ARGV[2])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
