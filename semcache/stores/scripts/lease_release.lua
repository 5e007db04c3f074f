-- ARGV: name, owner -> 1 given back, 0 not held by this owner
local key = base .. 'l:' .. ARGV[1]
if redis.call('GET', key) == ARGV[2] then
  return redis.call('DEL', key)
end
return 0
