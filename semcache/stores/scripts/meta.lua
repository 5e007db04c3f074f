-- ARGV: format, number of shards, a fresh generation -> those that hold: the first to come sets them
local key = base .. 'meta'
redis.call('HSETNX', key, 'format', ARGV[1])
redis.call('HSETNX', key, 'shards', ARGV[2])
redis.call('HSETNX', key, 'generation', ARGV[3])
return redis.call('HMGET', key, 'format', 'shards', 'generation')
