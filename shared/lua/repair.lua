-- Give a turn to due tickets that stand in no place: left by another version, or lost with a part of Redis' keys.
-- KEYS: held, turn live, turn backfill, out live, out backfill, due   ARGV: ticket ids
-- Returns how many those were.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local repaired = 0
for _, ticket in ipairs(ARGV) do
  local placed = not redis.call('ZSCORE', KEYS[6], ticket) -- settled meanwhile
  for place = 1, 5 do
    placed = placed or redis.call('ZSCORE', KEYS[place], ticket)
  end
  if not placed then
    redis.call('ZADD', KEYS[2], now, ticket)
    repaired = repaired + 1
  end
end
return repaired
