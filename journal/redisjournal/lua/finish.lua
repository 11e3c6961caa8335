-- finish: account, run, fence, outcome, record, memo, kept runs (below 0: all)
local account, run, keepRuns = ARGV[2], ARGV[3], tonumber(ARGV[8])
local bad = guard(account, run)
if bad then return bad end
local a, r = accountKeys(account), runKey(run)
bad = held(a, run, ARGV[4])
if bad then return bad end
if finished(run) then return {'ok'} end
local open = {'open'}
for _, ref in ipairs(redis.call('ZRANGE', a.open, 0, -1)) do
  if redis.call('HGET', REFS, ref) == run then open[#open + 1] = ref end
end
if #open > 1 then return open end
bad = moved(a)
if bad then return bad end

relieve()
local seq = sequence()
redis.call('HSET', r, 'ended', ARGV[5], 'outcome', ARGV[6])
if ARGV[7] ~= '' then redis.call('HSET', a.hash, 'memorun', run, 'memo', ARGV[7]) end
for _, member in ipairs(redis.call('ZRANGE', a.approvals, 0, -1)) do
  if string.sub(member, 1, #run + 1) == run .. ' ' then redis.call('ZREM', a.approvals, member) end
end
redis.call('ZREM', a.unfinished, run)
redis.call('ZADD', a.finished, seq, run)
redis.call('DEL', opsKey(run))

-- Drop the runs that ended first, a few at a time; never the last one, and never
-- one with an unknown outcome.
local excess = redis.call('ZCARD', a.finished) - keepRuns
if keepRuns < 0 or excess <= 0 then return {'ok'} end
excess = math.min(excess, 8)
for _, old in ipairs(redis.call('ZRANGE', a.finished, 0, -2)) do
  if excess == 0 then break end
  if not typed(runKey(old), 'hash') and redis.call('HGET', runKey(old), 'u') == '0' then
    for _, field in ipairs(redis.call('HKEYS', runKey(old))) do
      if string.sub(field, 1, 2) == 'i:' then redis.call('HSET', REFS, string.sub(field, 3), '') end
    end
    redis.call('HSET', RUNS, old, '')
    redis.call('ZREM', BEGUN, old)
    redis.call('ZREM', a.begun, old)
    redis.call('ZREM', a.finished, old)
    redis.call('DEL', runKey(old))
    excess = excess - 1
  end
end
return {'ok'}
