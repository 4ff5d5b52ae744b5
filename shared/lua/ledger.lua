-- What the ledger's scripts share; it is put before each of them. A due ticket stands in exactly one place:
--   turn   it waits until its score (ms) for the dispatcher: debounce and backoff are a later score
--   out    it was handed to a queue; who does not claim it until the score gets its turn again
--   held   a worker has its lease, or was woken for an agent who looks; at the score the dispatcher looks for the lease
-- Whoever gets the first turn of its tenant is announced, so that no dispatcher has to ask again and again.
-- KEYS: record, lease, due, dead, held, turn live, turn backfill, out live, out backfill [, a stream]
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function leave_places(ticket)
  for place = 5, 9 do
    redis.call('ZREM', KEYS[place], ticket)
  end
end

local function lane_offset()
  return redis.call('HGET', KEYS[1], 'lane') == 'backfill' and 1 or 0
end

local function wait_turn(ticket, at)
  local turn = KEYS[6 + lane_offset()]
  leave_places(ticket)
  redis.call('ZADD', turn, at, ticket)
  if redis.call('ZRANGE', turn, 0, 0)[1] == ticket then
    redis.call('PUBLISH', 'pc:turns', string.match(turn, '{(.-)}'))
  end
end

local function hold(ticket, look_again)
  leave_places(ticket)
  redis.call('ZADD', KEYS[5], look_again, ticket)
end

-- Who asks for a run (a W3C traceparent, '' where nothing is traced), for the run's own trace; of a burst the first few.
local function asked_by(traceparent)
  local before = redis.call('HGET', KEYS[1], 'traces') or ''
  if traceparent ~= '' and #before < 400 and not string.find(before, traceparent, 1, true) then
    redis.call('HSET', KEYS[1], 'traces', before == '' and traceparent or before .. ' ' .. traceparent)
  end
end

-- The time from which a ticket may be worked on, or nil where it does not wait for its turn.
local function turn_of(ticket)
  local score = redis.call('ZSCORE', KEYS[6], ticket) or redis.call('ZSCORE', KEYS[7], ticket)
  return score and tonumber(score)
end

-- When a burst of changes has calmed down, at the latest `longest` after its first one; a backfill does not wait.
local function calm_at(now, calm, longest)
  if lane_offset() == 1 then
    return now
  end
  local first = tonumber(redis.call('HGET', KEYS[1], 'first_due') or now)
  local last = tonumber(redis.call('HGET', KEYS[1], 'last_due') or now)
  return math.max(now, math.min(last + calm, first + longest))
end
