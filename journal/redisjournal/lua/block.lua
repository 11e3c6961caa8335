-- block: account, record, token
local account, token = ARGV[2], ARGV[4]
local bad = guard(account) or typed(opKey(token), 'string')
if bad then return bad end
if done(token) then return {'ok'} end
relieve()
redis.call('HSETNX', META, 'schema', SCHEMA)
redis.call('HSETNX', accountKeys(account).hash, 'block', ARGV[3])
keep(token, '1')
return {'ok'}
