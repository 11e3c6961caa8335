-- intend: account, run, fence, barrier ('1' or '0'), most open, then for each
-- intent: reference, record, '1' if the caller has seen it to be a repetition
local account, run = ARGV[2], ARGV[3]
local bad = guard(account, run)
if bad then return bad end
local a, r = accountKeys(account), runKey(run)
bad = held(a, run, ARGV[4]) or finished(run)
if bad then return bad end
-- A barrier needs a write to wait for.
local function touch()
  if ARGV[5] == '1' then redis.call('HINCRBY', a.hash, 'touched', 1) end
end
local new, taken = {}, {}
for i = 7, #ARGV, 3 do
  local has = redis.call('HGET', REFS, ARGV[i])
  if not has then
    new[#new + 1] = i
  else
    local known = intent(ARGV[i])
    if ARGV[i + 2] ~= '1' or known[2] == '' or known[4] ~= '' then taken[#taken + 1] = known end
  end
end
if #taken > 0 then
  touch()
  return {'taken', taken, number(#new)}
end
if #new == 0 then
  touch()
  return {'ok'}
end
bad = moved(a)
if bad then return bad end
local kill = redis.call('HGET', a.hash, 'kill') or redis.call('HGET', ALL, 'kill')
if kill then return {'killed', kill} end
local block = redis.call('HGET', a.hash, 'block')
if block then return {'blocked', block} end
local unknown = redis.call('ZRANGE', a.unknown, 0, 0)
if unknown[1] then return {'unknown', unknown[1]} end
if redis.call('ZCARD', a.open) + #new > tonumber(ARGV[6]) then return {'full', 'open intents of account ' .. account, ARGV[6]} end
for _, i in ipairs(new) do
  local seq = sequence()
  redis.call('HSET', REFS, ARGV[i], run)
  redis.call('HSET', r, 'i:' .. ARGV[i], number(seq) .. ' ' .. ARGV[i + 1])
  redis.call('ZADD', a.open, seq, ARGV[i])
end
touch()
return {'ok'}
