-- Change a stored Canvas in place, if it is still the one that was read. Its version (the head) and its lifetime stay:
-- a later commit replaces it as if nothing had happened. Nothing is written where a Canvas or a tombstone came between.
-- The fence is the Canvas of the ticket that the change tells of: if that was committed anew, somebody else tells more.
-- A blind retry finds its own value, not the one that was read, and answers 'changed'; who reads again finds all done.
-- KEYS: canvas, fence, then a "shown in" set for each ticket that it lists now, then for each that it listed before
-- ARGV: first bytes of the canvas that was read, head of the fence ('': absent), new value, ticket id,
--       lifetime s of the sets, how many tickets it lists now
-- Returns 'written' | 'changed' | 'superseded'
local fence = ARGV[2]
if fence == '' then
  if redis.call('EXISTS', KEYS[2]) == 1 then
    return 'superseded'
  end
elseif redis.call('GETRANGE', KEYS[2], 0, #fence - 1) ~= fence then
  return 'superseded'
end
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then
  return 'changed'
end
redis.call('SET', KEYS[1], ARGV[3], 'KEEPTTL')
local listed = 2 + tonumber(ARGV[6])
for i = 3, listed do
  redis.call('SADD', KEYS[i], ARGV[4])
  redis.call('EXPIRE', KEYS[i], ARGV[5])
end
for i = listed + 1, #KEYS do
  redis.call('SREM', KEYS[i], ARGV[4])
end
return 'written'
