-- ARGV: name, owner, ttl in ms -> 1 taken or renewed, 0 held by another
local key = base .. 'l:' .. ARGV[1]
local holder = redis.call('GET', key)
if holder and holder ~= ARGV[2] then
  return 0
end
redis.call('SET', key, ARGV[2], 'PX', ARGV[3])
return 1
