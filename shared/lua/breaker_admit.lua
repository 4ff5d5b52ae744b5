-- May a call of a model begin? A breaker that is open lets one probe through a while, across all processes.
-- A rate limit's end was promised by the provider: then it closes without a probe.
-- A blind retry after a lost answer shows the same token, and is answered in the same way.
-- KEYS: breaker of the model, breaker of its provider (same hash tag)   ARGV: token of the call, ms between two probes
-- Returns {'closed' | 'probe', now ms} | {'open', now ms, ms until the next chance, kind, 1 while a probe is on its way}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local probed = {}
for _, key in ipairs(KEYS) do
  local state = redis.call('HMGET', key, 'opened', 'until', 'kind', 'heals', 'prober')
  if state[1] then
    local left = tonumber(state[2]) - now
    if state[5] == ARGV[1] then
      table.insert(probed, key)
    elseif left > 0 then
      return {'open', now, left, state[3], state[5] and 1 or 0}
    elseif state[4] == '1' then
      redis.call('HDEL', key, 'opened', 'until', 'kind', 'heals', 'prober')
    else
      table.insert(probed, key)
    end
  end
end
for _, key in ipairs(probed) do
  redis.call('HSET', key, 'until', now + tonumber(ARGV[2]), 'prober', ARGV[1])
end
return {#probed > 0 and 'probe' or 'closed', now}
