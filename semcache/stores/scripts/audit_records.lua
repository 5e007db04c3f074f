-- ARGV: entry ids... -> for each: m, d, n, k, p, c, x, e, response there (1/0), ms to live, bookkeeping complete (1/0);
-- false where the record is gone
local out = {}
for i = 1, #ARGV do
  local id = ARGV[i]
  local key = base .. 'e:' .. id
  local found = redis.call('HMGET', key, 'm', 'd', 'n', 'k', 'p', 'c', 'x', 'e')
  local ttl = redis.call('PTTL', key)
  if ttl == -2 then
    out[#out + 1] = false
  else
    local listed = redis.call('ZSCORE', base .. 'use', id) and 1 or 0
    local joined = found[4] or ''
    for at = 1, #joined, 16 do
      local name = string.sub(joined, at, at + 15)
      local known = at == 1 and redis.call('HEXISTS', base .. 'groups', name)
        or at > 1 and redis.call('SISMEMBER', base .. 'tags', name)
      if known == 0 or redis.call('SISMEMBER', set_key(joined, at), id) == 0 then
        listed = 0
      end
    end
    found[9] = redis.call('HEXISTS', key, 'r')
    found[10] = ttl
    found[11] = listed
    out[#out + 1] = found
  end
end
return out
