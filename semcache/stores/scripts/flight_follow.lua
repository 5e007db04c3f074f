-- ARGV: entry id, token, frames read so far, most bytes of one answer, ms for which a look counts as watching, ms that
-- frames outlive the lease -> alive, landed, settled (1/0), then frames
fleeting()
local key, token, at, most = base .. 'f:' .. ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local flight = key .. ':' .. token
local now = clock()
local last = redis.call('HMGET', key, 't', 'u')
local kept = redis.call('HMGET', flight, 'n', 'l', 'x', 'w')
local held = last[1] == token and tonumber(last[2]) > now
local watch = tonumber(ARGV[5])
if held and not kept[2] and (tonumber(kept[4]) or 0) < now + watch / 2 then -- so that few looks write
  redis.call('HSET', flight, 'w', int(now + watch))
  redis.call('PEXPIRE', flight, int(tonumber(last[2]) - now + tonumber(ARGV[6])))
end
local count, bytes = tonumber(kept[1]) or 0, 0
local out = { 0, 0, held and 0 or 1 }
while at < count and bytes < most do
  local frame = redis.call('HGET', flight, int(at))
  out[#out + 1] = frame
  bytes = bytes + #frame
  at = at + 1
end
out[1] = (held or kept[2]) and not kept[3] and 1 or 0
out[2] = kept[2] and at >= count and 1 or 0
return out
