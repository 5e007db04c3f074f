-- ARGV: fence floor -> the new fence
return distrust(clock(), tonumber(ARGV[1]))
