-- unblock: account, record, token, how the record of the block that is named
-- ends ('' for none), then the references that are named. It answers "other" with
-- the block or the reference that stops the account and is not named.
local account, record, token = ARGV[2], ARGV[3], ARGV[4]
local bad = guard(account) or typed(opKey(token), 'string')
if bad then return bad end
local a = accountKeys(account)
if done(token) or redis.call('HGET', a.hash, 'unblock') == record then return {'ok'} end
local block, ending = redis.call('HGET', a.hash, 'block'), ARGV[5]
if block and (ending == '' or string.sub(block, -#ending) ~= ending) then return {'other', block, ''} end
local named = {}
for i = 6, #ARGV do named[ARGV[i]] = true end
local unknown = redis.call('ZRANGE', a.unknown, 0, -1)
for _, ref in ipairs(unknown) do
  if not named[ref] then return {'other', '', ref} end
end
for _, ref in ipairs(unknown) do
  bad = typed(runKey(redis.call('HGET', REFS, ref) or ''), 'hash')
  if bad then return bad end
end
redis.call('HSETNX', META, 'schema', SCHEMA)
redis.call('HSET', a.hash, 'unblock', record)
redis.call('HDEL', a.hash, 'block')
for _, ref in ipairs(unknown) do
  redis.call('HSET', runKey(redis.call('HGET', REFS, ref)), 'w:' .. ref, '1')
  redis.call('ZREM', a.open, ref)
end
redis.call('DEL', a.unknown)
keep(token, '1')
return {'ok'}
