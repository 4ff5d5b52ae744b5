-- Who holds a tenant's reconcile lease writes about its pass and renews the lease; who lost it is refused, and knows it.
-- A blind retry writes the same once more, except after the end, when the answer does not matter.
-- KEYS: state hash, lease
-- ARGV: token, lease ms, 1 to let go of the lease, then triples: 'max' (a watermark only rises) or 'set', field, value
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return 0
end
for i = 4, #ARGV, 3 do
  local before = tonumber(redis.call('HGET', KEYS[1], ARGV[i + 1]) or '')
  if ARGV[i] == 'set' or not before or tonumber(ARGV[i + 2]) > before then
    redis.call('HSET', KEYS[1], ARGV[i + 1], ARGV[i + 2])
  end
end
if ARGV[3] == '1' then
  redis.call('DEL', KEYS[2])
else
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
end
return 1
