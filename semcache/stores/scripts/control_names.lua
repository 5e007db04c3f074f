-- ARGV: prefix -> names of live hashes that start so; dead ones are dropped from the register
local out = {}
for _, name in ipairs(redis.call('SMEMBERS', base .. 'names')) do
  if string.sub(name, 1, #ARGV[1]) == ARGV[1] then
    if redis.call('EXISTS', base .. 'h:' .. name) == 1 then
      out[#out + 1] = name
    else
      redis.call('SREM', base .. 'names', name)
    end
  end
end
return out
