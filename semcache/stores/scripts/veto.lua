-- ARGV: entry id, veto field, '1' wrong or '0' right, most vetoes, log cap
-- -> 1 done, 0 the record is gone, -1 no room for another veto
local key = base .. 'e:' .. ARGV[1]
if redis.call('HEXISTS', key, 'd') == 0 then
  return 0
end
if ARGV[3] == '1' then
  if redis.call('HEXISTS', key, ARGV[2]) == 1 then
    return 1
  end
  if (tonumber(redis.call('HGET', key, 'wn')) or 0) >= tonumber(ARGV[4]) then
    return -1
  end
  redis.call('HSET', key, ARGV[2], '1')
  redis.call('HINCRBY', key, 'wn', 1)
elseif redis.call('HDEL', key, ARGV[2]) == 1 then
  redis.call('HINCRBY', key, 'wn', -1)
else
  return 1
end
record_change(ARGV[1], ARGV[5])
return 1
