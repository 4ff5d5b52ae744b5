-- Spends from token buckets: what a process has admitted already (settled afterwards), or what it asks for.
-- A bucket fills by `rate` up to `burst`; its state is its level at a time, and of each process its last call, so that
-- a blind retry (same call) gets the same answer and spends nothing more.
-- KEYS: buckets (hashes: level, at, one field a process)
-- ARGV: process, call, lifetime ms; then for each bucket: tokens per ms, burst, tokens to spend (negative: give back),
--       1 to spend them in any case (the level may fall to -burst), 0 to spend all or none of them
-- Returns for each bucket {1 if spent, level in thousandths}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local answers = {}
for i, bucket in ipairs(KEYS) do
  local rate = tonumber(ARGV[4 * i])
  local burst = tonumber(ARGV[4 * i + 1])
  local tokens = tonumber(ARGV[4 * i + 2])
  local forced = ARGV[4 * i + 3] == '1'
  local found = redis.call('HMGET', bucket, 'level', 'at', ARGV[1])
  local level = tonumber(found[1]) or burst
  local at = tonumber(found[2]) or now
  level = math.min(burst, level + math.max(0, now - at) * rate)
  local call, spent = string.match(found[3] or '', '^(%d+) (%d)$')
  if call ~= ARGV[2] then
    spent = (forced or level >= tokens) and '1' or '0'
    if spent == '1' then
      level = math.min(burst, math.max(-burst, level - tokens))
    end
    redis.call('HSET', bucket, 'level', string.format('%.6f', level), 'at', string.format('%d', math.max(at, now)),
      ARGV[1], ARGV[2] .. ' ' .. spent)
    redis.call('PEXPIRE', bucket, ARGV[3])
  end
  answers[i] = {tonumber(spent), math.floor(level * 1000)}
end
return answers
