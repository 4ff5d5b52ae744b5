-- Keep what agents did with suggestions; each id counts once, so a client may send again, and so may we.
-- KEYS: stream, ids, counts of the month
-- ARGV: most entries, lifetime s, lifetime of the counts s, then by entry: id, field of the counts, data
-- Returns by entry 1 if it is new
local most, lifetime = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local new = {}
for i = 4, #ARGV, 3 do
  local added = redis.call('ZADD', KEYS[2], 'NX', now, ARGV[i])
  if added == 1 then
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', most, '*', 'data', ARGV[i + 2])
    redis.call('HINCRBY', KEYS[3], ARGV[i + 1], 1)
  end
  table.insert(new, added)
end
redis.call('XTRIM', KEYS[1], 'MINID', '~', now - lifetime * 1000)
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -most - 1)
redis.call('EXPIRE', KEYS[1], lifetime)
redis.call('EXPIRE', KEYS[2], lifetime)
redis.call('EXPIRE', KEYS[3], ARGV[3])
return new
