-- A sliding window counter: the count of this window, and that of the one before by how much of it is still in reach.
-- ARGV: key suffix, limit, window in ms, cost (0: only look)
-- -> allowed (1/0), count of the window before, ms that it has left, count of this window, ms until it is forgotten
local key = base .. ARGV[1]
local limit, window, cost = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local now = clock()
local kept = redis.call('HMGET', key, 's', 'c', 'p')
local start, count, before = tonumber(kept[1]) or now, tonumber(kept[2]) or 0, tonumber(kept[3]) or 0
start = math.min(start, now) -- a clock that was set back
if now >= start + 2 * window then
  start, count, before = now, 0, 0
elseif now >= start + window then
  start, count, before = start + window, 0, count
end
local left = start + window - now
local allowed = 0
if math.floor(before * left / window) + count + cost <= limit then
  allowed = 1
  if cost > 0 then
    count = count + cost
    redis.call('HSET', key, 's', int(start), 'c', int(count), 'p', int(before))
    redis.call('PEXPIRE', key, int(left + window))
  end
end
return { allowed, before, left, count, left + window }
