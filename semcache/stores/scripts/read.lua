-- ARGV: entry id, namespace, epoch floor, veto field, normalised digest in hex ('' : do not follow the pointer),
-- fence floor
-- -> now, epoch, fence, fields of the entry [, id and fields of the entry that the pointer leads to, if another]
local now = clock()
local function fields(id)
  return redis.call('HMGET', base .. 'e:' .. id, 'm', 'r', 'c', 'x', 'e', 'h', ARGV[4])
end
local fence = trusted_fence(now, tonumber(ARGV[6]))
local out = { now, current_epoch(ARGV[2], tonumber(ARGV[3]), now), fence, fields(ARGV[1]) }
if ARGV[5] ~= '' then
  local target = redis.call('GET', base .. 'p:' .. ARGV[5])
  if target and target ~= ARGV[1] then
    out[5] = target
    out[6] = fields(target)
  end
end
return out
