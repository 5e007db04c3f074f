-- ARGV: entry id, token, lease in ms, ms for which tokens are remembered, ms that frames outlive the lease, most bytes
-- of all frames, number of the first frame, '1' if the flight's last frame is among or before these, frames...
-- -> 1, watched (1/0), frames published in all; or 0, 0, 0 where the lease is not this leader's any more
fleeting()
local key, token = base .. 'f:' .. ARGV[1], ARGV[2]
local lease, most, first = tonumber(ARGV[3]), tonumber(ARGV[6]), tonumber(ARGV[7])
local flight = key .. ':' .. token
local now = clock()
local last = redis.call('HMGET', key, 't', 'u')
local kept = redis.call('HMGET', flight, 'n', 'b', 'w', 'x')
-- A leader that was silent for too long, and that nobody replaced, goes on. One that gave its lease back does not: this
-- call of its has been overtaken.
if kept[4] or last[1] and (tonumber(last[1]) > tonumber(token) or last[1] == token and last[2] == '0') then
  return { 0, 0, 0 }
end
if last[1] ~= token then -- the key was lost, and perhaps with it what it knew of others
  redis.call('HSET', key, 's', '1')
end
redis.call('HSET', key, 't', token, 'u', int(now + lease))
redis.call('PEXPIRE', key, ARGV[4])
local count, bytes = tonumber(kept[1]) or 0, tonumber(kept[2]) or 0
for i = 9, #ARGV do
  if first + i - 9 == count then -- each once, and none before those ahead of it
    bytes = bytes + #ARGV[i] + 64
    if bytes > most then
      redis.call('DEL', flight)
      redis.call('HSET', flight, 'x', '1')
      redis.call('PEXPIRE', flight, int(lease + tonumber(ARGV[5])))
      redis.call('HSET', key, 'u', '1')
      return { 0, 0, 0 }
    end
    redis.call('HSET', flight, int(count), ARGV[i])
    count = count + 1
  end
end
local ended = ARGV[8] == '1' and count == first + #ARGV - 8
if ended then
  redis.call('HSET', flight, 'l', '1')
end
if ended or #ARGV > 8 then
  redis.call('HSET', flight, 'n', int(count), 'b', int(bytes))
end
redis.call('PEXPIRE', flight, int(lease + tonumber(ARGV[5])))
return { 1, (tonumber(kept[3]) or 0) > now and 1 or 0, count }
