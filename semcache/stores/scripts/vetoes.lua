-- ARGV: entry ids... -> for each the fields that veto it, without their `w:`; none for most
local out = {}
for i = 1, #ARGV do
  local key = base .. 'e:' .. ARGV[i]
  local found = {}
  if (tonumber(redis.call('HGET', key, 'wn')) or 0) > 0 then
    for _, field in ipairs(redis.call('HKEYS', key)) do
      if string.sub(field, 1, 2) == 'w:' then
        found[#found + 1] = string.sub(field, 3)
      end
    end
  end
  out[i] = found
end
return out
