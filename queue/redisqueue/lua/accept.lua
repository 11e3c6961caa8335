-- replaceable returns the last event of the command in the line if it asks for
-- the same and was never delivered. One further up stays: what was asked for
-- after it must not come last.
local function replaceable(a, ev)
  if not find(a.text, ' ' .. ev.same .. ' ', 1, true) then return nil end -- mostly
  parse(a)
  for i = #a.line, 1, -1 do
    local e = a.line[i]
    if e.cmd == ev.cmd then
      if e.f == '0' and e.same == ev.same then return e, i end
      return nil
    end
  end
end

-- supersede ends an event for a newer one.
local function supersede(old, id)
  local i, m = known(old)
  if not m then return end
  local field, text = note(old, m, 'superseded', '{"detail":"by ' .. string.gsub(id, '["\\]', '\\%0') .. '"}')
  m.s, m.suc = 'superseded', id
  put(old, m, field, text)
  call('ZREM', P .. 'due', old)
  call('ZADD', P .. 'superseded', i.seq, old)
  ended(old, i.key)
end

-- accept puts a new event into its account's line, or returns a refusal.
local function accept(a, ev)
  local old, at = replaceable(a, ev)
  if not old then
    if ctl.kept >= cfg.events then return { 'full', 'queue', num(ctl.kept) } end
    local n = a.line and #a.line or a.n
    if n >= cfg.line then return { 'full', 'line', num(n) } end
    ctl.kept = ctl.kept + 1
  end
  ctl.seq, ctl.dirty = ctl.seq + 1, true
  local seq = num(ctl.seq)
  local e = { id = ev.id, cmd = ev.cmd, same = ev.same, place = ctl.seq, due = math.max(now, ev.not_before), f = '0' }
  local superseded = ''
  if old then
    superseded, e.place, e.due = old.id, old.place, math.max(math.min(old.due, now), ev.not_before)
  end
  local due = num(e.due)
  a.d = math.max(a.d, e.due)
  call('HSET', P .. 'ev:' .. ev.id,
    'j', ev.json,
    'i', a.name .. ' ' .. ev.cmd .. ' ' .. ev.same .. ' ' .. ev.key .. ' ' .. seq .. ' ' .. num(e.place) .. ' ' .. num(now) .. ' ' .. ev.token .. ' ' .. superseded,
    'm', 'queued ' .. due .. ' 1 0 0 0  1    ',
    'h0', num(now) .. ' published 0 0 ')
  call('ZADD', P .. 'due', due, ev.id)
  if old then
    supersede(old.id, ev.id)
    a.line[at] = e
    refresh(a)
  elseif a.line or (a.c == '' and a.r == '' and a.n > 0) then
    parse(a)
    a.line[#a.line + 1] = e
    refresh(a)
  else -- nothing of the line but its end changes
    a.text, a.n = a.text .. row(e), a.n + 1
    if a.c == '' and e.due > now and (a.w == '' or e.due < tonumber(a.w)) then
      index('wait', a, a.w, due)
      a.w = due
    elseif a.c == '' and e.due <= now and a.r == '' then
      index('ready', a, a.r, due)
      a.r = due
    end
    save(a)
  end
  return nil, superseded
end
