-- ARGV: log cap, entry ids... -> how many were listed without a record, as eviction leaves them; the log tells of them
local told = 0
for i = 2, #ARGV do
  if redis.call('EXISTS', base .. 'e:' .. ARGV[i]) == 0 and redis.call('ZREM', base .. 'use', ARGV[i]) == 1 then
    record_change(ARGV[i], ARGV[1])
    told = told + 1
  end
end
return told
