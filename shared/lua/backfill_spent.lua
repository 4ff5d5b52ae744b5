-- Add what texts have cost to the record of a tenant's backfill, where there is one. A blind retry counts twice.
-- KEYS: record
-- ARGV: tokens, USD
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
redis.call('HINCRBY', KEYS[1], 'tokens', ARGV[1])
redis.call('HINCRBYFLOAT', KEYS[1], 'cost', ARGV[2])
return 1
