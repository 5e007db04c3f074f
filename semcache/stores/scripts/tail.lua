-- -> stream id of the last change, and the change counter
local last = redis.call('XREVRANGE', base .. 'log', '+', '-', 'COUNT', 1)
return { last[1] and last[1][1] or '0-0', tonumber(redis.call('GET', base .. 'seq')) or 0 }
