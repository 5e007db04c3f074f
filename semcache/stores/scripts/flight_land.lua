-- ARGV: entry id, token, '1' if all frames have come, ms that they stay readable, ms for which tokens are remembered
-- -> 1, or 0 and nothing done where somebody listens who cannot have got the last frame
fleeting()
local key, token, linger = base .. 'f:' .. ARGV[1], ARGV[2], tonumber(ARGV[4])
local flight = key .. ':' .. token
local kept = redis.call('HMGET', flight, 'w', 'l', 'x')
local known = redis.call('HMGET', key, 't', 's')
if known[1] == token and ARGV[3] == '1' and not kept[2] and not kept[3] and (tonumber(kept[1]) or 0) > clock() then
  return 0
end
redis.call('PEXPIRE', flight, int(linger))
if known[1] ~= token then
  return 1
end
redis.call('HSET', key, 'u', '0')
-- Nobody with a lower token is left who could store, unless one was replaced. A second keeps tokens rising.
redis.call('PEXPIRE', key, known[2] and ARGV[5] or int(math.max(linger, 1000)))
return 1
