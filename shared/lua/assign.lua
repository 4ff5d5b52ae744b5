-- Notes who a ticket is assigned to, as Freshdesk has just said, in its record if that is (still) there.
-- Writing it again changes nothing, so a blind retry is harmless.
-- KEYS: record
-- ARGV: group id, responder id (0: none)
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HSET', KEYS[1], 'group', ARGV[1], 'responder', ARGV[2])
end
return 1
