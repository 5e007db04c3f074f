-- ARGV: entry ids... -> now, then those whose record is gone. To ask is no use of a record, unlike to read it.
local out = { clock() }
for i = 1, #ARGV do
  if redis.call('EXISTS', base .. 'e:' .. ARGV[i]) == 0 then
    out[#out + 1] = ARGV[i]
  end
end
return out
