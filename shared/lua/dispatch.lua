-- Hand out tickets of one tenant whose turn has come, oldest turn first; each is handed to one caller only.
-- Whoever was handed out and not claimed, or claimed by a worker that is gone, gets its turn again first.
-- A blind retry hands out the next ones; the first answer's are handed out again when their time is over.
-- KEYS: held, turn live, turn backfill, out live, out backfill
-- ARGV: most of the live lane, most of the backfill lane, ms until an unclaimed ticket gets its turn again (by lane),
--       how many to look at in each place, what stands before the id in a lease's and in a record's name
-- Returns {tickets of the live lane, tickets of the backfill lane, how many are out in each lane,
--          ms until the next turn, or -1 where none waits}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function look_again(place)
  for _, ticket in ipairs(redis.call('ZRANGEBYSCORE', KEYS[place], '-inf', now, 'LIMIT', 0, ARGV[5])) do
    local left = redis.call('PTTL', ARGV[6] .. ticket)
    if left >= 0 then
      redis.call('ZREM', KEYS[place], ticket)
      redis.call('ZADD', KEYS[1], now + left + 1, ticket)
    else
      local backfill = redis.call('HGET', ARGV[7] .. ticket, 'lane') == 'backfill'
      redis.call('ZREM', KEYS[place], ticket)
      redis.call('ZADD', KEYS[backfill and 3 or 2], now, ticket)
    end
  end
end

local function hand_out(lane, most)
  if most <= 0 then
    return {}
  end
  local found = redis.call('ZRANGEBYSCORE', KEYS[1 + lane], '-inf', now, 'LIMIT', 0, most)
  for _, ticket in ipairs(found) do
    redis.call('ZREM', KEYS[1 + lane], ticket)
    redis.call('ZADD', KEYS[3 + lane], now + tonumber(ARGV[2 + lane]), ticket)
  end
  return found
end

look_again(1)
look_again(4)
look_again(5)
local live = hand_out(1, tonumber(ARGV[1]))
local backfill = hand_out(2, tonumber(ARGV[2]))
local next_turn = -1
for place = 2, 3 do
  local first = redis.call('ZRANGE', KEYS[place], 0, 0, 'WITHSCORES')[2]
  if first then
    local ms = math.max(0, tonumber(first) - now)
    next_turn = next_turn < 0 and ms or math.min(ms, next_turn)
  end
end
return {live, backfill, redis.call('ZCARD', KEYS[4]), redis.call('ZCARD', KEYS[5]), next_turn}
