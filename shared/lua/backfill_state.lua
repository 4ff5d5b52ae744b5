-- The worker that does a tenant's backfill writes fields of its record.
-- KEYS: record, lease
-- ARGV: token, lifetime s, then triples: 'set' or 'add', field, value
-- Returns what its steering asks for ('' for nothing), or nil where the lease is lost
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return nil
end
for i = 3, #ARGV, 3 do
  redis.call(ARGV[i] == 'set' and 'HSET' or 'HINCRBY', KEYS[1], ARGV[i + 1], ARGV[i + 2])
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return redis.call('HGET', KEYS[1], 'asked') or ''
