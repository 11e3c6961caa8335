-- settle: account, run, fence, then for each settlement: reference, the version
-- that the caller knows ('-': none), record, '1' if it is unknown. It answers
-- "look" with the intents unless the caller knows the version of each. An intent
-- that there is not comes with a sixth element that says why.
local account, run = ARGV[2], ARGV[3]
local bad = guard(account, run)
if bad then return bad end
local a = accountKeys(account)
bad = held(a, run, ARGV[4])
if bad then return bad end
local look, known = false, {}
for i = 5, #ARGV, 4 do
  local ref, fault = ARGV[i], nil
  local owner = redis.call('HGET', REFS, ref)
  if not owner then
    fault = 'unknownref'
  elseif owner == '' then
    fault = 'gone'
  else
    bad = typed(runKey(owner), 'hash')
    if bad then return bad end
    if redis.call('HGET', runKey(owner), 'account') ~= account then fault = 'unknownref' end
  end
  local it = fault and {ref, '', '', '', '', fault} or intent(ref)
  local version = string.match(it[4], '^%d+') or '0'
  if fault or version ~= ARGV[i + 1] then look = true end
  known[#known + 1] = it
end
if look then return {'look', known} end
bad = finished(run) or moved(a)
if bad then return bad end
relieve()
for n, it in ipairs(known) do
  local i = 1 + 4 * n
  local ref, r, unknown = it[1], runKey(it[2]), ARGV[i + 3]
  local version, was = string.match(it[4], '^(%d+) (%d)')
  redis.call('HSET', r, 'z:' .. ref, number(tonumber(version or '0') + 1) .. ' ' .. unknown .. ' ' .. ARGV[i + 2])
  if was ~= '1' and unknown == '1' then
    redis.call('HINCRBY', r, 'u', 1)
    redis.call('ZADD', a.unknown, redis.call('ZSCORE', a.open, ref) or 0, ref)
  elseif was == '1' and unknown ~= '1' then
    redis.call('HINCRBY', r, 'u', -1)
  end
  if unknown ~= '1' then
    redis.call('ZREM', a.open, ref)
    redis.call('ZREM', a.unknown, ref)
  end
end
return {'ok'}
