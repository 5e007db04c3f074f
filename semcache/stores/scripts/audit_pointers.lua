-- ARGV: '1' to repair; normalised digests in hex... -> for each: 0 sound or gone, 1 leads nowhere, 2 has no time to live
local out = {}
for i = 2, #ARGV do
  local key = base .. 'p:' .. ARGV[i]
  local id = redis.call('GET', key)
  local state = 0
  if id then
    if redis.call('HGET', base .. 'e:' .. id, 'p') ~= ARGV[i] then
      state = 1
      if ARGV[1] == '1' then
        redis.call('DEL', key)
      end
    elseif redis.call('PTTL', key) == -1 then
      state = 2
      local left = redis.call('PTTL', base .. 'e:' .. id)
      if ARGV[1] == '1' and left > 0 then
        redis.call('PEXPIRE', key, int(left))
      end
    end
  end
  out[#out + 1] = state
end
return out
