-- Put before every script. KEYS[1] is the base of a shard (or of the control plane), e.g. `sc:{s07}:`; every other
-- key is that base and a suffix, so it is in the same slot.
local base = KEYS[1]

local function clock()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- What a script writes after this is neither replicated nor in the append-only file: for what need not survive the
-- server, so that nobody waits for the file to be synced.
local function fleeting()
  redis.set_repl(redis.REPL_NONE)
end

-- Numbers beyond 1e14 would otherwise be written in scientific notation.
local function int(n)
  return string.format('%.0f', n)
end

-- The log tells that all of a namespace ('' : of every one) was invalidated at once. The id beside it is no entry's.
-- Rare, so that the trimming is left to the next change of an entry.
local function record_epoch(namespace)
  local none = string.format('%02x', tonumber(string.match(base, '{s(%d+)}:$'))) .. string.rep('0', 30)
  redis.call('XADD', base .. 'log', '*', 'i', none, 'q', redis.call('INCR', base .. 'seq'), 'n', namespace)
end

-- Epoch of a namespace in this shard. One that is missing (evicted, lost in a failover) is made anew, from the clock
-- and above whatever the caller remembers, so that no record written before the loss is served again.
local function current_epoch(namespace, floor, now)
  local stored = tonumber(redis.call('HGET', base .. 'epochs', namespace))
  local epoch = stored
  if not stored then
    epoch = math.max(now, floor + 1)
  elseif stored < floor then
    epoch = floor
  end
  if epoch ~= stored then
    redis.call('HSET', base .. 'epochs', namespace, int(epoch))
    if floor > 0 then -- it was lost: whoever has copies from before must hear of it
      record_epoch(namespace)
    end
  end
  return epoch
end

-- Fence counter of this shard, the oldest token that can still be judged, and when the counter was begun (0: it is known
-- what was lost before). Seeded from the clock like an epoch.
local function current_fence(now)
  local kept = redis.call('HMGET', base .. 'fences', '#', '#floor', '#begun')
  if kept[1] and kept[2] then
    return tonumber(kept[1]), tonumber(kept[2]), tonumber(kept[3]) or 0
  end
  redis.call('HSET', base .. 'fences', '#', int(now), '#floor', int(now), '#begun', int(now))
  return now, now, now
end

-- A shard that has lost writes (a failover to a replica that lagged) may have lost deletions: whatever it holds from
-- before is held to be invalidated, in every namespace, and every fill under way to have raced.
local function distrust(now, fence_floor)
  local epochs = redis.call('HGETALL', base .. 'epochs')
  for at = 1, #epochs, 2 do
    redis.call('HSET', base .. 'epochs', epochs[at], int(math.max(now, tonumber(epochs[at + 1]) + 1)))
  end
  local fence = math.max(now, fence_floor + 1)
  redis.call('HSET', base .. 'fences', '#', int(fence), '#floor', int(fence), '#begun', '0')
  record_epoch('')
  return fence
end

-- Fence counter for a caller that has seen `known` (0: nothing yet). One that fell back, or was begun after it had been
-- seen, has lost writes.
local function trusted_fence(now, known)
  local fence, _, begun = current_fence(now)
  if fence < known or (known > 0 and begun > known) then
    return distrust(now, known)
  end
  return fence
end

local function record_change(id, cap)
  local seq = redis.call('INCR', base .. 'seq')
  redis.call('XADD', base .. 'log', 'MAXLEN', '~', cap, '*', 'i', id, 'q', seq)
  return seq
end

-- Sets are named by 16-byte hashes, joined in the record's field k: the group first, then the tags.
local function set_key(joined, at)
  return base .. (at == 1 and 'g:' or 't:') .. string.sub(joined, at, at + 15)
end
