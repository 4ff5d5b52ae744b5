-- A call to Freshdesk takes its credits from the account's budget, or learns when to ask again.
--
-- The log holds each credit until a window after the moment at which Freshdesk may have counted it at the latest: the
-- answer's, and for a call that is under way (or whose caller died) the longest one's end. So no window of Freshdesk's,
-- wherever it begins, ever holds more of our credits than the account has.
-- Where answers have shown that Freshdesk's windows follow each other, and when this one began (answer_call.lua), what
-- it counts itself is enough: what is kept for live tickets shrinks towards the window's end, and is given back in the
-- last two seconds of a minute, since a new one is near. One call finds out whether it has begun.
-- Beside the log, calls that nobody waits for are paced, each kind by itself: a backfill always, live calls once half
-- of the credits are used. So credits come free one after the other, and an agent's call finds one soon even where all
-- are used. Where the log counts, a backfill's pace gives way to others' credits, too: a gap in what was taken would
-- come back a window later, as a time in which nothing comes free, and again after that.
-- A blind retry is told that it has its credits.
--
-- KEYS: budget (hash), log, log of ticket lists (sorted sets: credit by ms, see above), turns of live tickets, live
--       tickets that are handed out (the ledger's, see shared/keys.py; only read)
-- ARGV: call id, credits, priority (0 interactive, 1 live, 2 backfill), 1 for a ticket list, ms of the window,
--       ms of the longest call, ms that the caller would wait for its place (-1: for as long as it takes),
--       credits of an account that we don't know yet, lifetime ms of the budget
-- Returns {1, now} | {0, ms until its place, 1 if that is longer than it would wait}
local cost, priority = tonumber(ARGV[2]), tonumber(ARGV[3])
local window, longest, patience = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local is_list = ARGV[4] == '1'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local budget = {}
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  budget[fields[i]] = tonumber(fields[i + 1])
end
local limit = budget.total or tonumber(ARGV[8])
if limit == 3000 or limit == 5000 then
  -- What old accounts have: as many calls an hour.
  window = window * 60
end
if redis.call('ZSCORE', KEYS[2], ARGV[1] .. ':1') then
  return {1, now}
end

-- Credits stay in the log a little longer than they count: answers under way are compared with them. What lies
-- further in the future than a call can last was written before the server's clock was put back.
for place = 2, 3 do
  redis.call('ZREMRANGEBYSCORE', KEYS[place], '-inf', now - window - longest)
  redis.call('ZREMRANGEBYSCORE', KEYS[place], '(' .. now + longest, '+inf')
end

-- Freshdesk's window, if its beginning was seen; one refusal and we trust the log alone for sixty windows.
local began, counted_from = budget.began or 0, budget.counted_from or 0
local ends, brink = began + window, math.min(math.floor(window / 30), 2000)
local doubted = budget.doubted and math.abs(now - budget.doubted) < 60 * window
local seen = began > 0 and began <= now and counted_from <= now and now < ends + brink and not doubted
-- Nobody has asked since its end: the first call, and only one, needs no credit of the log.
local first = seen and now >= ends and counted_from < ends
  and redis.call('ZCOUNT', KEYS[2], ends + longest, '+inf') == 0

local function used(place)
  return redis.call('ZCOUNT', KEYS[place], '(' .. now - window, '+inf')
end

-- When so many credits of a log will be free again, those under way as if their answer came now.
local function free_at(place, credits)
  local found = redis.call('ZRANGEBYSCORE', KEYS[place], '(' .. now - window, '+inf', 'WITHSCORES', 'LIMIT', credits - 1, 1)
  return math.min(tonumber(found[2] or now), now) + window
end

-- A share of the credits for who asked within the last two windows; at least one ticket's view, at most a third.
local function kept(share, asked)
  if now - (asked or 0) > 2 * window then
    return 0
  end
  return math.min(math.max(3, math.floor(limit * share + 0.5)), math.floor(limit / 3))
end

-- What live tickets took within a window, by the last ones (a sum that fades), and whether any came lately.
local live_lately = now - (budget.asked1 or 0) <= 2 * window
local function lately()
  return (budget.live or 0) / 1000 * math.exp(math.min(0, (budget.live_at or now) - now) / window)
end

-- Of a live ticket Freshdesk counts the webhook, too. Only an answer tells us, that of its own look at the latest: so
-- one credit is never taken, and more of them where several webhooks may have come since: in a window that was seen one
-- for each three credits, else one for each ticket whose turn has come since then or comes in moments.
local function unseen()
  if not live_lately or limit < 20 then
    return 0
  end
  local told = 0
  if seen then
    told = math.floor(2 * lately() / 3 * math.min(brink, now - counted_from) / window)
  else
    told = redis.call('ZCOUNT', KEYS[4], '(' .. math.max(counted_from, now - window / 4), now + brink)
  end
  return 1 + math.min(told, math.floor(limit / 20))
end

-- What a backfill leaves to live tickets: a look (three credits) at each whose turn has come or comes in moments, and
-- if any came lately what comes free within a second of a minute; in all at most 15 % of the credits, or one look. A
-- ticket's turn is known from its webhook on, so by then some of it has come free, and the rest is theirs first. Of a
-- window that was seen nothing comes free before its end: there it is what they take in the rest of it, with their
-- webhooks, at least one look and its webhook, and nothing any more when it is over.
local least, coming = math.min(4, math.floor(limit / 3)), lately() * 4 / 3 / window
local function kept_for_live()
  if not seen or not live_lately then
    local soon = redis.call('ZCOUNT', KEYS[4], now - window, now + brink) + redis.call('ZCOUNT', KEYS[5], now, '+inf')
    return math.min(kept(0.15, now), 3 * soon + (live_lately and math.floor(limit / 60) or 0))
  end
  return now >= ends - brink and 0 or math.max(least, math.ceil(coming * (ends - now)))
end

-- When a call may find credits in a window that was seen, where there would be so many without what is kept.
local function free_in_seen(spare)
  if now >= ends then
    -- The answer of the first call is on its way.
    return ends + brink / 2
  elseif priority < 2 or spare < 0 then
    return ends
  end
  return spare < least and ends - brink or math.min(ends - brink, ends - spare / math.max(coming, 0.000001))
end

-- Table of Freshdesk's rate-limit article, by the account's total; other totals have no known limit of lists.
local LISTS = {[200] = 20, [400] = 100, [700] = 200, [1000] = 300, [2000] = 400}
local lists = LISTS[limit]
if budget.lists and now - (budget.lists_at or 0) < 60 * window then
  lists = math.min(budget.lists, lists or budget.lists)
end

-- No refusal blocks for longer than an hour, whatever a clock says.
local earliest = math.max(now, math.min(budget.blocked or 0, now + 3600000))
if is_list then
  earliest = math.max(earliest, math.min(budget.lists_blocked or 0, now + 3600000))
  if lists and used(3) >= lists then
    earliest = math.max(earliest, free_at(3, used(3) - lists + 1))
  end
end
local paced, pace = false, priority == 1 and 'pace_live' or 'pace'
if limit > 0 then
  local room = limit - unseen()
  if priority >= 1 then
    room = room - kept(0.05, budget.asked0)
  end
  local left_to_live = priority >= 2 and kept_for_live() or 0
  local taken = used(2)
  if seen then
    -- Other apps' calls too; the log has what we know of them only as far as it exceeds ours of a whole window.
    taken = (budget.counted or limit) + redis.call('ZCOUNT', KEYS[2], counted_from, '+inf')
  end
  -- A call that costs more than there ever is may go alone.
  local over = math.min(taken + cost + left_to_live - room, taken)
  if over > 0 and not first then
    earliest = math.max(earliest, math.ceil(seen and free_in_seen(room - taken - cost) or free_at(2, over)))
  end
  paced = (priority == 2 and not (seen and now >= ends - brink)) or (priority == 1 and taken + cost > limit / 2)
  if paced then
    -- Live calls keep pace with each other alone: what a backfill leaves to them would be of no use if they had to wait
    -- for its next turn (2.4 s of 50 a minute).
    earliest = math.max(earliest, math.min(budget[pace] or 0, now + window))
  end
  if priority == 2 and (budget.place1 or 0) > now and not first then
    -- Live tickets queue for calls: a backfill only keeps from standing still, by a sixth of what comes free (of a
    -- window that was seen nothing does).
    earliest = math.max(earliest, math.min(budget.trickle or 0, now + window))
  end
end

-- Callers of an account without a limit only ever wait for a refusal's end.
local turn = limit > 0 and math.ceil(cost * window / limit) or 20
if priority < 2 then
  redis.call('HSET', KEYS[1], 'asked' .. priority, now)
end
redis.call('PEXPIRE', KEYS[1], ARGV[9])
if earliest <= now then
  -- A pacing that lags behind may catch up a twentieth of a window.
  if paced then
    redis.call('HSET', KEYS[1], pace, math.max(budget[pace] or 0, math.floor(now - window / 20)) + turn)
  end
  if priority < 2 and limit > 0 and not seen then
    -- By two such calls at most, so that a burst of them does not stop it.
    local before = budget.pace or 0
    local after = math.min(math.max(before, math.floor(now - window / 20)), now + turn) + turn
    redis.call('HSET', KEYS[1], 'pace', math.max(before, after))
  end
  if priority == 2 then
    redis.call('HSET', KEYS[1], 'trickle', math.floor(now + (seen and window / 10 or math.min(6 * turn, window))))
  elseif priority == 1 then
    redis.call('HSET', KEYS[1], 'live', math.floor(1000 * (lately() + cost)), 'live_at', now)
  end
  if limit >= 0 then
    for credit = 1, cost do
      redis.call('ZADD', KEYS[2], now + longest, ARGV[1] .. ':' .. credit)
    end
    redis.call('PEXPIRE', KEYS[2], window + 2 * longest)
  end
  if is_list then
    redis.call('ZADD', KEYS[3], now + longest, ARGV[1] .. ':1')
    redis.call('PEXPIRE', KEYS[3], window + 2 * longest)
  end
  return {1, now}
end
-- Places are handed out one turn after the other, so that callers come back as credits come free. After some time (by
-- priority) they are handed out from the beginning again: whoever does not come back leaves its place to another, and
-- nobody is sent away for longer. The price is that most of a long queue asks in vain, once in that time.
if patience < 0 and earliest - now <= turn / 2 then
  -- It has come a moment too early: with a place behind all others, nobody would take these credits for a turn. (Of 50
  -- a minute that was 2 % of all; those who come earlier than half a turn are many, and would only wake each other.)
  return {0, earliest - now, 0}
end
local queue = patience < 0 and 'place_patient' or 'place' .. priority
local longest_queue = patience < 0 and 10 * turn or ({1, 3, 15})[priority + 1] * window
local place = budget[queue] or 0
if place < earliest or place > earliest + longest_queue then
  place = earliest
end
redis.call('HSET', KEYS[1], queue, place + turn)
local leaves = patience >= 0 and place - now > math.max(patience, math.min(turn, 5000))
return {0, place - now, leaves and 1 or 0}
