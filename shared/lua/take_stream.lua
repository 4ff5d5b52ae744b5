-- A stream takes its places among those of its agent and of its tenant, or none where either is full. Places that were
-- not renewed in time (their process died) are free. A blind retry (same token) finds its places taken, by itself.
-- KEYS: the agent's streams, the tenant's (sorted sets: token by the ms until which it holds its place)
-- ARGV: token, lease ms, most of the agent, most of the tenant (0: no limit)
-- Returns 0 if taken, else the number of the key that is full
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  for i, open in ipairs(KEYS) do
    redis.call('ZREMRANGEBYSCORE', open, '-inf', now)
    local most = tonumber(ARGV[2 + i])
    if most > 0 and redis.call('ZCARD', open) >= most then
      return i
    end
  end
end
for _, open in ipairs(KEYS) do
  redis.call('ZADD', open, now + ARGV[2], ARGV[1])
  redis.call('PEXPIRE', open, ARGV[2])
end
return 0
