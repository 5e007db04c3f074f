-- ARGV: 'use', 'g' or 't'; hash of the set; cursor; ids a call -> next cursor, members that do not belong
local kind, name = ARGV[1], ARGV[2]
local page
if kind == 'use' then
  page = redis.call('ZSCAN', base .. 'use', ARGV[3], 'COUNT', ARGV[4])
else
  page = redis.call('SSCAN', base .. kind .. ':' .. name, ARGV[3], 'COUNT', ARGV[4])
end
local function belongs(id)
  local joined = redis.call('HGET', base .. 'e:' .. id, 'k')
  if kind == 'use' then
    return joined
  end
  for at = kind == 'g' and 1 or 17, joined and #joined or 0, 16 do
    if string.sub(joined, at, at + 15) == name then
      return true
    end
    if kind == 'g' then
      return false
    end
  end
  return false
end
local bad = 0
for i = 1, #page[2], kind == 'use' and 2 or 1 do
  if not belongs(page[2][i]) then
    bad = bad + 1
  end
end
return { page[1], bad }
