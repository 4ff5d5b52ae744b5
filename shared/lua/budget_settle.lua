-- Replace a reservation by what the calls have really taken. A reservation that is gone was settled before.
-- KEYS: tokens of the day   ARGV: reservation, tokens
local reserved = redis.call('HGET', KEYS[1], ARGV[1])
if not reserved then
  return 0
end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HINCRBY', KEYS[1], 'taken', tonumber(ARGV[2]) - tonumber(reserved))
return 1
