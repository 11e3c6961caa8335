-- list: account ('' for all), where to go on (exclusive), page size. It answers
-- runs and their places, the newest first, and writes nothing.
local account = ARGV[2]
local bad = guard(account ~= '' and account)
if bad then return bad end
local key = account == '' and BEGUN or accountKeys(account).begun
return {'ok', redis.call('ZREVRANGEBYSCORE', key, ARGV[3], '-inf', 'WITHSCORES', 'LIMIT', 0, ARGV[4])}
