-- Append events to a run, if the writer still holds the lease; a writer that lost it is refused, and knows it then.
-- Batches are numbered, so that a blind retry after a lost answer does not append one twice.
-- KEYS: stream, lease, record
-- ARGV: token, lease ms, run lifetime s, longest stream, number of the batch, event, data [, event, data …]
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return 0
end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
local number = tonumber(ARGV[5])
if #ARGV > 5 and number > tonumber(redis.call('HGET', KEYS[3], 'appended') or 0) then
  redis.call('HSET', KEYS[3], 'appended', number)
  for i = 6, #ARGV, 2 do
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], '*', 'event', ARGV[i], 'data', ARGV[i + 1])
  end
  redis.call('EXPIRE', KEYS[1], ARGV[3])
end
return 1
