-- Nobody waits any more: end a run that was asked for, unless somebody watches it or it has ended. The worker learns
-- it by its lease, which is gone: at its next word, or when it renews. A blind retry finds nothing left to end.
-- KEYS: record, lease, stream, set of the processes that watch
-- ARGV: last event, its data, run lifetime s, the process that leaves ("" for none)
-- Returns 1 if it was ended now
if ARGV[4] ~= '' then
  redis.call('SREM', KEYS[4], ARGV[4])
end
if redis.call('SCARD', KEYS[4]) > 0 or redis.call('HDEL', KEYS[1], 'question') == 0 then
  return 0
end
redis.call('DEL', KEYS[2])
redis.call('XADD', KEYS[3], '*', 'event', ARGV[1], 'data', ARGV[2], 'result', 'done')
redis.call('EXPIRE', KEYS[3], ARGV[3])
return 1
