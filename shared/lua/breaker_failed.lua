-- A call has failed. The breaker opens after some failures in a row within a window; at once where the failure says so;
-- and at once where the call waited in vain and nobody else had a word from the model meanwhile, be it an error, so that
-- a stall is paid for once.
-- A blind retry shows the same token and is not counted again.
-- KEYS: breaker
-- ARGV: token of the call, ms at which it began, kind, 'count' | 'gone' | 'stall' | 'open', ms to stay open, failures to open
--       after, ms within which they must fall, lifetime s, 1 where it closes by itself then
-- Returns 1 if this failure has opened it
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local key, began = KEYS[1], tonumber(ARGV[2])
local close_at = now + tonumber(ARGV[5])
local opened = redis.call('HGET', key, 'opened')
local heard = redis.call('HGET', key, 'alive')
if ARGV[4] == 'count' or ARGV[4] == 'open' then
  redis.call('HSET', key, 'alive', now)
end
redis.call('EXPIRE', key, ARGV[8])
if opened then
  local probe = began >= tonumber(opened)
  if probe or ARGV[4] == 'open' then
    local known = tonumber(redis.call('HGET', key, 'until'))
    redis.call('HSET', key, 'until', math.max(known, close_at), 'kind', ARGV[3], 'heals', ARGV[9])
  end
  if probe then
    redis.call('HDEL', key, 'prober')
  end
  return 0
end
if redis.call('HGET', key, 'last') == ARGV[1] then
  return 0
end
redis.call('HSET', key, 'last', ARGV[1])
redis.call('EXPIRE', key, ARGV[8])
local opens = ARGV[4] == 'open'
if ARGV[4] == 'stall' then
  opens = not heard or tonumber(heard) < began
end
if not opens then
  local first = redis.call('HGET', key, 'first')
  if not first or now - tonumber(first) > tonumber(ARGV[7]) then
    redis.call('HSET', key, 'first', now, 'failures', 0)
  end
  opens = redis.call('HINCRBY', key, 'failures', 1) >= tonumber(ARGV[6])
end
if not opens then
  return 0
end
redis.call('HDEL', key, 'failures', 'first', 'prober')
redis.call('HSET', key, 'opened', now, 'until', close_at, 'kind', ARGV[3], 'heals', ARGV[9])
return 1
