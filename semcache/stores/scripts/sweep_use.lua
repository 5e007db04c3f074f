-- ARGV: cursor, ids a call, log cap -> next cursor, entries dropped. The log tells the indexes that they are gone.
local page = redis.call('ZSCAN', base .. 'use', ARGV[1], 'COUNT', ARGV[2])
local dropped = 0
for i = 1, #page[2], 2 do
  local id = page[2][i]
  if redis.call('EXISTS', base .. 'e:' .. id) == 0 then
    redis.call('ZREM', base .. 'use', id)
    record_change(id, ARGV[3])
    dropped = dropped + 1
  end
end
return { page[1], dropped }
