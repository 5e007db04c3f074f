-- ARGV: 'set' or 'add', name, ttl in ms or '', then fields and values
local key = base .. 'h:' .. ARGV[2]
for i = 4, #ARGV, 2 do
  redis.call(ARGV[1] == 'set' and 'HSET' or 'HINCRBYFLOAT', key, ARGV[i], ARGV[i + 1])
end
if ARGV[3] ~= '' then
  redis.call('PEXPIRE', key, ARGV[3])
end
redis.call('SADD', base .. 'names', ARGV[2])
return 1
