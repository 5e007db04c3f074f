-- ARGV: log cap, entry ids... -> how many records were there
local removed = 0
for i = 2, #ARGV do
  local id = ARGV[i]
  local key = base .. 'e:' .. id
  local old = redis.call('HMGET', key, 'k', 'p')
  local there = redis.call('DEL', key)
  local listed = redis.call('ZREM', base .. 'use', id)
  if old[1] then
    for at = 1, #old[1], 16 do
      redis.call('SREM', set_key(old[1], at), id)
    end
  end
  if old[2] and redis.call('GET', base .. 'p:' .. old[2]) == id then
    redis.call('DEL', base .. 'p:' .. old[2])
  end
  if there + listed > 0 then
    record_change(id, ARGV[1])
  end
  removed = removed + there
end
return removed
