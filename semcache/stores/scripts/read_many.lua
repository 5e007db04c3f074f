-- ARGV: veto field, vector field, fence floor, entry ids...
-- -> now, then for each id its fields, with the current epoch of its namespace in place of the name, and how many vetoes
-- it has (false where the record is gone)
local now = clock()
trusted_fence(now, tonumber(ARGV[3]))
local epochs = {}
local out = { now }
for i = 4, #ARGV do
  local found = redis.call('HMGET', base .. 'e:' .. ARGV[i], 'm', 'r', 'c', 'x', 'e', 'h', ARGV[1], ARGV[2], 'n', 'wn')
  local namespace = found[9]
  if namespace then
    if not epochs[namespace] then
      epochs[namespace] = current_epoch(namespace, 0, now)
    end
    found[9] = epochs[namespace]
    out[#out + 1] = found
  else
    out[#out + 1] = false
  end
end
return out
