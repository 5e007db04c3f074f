-- ARGV: 'g' or 't', hash of the set, cursor, ids a call -> next cursor, members dropped
-- A member stays while its record says (field k) that it belongs here.
local key = base .. ARGV[1] .. ':' .. ARGV[2]
local first = ARGV[1] == 'g' and 1 or 17
local function belongs(joined)
  for at = first, joined and #joined or 0, 16 do
    if string.sub(joined, at, at + 15) == ARGV[2] then
      return true
    end
    if ARGV[1] == 'g' then
      return false
    end
  end
  return false
end
local page = redis.call('SSCAN', key, ARGV[3], 'COUNT', ARGV[4])
local dropped = 0
for _, id in ipairs(page[2]) do
  if not belongs(redis.call('HGET', base .. 'e:' .. id, 'k')) then
    dropped = dropped + redis.call('SREM', key, id)
  end
end
if redis.call('EXISTS', key) == 0 then
  if ARGV[1] == 'g' then
    redis.call('HDEL', base .. 'groups', ARGV[2])
  else
    redis.call('SREM', base .. 'tags', ARGV[2])
  end
  return { '0', dropped }
end
return { page[1], dropped }
