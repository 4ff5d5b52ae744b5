-- A worker that stops gives a ticket back: it stays due, and the attempt does not count.
-- KEYS: record, lease   ARGV: token
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return 0
end
redis.call('HINCRBY', KEYS[1], 'attempts', -1)
redis.call('DEL', KEYS[2])
return 1
