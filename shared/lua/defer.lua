-- Put a ticket's calls aside for a batch, unless those of the same content were handed over already: then a killed run
-- has put them aside before. A blind retry writes the same again.
-- KEYS: tickets that wait, tickets that were handed over
-- ARGV: ticket id, its calls, what they are made of, lifetime s
-- Returns 1 if they wait now
local sent = redis.call('HGET', KEYS[2], ARGV[1])
if sent and string.sub(sent, 1, #ARGV[3]) == ARGV[3] then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3] .. ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
