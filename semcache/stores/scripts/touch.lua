-- ARGV: policy, then for each entry: id, hits, '1' to slide -> how many records were still there
local now = clock()
local seen = 0
for i = 2, #ARGV, 3 do
  local id, hits, slide = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local key = base .. 'e:' .. id
  local old = redis.call('HMGET', key, 'd', 'l', 'g', 'x', 'p')
  if old[1] then
    seen = seen + 1
    redis.call('HINCRBY', key, 'h', hits)
    if ARGV[1] == 'lru' then
      redis.call('ZADD', base .. 'use', int(now), id)
    else
      redis.call('ZINCRBY', base .. 'use', hits, id)
    end
    -- Only what was stored as sliding (l) slides, and never once it has expired.
    if slide == '1' and old[2] and old[3] and tonumber(old[4]) > now then
      local ttl = tonumber(old[2])
      redis.call('HSET', key, 'x', int(now + ttl))
      redis.call('PEXPIRE', key, int(ttl + tonumber(old[3])))
      if redis.call('GET', base .. 'p:' .. old[5]) == id then
        redis.call('PEXPIRE', base .. 'p:' .. old[5], int(ttl + tonumber(old[3])))
      end
    end
  end
end
return seen
