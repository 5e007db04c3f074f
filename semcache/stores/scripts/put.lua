-- The one way in which an entry is written: all of it or nothing.
local id, norm, namespace = ARGV[1], ARGV[2], ARGV[3]
local ttl, retain = tonumber(ARGV[5]), tonumber(ARGV[6])
local meta, response, digest, joined, group_name = ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11]
local policy, log_cap = ARGV[12], ARGV[13]
local fill_epoch, fill_fence = ARGV[14], tonumber(ARGV[15])
local own_veto, vector_field, vector, sliding = ARGV[16], ARGV[17], ARGV[18], ARGV[19]
local reach, flight = tonumber(ARGV[20]), tonumber(ARGV[21])
-- ARGV[22], ARGV[23]: when it was created and when it expires, of an answer that was kept elsewhere before
-- ARGV[24]: askers for whom it was found wrong there, 16 bytes each
-- ARGV[25]: when the miss was read that it fills
-- from ARGV[26] on: the fence scopes that concern this entry
-- -> 1, epoch, created, expires, replaced, entries of the shard, the change's number in the log, vetoes of the record;
-- or 0, epoch, why not: 0 invalidated meanwhile, 1 a newer flight has begun, 2 what is there was asked for later (of an
-- answer that was kept elsewhere: was created later)

local now = clock()
local epoch = current_epoch(namespace, tonumber(ARGV[4]), now)
local created, expires = math.min(now, tonumber(ARGV[22]) or now), tonumber(ARGV[23]) or now + ttl
local left = math.max(1, expires - now)

if fill_epoch ~= '' then
  local fence, floor = current_fence(now)
  -- A token from beyond the counter was issued before the store lost writes: what it saw cannot be told any more.
  if tonumber(fill_epoch) ~= epoch or fill_fence > fence or fill_fence < floor then
    return { 0, epoch, 0 }
  end
  local raised = redis.call('HMGET', base .. 'fences', unpack(ARGV, 26))
  for _, at in ipairs(raised) do
    if at and tonumber(at) > fill_fence then
      return { 0, epoch, 0 }
    end
  end
  if flight > 0 and flight < (tonumber(redis.call('HGET', base .. 'f:' .. id, 't')) or 0) then
    return { 0, epoch, 1 }
  end
end

local key = base .. 'e:' .. id
local old = redis.call('HMGET', key, 'd', 'k', 'e', 'a', 'c')
local asked
if fill_epoch ~= '' then
  asked = math.min(now, tonumber(ARGV[25]))
  -- What no miss was read for counts as asked for when it was stored. Times to come are those of another clock.
  local before = tonumber(old[4] or old[5]) or 0
  if old[1] == digest and tonumber(old[3]) == epoch and before > asked and before <= now then
    return { 0, epoch, 2 }
  end
end
local imported = ARGV[22] ~= '' and old[1] == digest
if imported and tonumber(old[3]) == epoch and (tonumber(old[5]) or 0) > created then
  return { 0, epoch, 2 }
end
local seq = record_change(id, log_cap) -- first: a store at its bound refuses this, and then nothing at all has been written
if old[1] and old[1] ~= digest then
  redis.call('DEL', key)
end
if old[2] then
  for at = 1, #old[2], 16 do
    redis.call('SREM', set_key(old[2], at), id)
  end
end
local fields = {
  'm', meta, 'r', response, 'c', int(created), 'x', int(expires), 'e', int(epoch), 'n', namespace, 'h', '0',
  'd', digest, 'k', joined, 'p', norm, 'g', int(retain),
}
if vector_field ~= '' then
  fields[#fields + 1] = vector_field
  fields[#fields + 1] = vector
end
redis.call('HSET', key, unpack(fields))
if asked then
  redis.call('HSET', key, 'a', int(asked))
elseif old[4] then
  redis.call('HDEL', key, 'a')
end
if sliding == '1' then
  redis.call('HSET', key, 'l', int(ttl))
else
  redis.call('HDEL', key, 'l')
end
if reach < 2 then
  redis.call('HSET', key, 'z', reach)
  for _, field in ipairs(redis.call('HKEYS', key)) do -- those that a wider record of this request had
    if string.sub(field, 1, 2) == 'v:' then
      redis.call('HDEL', key, field)
    end
  end
else
  redis.call('HDEL', key, 'z')
end
-- The answer that was wrong for its own prompt is gone, unless it is this one, imported once more.
if not (imported and tonumber(old[5]) == created) and redis.call('HDEL', key, own_veto) == 1 then
  redis.call('HINCRBY', key, 'wn', -1)
end
for at = 1, #ARGV[24], 16 do
  if redis.call('HSETNX', key, 'w:' .. string.sub(ARGV[24], at, at + 15), '1') == 1 then
    redis.call('HINCRBY', key, 'wn', 1)
  end
end
redis.call('PEXPIRE', key, int(left + retain))
local pointer = base .. 'p:' .. norm
if reach > 0 then
  redis.call('SET', pointer, id, 'PX', int(left + retain))
elseif redis.call('GET', pointer) == id then
  redis.call('DEL', pointer)
end

for at = 1, #joined, 16 do
  redis.call('SADD', set_key(joined, at), id)
  if at > 1 then
    redis.call('SADD', base .. 'tags', string.sub(joined, at, at + 15))
  end
end
redis.call('HSETNX', base .. 'groups', string.sub(joined, 1, 16), group_name)

if policy == 'lru' then
  redis.call('ZADD', base .. 'use', int(now), id)
elseif redis.call('ZSCORE', base .. 'use', id) then
  redis.call('ZINCRBY', base .. 'use', 1, id)
else
  -- Frequency with ageing: a newcomer starts just above the coldest, so that old fame does not last for ever.
  local coldest = redis.call('ZRANGE', base .. 'use', 0, 0, 'WITHSCORES')
  redis.call('ZADD', base .. 'use', (tonumber(coldest[2]) or 0) + 1, id)
end
return { 1, epoch, created, expires, old[1] and 1 or 0, redis.call('ZCARD', base .. 'use'), seq, redis.call('HGET', key, 'wn') }
