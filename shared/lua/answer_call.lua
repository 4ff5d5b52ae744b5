-- A call to Freshdesk is over: date its credits, correct their number, and learn from what the answer said.
-- A blind retry writes the same again.
--
-- KEYS: budget (hash), log, log of ticket lists (see take_call.lua)
-- ARGV: call id, credits taken, credits it cost (0: it never reached Freshdesk), 1 for a ticket list, ms when they were
--       taken, ms of the window, ms of the longest call, lifetime ms of the budget,
--       the account's total (-1: a sound answer that names none, '': unknown), its remaining credits ('': unknown),
--       ms for which Freshdesk refuses further calls (0: it does not)
local taken, cost, at = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[5])
local window, longest, blocked = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[11])
local total, remaining = tonumber(ARGV[9]), tonumber(ARGV[10])
local is_list = ARGV[4] == '1'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local known = tonumber(redis.call('HGET', KEYS[1], 'total') or 0)
if total and total ~= known and (total > 0 or known == 0) then
  -- An answer without the header does not undo what others said.
  redis.call('HSET', KEYS[1], 'total', total)
  known = total
end
if known == 3000 or known == 5000 then
  window = window * 60
end

if known >= 0 then
  for credit = 1, math.max(cost, taken) do
    if credit <= cost then
      redis.call('ZADD', KEYS[2], now, ARGV[1] .. ':' .. credit)
    else
      redis.call('ZREM', KEYS[2], ARGV[1] .. ':' .. credit)
    end
  end
end
if is_list then
  if cost > 0 then
    redis.call('ZADD', KEYS[3], 'XX', now, ARGV[1] .. ':1')
  else
    redis.call('ZREM', KEYS[3], ARGV[1] .. ':1')
  end
end

-- Whether Freshdesk counts at most half of what we alone have used within half a window, with this call (those that
-- were answered before it began: others may have overtaken it). Where it counted any sixty seconds that could not be:
-- its window has begun anew meanwhile.
local began = tonumber(redis.call('HGET', KEYS[1], 'began') or 0)
local function forgot_half(counted)
  local from, till, own = '(' .. now - window / 2, '(' .. at, cost
  if 2 * counted > own + redis.call('ZCOUNT', KEYS[2], from, till) then
    return false
  end
  for _, credit in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], from, till)) do
    own = own + (credit:sub(1, 2) == 'x:' and 0 or 1)
  end
  return 2 * counted <= own
end

if blocked > 0 and is_list and (remaining or 0) >= taken then
  -- Only the lists are used up: what was let through of them in a window is what the account allows.
  local listed = redis.call('ZCOUNT', KEYS[3], '(' .. now - window, '+inf')
  redis.call('HSET', KEYS[1], 'lists_blocked', now + blocked, 'lists', math.max(1, listed - 1), 'lists_at', now)
elseif blocked > 0 then
  redis.call('HSET', KEYS[1], 'blocked', now + blocked)
  if now - began < 2 * window then
    -- With its windows as we saw them there would have been credits, unless another app took them.
    redis.call('HSET', KEYS[1], 'doubted', now)
  end
elseif remaining and known > 0 then
  -- Other apps use the account too: what is missing and was not ours counts as used now. Compared with our credits of
  -- a window before this call began, as those of Freshdesk's window can't be older.
  local ours = redis.call('ZCOUNT', KEYS[2], '(' .. at - window, '+inf')
  local counted = known - remaining
  local others = math.max(0, counted - ours)
  for credit = 1, others do
    redis.call('ZADD', KEYS[2], now, 'x:' .. ARGV[1] .. ':' .. credit)
  end
  if others > 0 and (began > now or now - began > window) then
    -- A backfill's pace gives way to them (see take_call.lua), by a fiftieth of a window at most.
    local after = math.max(tonumber(redis.call('HGET', KEYS[1], 'pace') or 0), math.floor(now - window / 20))
    redis.call('HSET', KEYS[1], 'pace', after + math.ceil(math.min(others / known, 1 / 50) * window))
  end
  if (began > now or now - began > window / 4) and forgot_half(counted) then
    redis.call('HSET', KEYS[1], 'began', now)
  end
  -- What it counted before this call, as far as the log does not say so since then. Of answers that overtake each other
  -- the one to the later call tells more.
  local from = tonumber(redis.call('HGET', KEYS[1], 'counted_from') or 0)
  if at >= from or from > now then
    redis.call('HSET', KEYS[1], 'counted', counted - cost - others, 'counted_from', at)
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[8])
redis.call('PEXPIRE', KEYS[2], window + 2 * longest)
redis.call('PEXPIRE', KEYS[3], window + 2 * longest)
return 1
