-- A question: its record and its run's log begin together. A blind retry finds it asked.
-- KEYS: record, stream
-- ARGV: question, lifetime s, data of the first event, the agent whom alone it belongs to (0: all who see everything)
-- Returns 1 if it was asked now
if redis.call('HSETNX', KEYS[1], 'question', ARGV[1]) == 0 then
  return 0
end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'asked', time[1] * 1000 + math.floor(time[2] / 1000), 'owner', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('XADD', KEYS[2], '*', 'event', 'queued', 'data', ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[2])
return 1
