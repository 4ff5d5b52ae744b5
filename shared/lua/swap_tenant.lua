-- Replace a tenant's record if it is still the one that was read: two commands at once must not undo each other.
-- A blind retry after a lost answer finds its own value and is content.
-- KEYS: record   ARGV: the value that was read, the new value
-- Returns 1, or 0 where another one was quicker (or the tenant is gone).
local now = redis.call('GET', KEYS[1])
if now == ARGV[2] then
  return 1
end
if now ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2])
return 1
