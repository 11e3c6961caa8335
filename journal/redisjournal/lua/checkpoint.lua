-- checkpoint: account, run, fence, step, record, token, most steps
local account, run, name, token = ARGV[2], ARGV[3], ARGV[5], ARGV[7]
local bad = guard(account, run)
if bad then return bad end
local a, r = accountKeys(account), runKey(run)
bad = held(a, run, ARGV[4])
if bad then return bad end
local known = redis.call('HGET', r, 's:' .. name)
local over = finished(run)
if over then
  over[4] = known or ''
  return over
end
if redis.call('SISMEMBER', opsKey(run), token) == 1 then return {'ok'} end
bad = moved(a)
if bad then return bad end
local place
if known then
  place = string.match(known, '^%d+')
elseif tonumber(redis.call('HGET', r, 'steps') or '0') >= tonumber(ARGV[8]) then
  return {'full', 'steps of run ' .. run, ARGV[8]}
else
  place = number(redis.call('HINCRBY', r, 'steps', 1))
end
redis.call('HSET', r, 's:' .. name, place .. ' ' .. ARGV[6])
redis.call('SADD', opsKey(run), token)
return {'ok'}
