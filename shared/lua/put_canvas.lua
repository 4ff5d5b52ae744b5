-- Write a Canvas by compare-and-set: only a later (revision, generation) replaces what is there, or a more complete
-- one of the same; a complete one is written once.
-- The value begins with both as fixed-width decimals, so that the comparison needs no second key.
-- A tombstone has no revision of its own (a missing ticket has none): it takes over the stored one where that is later,
-- so that the generations decide. In the same step the tickets that the Canvas lists learn who shows them.
-- KEYS: canvas, then a "shown in" set for each ticket that it lists, then for each that it listed before
-- ARGV: value, width of the head, lifetime s, width of the revision in the head, 1 for a tombstone,
--       ticket id, lifetime s of the sets, how many tickets it lists, last digit of a head that is complete
-- Returns 'written' | 'same' a complete one of this version is there | 'later' a later one is there
local value = ARGV[1]
local head = redis.call('GETRANGE', KEYS[1], 0, tonumber(ARGV[2]) - 1)
if head ~= '' then
  local width = tonumber(ARGV[4])
  if ARGV[5] == '1' and string.sub(value, 1, width) < string.sub(head, 1, width) then
    value = string.sub(head, 1, width) .. string.sub(value, width + 1)
  end
  local version = string.sub(value, 1, tonumber(ARGV[2]))
  if version < head then
    return 'later'
  end
  if version == head and string.sub(head, -1) >= ARGV[9] then
    return 'same'
  end
end
redis.call('SET', KEYS[1], value, 'EX', ARGV[3])
local listed = 1 + tonumber(ARGV[8])
for i = 2, listed do
  redis.call('SADD', KEYS[i], ARGV[6])
  redis.call('EXPIRE', KEYS[i], ARGV[7])
end
for i = listed + 1, #KEYS do
  redis.call('SREM', KEYS[i], ARGV[6])
end
return 'written'
