-- ARGV: namespace, epoch floor -> the new epoch
local stored = tonumber(redis.call('HGET', base .. 'epochs', ARGV[1])) or 0
local epoch = math.max(clock(), stored + 1, tonumber(ARGV[2]) + 1)
redis.call('HSET', base .. 'epochs', ARGV[1], int(epoch))
record_epoch(ARGV[1])
return epoch
