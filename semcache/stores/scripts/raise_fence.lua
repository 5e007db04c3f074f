-- ARGV: most scopes kept, fence floor, scopes... -> the sequence at which they were raised
local now = clock()
local fence = trusted_fence(now, tonumber(ARGV[2]))
local seq = math.max(fence + 1, now)
local key = base .. 'fences'
if redis.call('HLEN', key) + #ARGV > tonumber(ARGV[1]) + 1 then
  redis.call('DEL', key) -- all older tokens then count as raced: safe, and it needs no memory
  redis.call('HSET', key, '#floor', int(seq))
end
redis.call('HSET', key, '#', int(seq))
for i = 3, #ARGV do
  redis.call('HSET', key, ARGV[i], int(seq))
end
return seq
