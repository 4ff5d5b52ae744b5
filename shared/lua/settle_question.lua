-- End an attempt at a question, if the worker still holds the lease. At its end its words are forgotten.
-- A blind retry finds the lease gone, and answers as if it had been lost: nothing is written twice.
-- KEYS: record, lease, stream
-- ARGV: token, 'end' for good | 'later' to be tried again | 'back' the same without counting the attempt,
--       last event, its data, lifetime s of the log from now on (what is secret for a while is short)
-- Returns 1 if it was settled
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return 0
end
if ARGV[2] == 'end' then
  redis.call('HDEL', KEYS[1], 'question')
  redis.call('XADD', KEYS[3], '*', 'event', ARGV[3], 'data', ARGV[4], 'result', 'done')
  redis.call('EXPIRE', KEYS[3], ARGV[5])
elseif ARGV[2] == 'back' then
  redis.call('HINCRBY', KEYS[1], 'attempts', -1)
end
redis.call('DEL', KEYS[2])
return 1
