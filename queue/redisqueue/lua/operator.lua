-- Does what an operator asks for. ARGV: limits, token, verb, id, the note as
-- JSON, and for a requeue the id and the JSON of the new event.
local refusal = open()
if refusal then return refusal end
local token, verb, id = ARGV[2], ARGV[3], ARGV[4]
local done = call('HGET', P .. 'acts', token)
if done then
  local d = cjson.decode(done)
  if d[1] ~= verb or d[2] ~= id then return { 'used', d[1], d[2] } end
  ctl.dirty = true -- a barrier needs a write
  finish()
  return { 'ok', d[3], d[4], '0' }
end

sound('zset', 'acts:at')

-- enter puts an event into the line, at its place.
local function enter(a, e)
  parse(a)
  local at = #a.line + 1
  for i, o in ipairs(a.line) do
    if o.place > e.place then
      at = i
      break
    end
  end
  table.insert(a.line, at, e)
  touch(a)
end

local i, m = known(id)
if not i then return { 'unknown' } end
local a = load(i.a)
expire(a)
i, m = known(id)
local state, receipt, superseded = m.s, id, ''

if verb == 'release' and state == 'held' then
  score('held', id, false)
  local e = { id = id, cmd = i.cmd, same = i.same, place = i.place, f = m.f }
  from_now(a, e, now)
  enter(a, e)
  m.s, m.due = 'queued', at_now
elseif verb == 'drop' and (state == 'queued' or state == 'held' or state == 'dead') then
  if state == 'queued' then leave(a, id) else score(state, id, false) end
  if state == 'dead' and m.suc ~= '' then
    score('again', id, false)
  else
    kept(-1)
    ended(id, i.key)
  end
  m.s = 'done'
elseif verb == 'requeue' and state == 'dead' and m.suc ~= '' then
  finish()
  return { 'wrong', state, m.suc }
elseif verb == 'requeue' and state == 'dead' then
  local full
  full, superseded = accept(a, { id = ARGV[6], cmd = i.cmd, same = i.same, key = '', not_before = 0, json = ARGV[7], token = 'operator' })
  if full then
    finish()
    return full
  end
  receipt, m.suc = ARGV[6], ARGV[6]
  kept(-1)
  score('again', id, i.seq)
  ended(id, i.key)
else
  if state == 'queued' and tonumber(m.due) > now then state = 'delayed' end
  finish()
  return { 'wrong', state, '' }
end

note(m, at_now, verb, ARGV[5])
put(id, m)
local changed = finish()
call('HSET', P .. 'acts', token, cjson.encode({ verb, id, receipt, superseded }))
call('ZADD', P .. 'acts:at', at_now, token)
local old = call('ZRANGEBYSCORE', P .. 'acts:at', '-inf', num(now - 30 * 86400 * 1000000), 'LIMIT', 0, LIVE_BATCH)
if #old == 0 and call('ZCARD', P .. 'acts:at') > cfg.keep then old = call('ZRANGE', P .. 'acts:at', 0, 0) end
if #old > 0 then
  call('HDEL', P .. 'acts', unpack(old))
  call('ZREM', P .. 'acts:at', unpack(old))
end
return { 'ok', receipt, superseded, changed }
