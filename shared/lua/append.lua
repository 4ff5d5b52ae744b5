-- Append events to a run, if the writer still holds the lease; a writer that lost it is refused, and knows it then.
-- KEYS: stream, lease   ARGV: token, lease ms, run lifetime s, longest stream, event, data [, event, data …]
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return 0
end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
for i = 5, #ARGV, 2 do
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], '*', 'event', ARGV[i], 'data', ARGV[i + 1])
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
