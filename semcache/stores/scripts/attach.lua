-- ARGV: entry id, raw digest, vector field, vector, log cap
-- -> 1, or 0 where the record is gone, of another digest, or of a reach that has no vectors
local key = base .. 'e:' .. ARGV[1]
if redis.call('HGET', key, 'd') ~= ARGV[2] or redis.call('HEXISTS', key, 'z') == 1 then
  return 0
end
redis.call('HSET', key, ARGV[3], ARGV[4])
record_change(ARGV[1], ARGV[5])
return 1
