-- A worker that stops gives a ticket back: the attempt does not count.
-- ARGV: ticket id, token, ms until its turn
if redis.call('GET', KEYS[2]) ~= ARGV[2] then
  return 0
end
if tonumber(redis.call('HGET', KEYS[1], 'attempts') or 0) > 0 then -- a change meanwhile has forgotten them
  redis.call('HINCRBY', KEYS[1], 'attempts', -1)
end
redis.call('DEL', KEYS[2])
wait_turn(ARGV[1], now_ms() + tonumber(ARGV[3]))
return 1
