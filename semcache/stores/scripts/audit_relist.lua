-- ARGV: entry id, group name -> 1, or 0 where the record is gone. Puts a record back into all bookkeeping, and gives
-- it the time to live that it should have.
local id = ARGV[1]
local key = base .. 'e:' .. id
local found = redis.call('HMGET', key, 'k', 'x', 'g')
local joined = found[1]
if not joined then
  return 0
end
local now = clock()
if redis.call('PTTL', key) == -1 then
  redis.call('PEXPIRE', key, int(math.max(1, (tonumber(found[2]) or now) + (tonumber(found[3]) or 0) - now)))
end
redis.call('ZADD', base .. 'use', 'NX', 0, id)
for at = 1, #joined, 16 do
  redis.call('SADD', set_key(joined, at), id)
  if at > 1 then
    redis.call('SADD', base .. 'tags', string.sub(joined, at, at + 15))
  end
end
redis.call('HSETNX', base .. 'groups', string.sub(joined, 1, 16), ARGV[2])
return 1
