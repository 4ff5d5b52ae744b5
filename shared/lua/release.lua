-- A worker that stops gives a ticket back: its turn comes at once, and the attempt does not count.
-- ARGV: ticket id, token
if redis.call('GET', KEYS[2]) ~= ARGV[2] then
  return 0
end
redis.call('HINCRBY', KEYS[1], 'attempts', -1)
redis.call('DEL', KEYS[2])
wait_turn(ARGV[1], now_ms())
return 1
