-- Tickets that were given to the ledger are done with; each is counted once, also where this is sent twice.
-- KEYS: record, lease, list: given
-- ARGV: token, lifetime s, then pairs: id, field that counts it
-- Returns 1, -1 where the lease is lost
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return -1
end
for i = 3, #ARGV, 2 do
  if redis.call('ZREM', KEYS[3], ARGV[i]) == 1 then
    redis.call('HINCRBY', KEYS[1], ARGV[i + 1], 1)
  end
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
