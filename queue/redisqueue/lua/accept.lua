-- replaceable returns the last event of the command in the line if it asks for
-- the same and was never delivered. One further up stays: what was asked for
-- after it must not come last.
local function replaceable(a, ev)
  if not a.line then -- mostly it is new
    if a.n == 0 then return nil end
    local same = ' ' .. ev.same .. '\n'
    local hint = sub(a.hints, 1, 1) == '*' or find(a.hints, sub(ev.same, 1, 4), 1, true)
    if not hint and not find(a.row, same, 1, true) then return nil end
  end
  parse(a)
  for i = #a.line, 1, -1 do
    local e = a.line[i]
    if e.cmd == ev.cmd then
      if e.f == '0' and e.id ~= a.c and e.same == ev.same then return e, i end
      return nil
    end
  end
end

-- supersede ends an event for a newer one.
local function supersede(a, old, id)
  local m = begun()
  note(m, at_now, 'superseded', '{"detail":"by ' .. string.gsub(id, '["\\]', '\\%0') .. '"}')
  m.s, m.suc, m.due = 'superseded', id, num(old.due)
  put(old.id, m)
  if old.later == '1' then score('later', a.name .. ' ' .. old.id, false) end
  local text = read({ EV .. old.id })[1]
  if not text then return end -- somebody deleted its key
  local i = about(text)
  score('superseded', old.id, i.seq)
  ended(old.id, i.key)
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
  local place, due, later, superseded = seq, now, '0', ''
  if old then
    place, due, superseded = num(old.place), math.min(old.due, now), old.id
  end
  if ev.not_before > 0 and ev.not_before + ctl.ahead > due then
    due = ev.not_before + ctl.ahead
  end
  local text = due == now and at_now or num(due)
  if due > now or (old and old.later == '1') then
    later = '1'
    score('later', a.name .. ' ' .. ev.id, text)
  end
  if due > a.d then a.d = due end
  texts[EV .. ev.id] = seq .. ' ' .. place .. ' ' .. at_now .. ' ' .. a.name .. ' ' .. ev.cmd .. ' ' .. ev.key .. ' ' .. ev.same .. ' ' ..
    ev.token .. ' ' .. superseded .. '\n' .. ev.json
  if old or a.line then
    parse(a)
    if old then supersede(a, old, ev.id) end
    a.line[at or #a.line + 1] = { id = ev.id, cmd = ev.cmd, same = ev.same, place = tonumber(place), due = due, later = later, f = '0' }
    touch(a)
  else -- nothing of the line but its end changes
    append(a, ev.id .. ' ' .. text .. ' ' .. later .. ' 0 ' .. place .. ' ' .. ev.cmd .. ' ' .. ev.same .. '\n', ev.same)
    local stale = a.stale or later == '1' or (a.c == '' and a.r == '')
    touch(a)
    a.stale = stale
  end
  return nil, superseded
end
