-- Tickets of one list page wait for being read, and the walk's cursor moves on, in one step.
-- A blind retry finds the cursor moved and does nothing.
-- KEYS: record, lease, lists: pending, indexed, given, and requesters
-- ARGV: token, cursor, listed, current, highest id, lifetime s, then triples: id, place, requester's name or ''
-- Returns how many are new, -1 where the lease is lost
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return -1
end
if redis.call('HGET', KEYS[1], 'cursor') == ARGV[2] then
  return 0
end
local new = 0
for i = 7, #ARGV, 3 do
  local id, place = ARGV[i], tonumber(ARGV[i + 1])
  local known = redis.call('ZSCORE', KEYS[4], id) or redis.call('ZSCORE', KEYS[5], id)
  if not known or tonumber(known) ~= place then
    new = new + redis.call('ZADD', KEYS[3], place, id)
    if ARGV[i + 2] ~= '' then
      redis.call('HSET', KEYS[6], id, ARGV[i + 2])
    end
  end
end
redis.call('HSET', KEYS[1], 'cursor', ARGV[2])
redis.call('HINCRBY', KEYS[1], 'tickets', new)
redis.call('HINCRBY', KEYS[1], 'listed', ARGV[3])
redis.call('HINCRBY', KEYS[1], 'current', ARGV[4])
if tonumber(ARGV[5]) > tonumber(redis.call('HGET', KEYS[1], 'highest') or 0) then
  redis.call('HSET', KEYS[1], 'highest', ARGV[5])
end
for i = 1, #KEYS do
  if i ~= 2 then
    redis.call('EXPIRE', KEYS[i], ARGV[6])
  end
end
return new
