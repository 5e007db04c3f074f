-- -> name and number of entries of each group, flat
local named = redis.call('HGETALL', base .. 'groups')
local out = {}
for i = 1, #named, 2 do
  out[#out + 1] = named[i + 1]
  out[#out + 1] = redis.call('SCARD', base .. 'g:' .. named[i])
end
return out
