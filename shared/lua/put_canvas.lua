-- Write a Canvas by compare-and-set: only a later (revision, generation) replaces what is there.
-- The value begins with both as fixed-width decimals, so that the comparison needs no second key.
-- KEYS: canvas   ARGV: value, width of the head, lifetime s
local head = redis.call('GETRANGE', KEYS[1], 0, tonumber(ARGV[2]) - 1)
if head ~= '' and string.sub(ARGV[1], 1, tonumber(ARGV[2])) < head then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])
return 1
