-- begin: account, run, event, command, number, fence ('0' takes the next),
-- started, token, highest fence, the newest fence that the caller was given ('0'
-- for none)
local account, run, command, want, token = ARGV[2], ARGV[3], ARGV[5], ARGV[7], ARGV[9]
local bad = guard(account, run) or typed(opKey(token), 'string')
if bad then return bad end
local a, r = accountKeys(account), runKey(run)
local owner = redis.call('HGET', RUNS, run)
if owner == '' then return {'forgotten', run} end
if owner then
  local has = redis.call('HMGET', r, 'account', 'command')
  if has[1] ~= account or has[2] ~= command then return {'mismatch', run, has[2] or '', has[1] or ''} end
end

local now = redis.call('HMGET', a.hash, 'fence', 'holder', 'srv', 'by')
local current, holder, was, is = tonumber(now[1] or '0'), now[2] or '', now[3] or '', server()
local fence, given = tonumber(want), tonumber(ARGV[11])
local first = redis.call('GET', opKey(token))
if first then
  if first ~= now[1] or holder ~= run then return {'fenced', first, now[1] or '0', holder} end
  if now[4] and now[4] ~= ME then return {'overtaken', first, run} end
  fence = current
elseif want == '0' then
  local newest = math.max(current, given)
  if newest >= tonumber(ARGV[10]) then return {'exhausted', number(newest)} end
  fence = newest + 1
  -- Another server than at the last claim may have lost some claims: leap over them.
  if was ~= '' and is ~= '' and was ~= is then fence = math.min(math.max(current + 1000, fence), tonumber(ARGV[10])) end
elseif fence < current or (fence == current and holder ~= run) then
  return {'fenced', want, now[1], holder}
elseif current < given and fence <= given then
  -- What the caller was given is lost here, and it may still be at work with it.
  return {'fenced', want, number(given), run}
end

if not owner then
  local seq = sequence()
  redis.call('HSET', r, 'account', account, 'event', ARGV[4], 'command', command, 'number', ARGV[6], 'started', ARGV[8], 'u', '0')
  redis.call('HSET', RUNS, run, account)
  redis.call('ZADD', BEGUN, seq, run)
  redis.call('ZADD', a.begun, seq, run)
  redis.call('ZADD', a.unfinished, seq, run)
end
redis.call('HSET', a.hash, 'fence', number(fence), 'holder', run, 'srv', is, 'by', ME)
redis.call('HSET', r, 'fence', number(fence))
keep(token, number(fence))
return {'ok', number(fence), owner and '1' or '0', redis.call('HGETALL', r), standing(account)}
