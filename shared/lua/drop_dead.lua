-- An operator gives a dead ticket up for good: it counts as current until its next change.
-- ARGV: ticket id, record lifetime s   Returns 1 if it was dead.
if redis.call('ZREM', KEYS[4], ARGV[1]) == 0 then
  return 0
end
redis.call('HSET', KEYS[1], 'done', redis.call('HGET', KEYS[1], 'want') or 0)
redis.call('HDEL', KEYS[1], 'attempts', 'error', 'failing_since', 'dead')
redis.call('HSET', KEYS[1], 'dropped', now_ms()) -- so that the reconciler does not find what is older than this
redis.call('EXPIRE', KEYS[1], ARGV[2]) -- a letter may be older than its ticket's record
redis.call('ZREM', KEYS[3], ARGV[1])
leave_places(ARGV[1])
return 1
