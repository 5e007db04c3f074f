-- ARGV: entry id, since in ms, lease in ms, ms for which tokens are remembered, ms for which a look counts as watching,
-- ms that frames outlive the lease, a name of this call: made again, as its answer was lost, it has what it had
-- -> 'lead', token; 'follow', token; or 'landed', 0
-- Key f:<id>: t the last token, u until when its lease holds (0: given back), s set while a leader whose lease ran out
-- may still be at work, o the call that has the last token.
-- Key f:<id>:<token>: the frames by number, n how many, b their bytes, w watched until when,
-- l set once the last frame is there, x set where there were too many.
fleeting()
local id, since, lease = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now = clock()
local created = tonumber(redis.call('HGET', base .. 'e:' .. id, 'c'))
if created and created >= since then
  return { 'landed', 0 }
end
local key = base .. 'f:' .. id
local last = redis.call('HMGET', key, 't', 'u', 'o')
local token = tonumber(last[1])
if token and tonumber(last[2]) > now then
  if last[3] == ARGV[7] then
    return { 'lead', token }
  end
  local flight = key .. ':' .. last[1]
  redis.call('HSET', flight, 'w', int(now + tonumber(ARGV[5])))
  redis.call('PEXPIRE', flight, int(tonumber(last[2]) - now + tonumber(ARGV[6])))
  return { 'follow', token }
end
if token and last[2] ~= '0' then
  redis.call('HSET', key, 's', '1')
end
token = math.max(now, (token or 0) + 1)
redis.call('HSET', key, 't', int(token), 'u', int(now + lease), 'o', ARGV[7])
redis.call('PEXPIRE', key, ARGV[4])
return { 'lead', token }
