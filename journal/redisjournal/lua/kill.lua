-- kill: account ('' for all), record, token, 'kill' or 'resume'
local account, record, token = ARGV[2], ARGV[3], ARGV[4]
local bad = guard(account ~= '' and account) or typed(opKey(token), 'string')
if bad then return bad end
local key = account == '' and ALL or accountKeys(account).hash
if done(token) then return {'ok'} end
if ARGV[5] == 'kill' then
  relieve()
  redis.call('HSETNX', META, 'schema', SCHEMA)
  redis.call('HSETNX', key, 'kill', record)
elseif redis.call('HGET', key, 'resumed') ~= record then
  redis.call('HSETNX', META, 'schema', SCHEMA)
  redis.call('HSET', key, 'resumed', record)
  redis.call('HDEL', key, 'kill')
end
keep(token, '1')
return {'ok'}
