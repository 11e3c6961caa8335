-- Ends leases with verdicts. ARGV: limits, and for each lease the account, id,
-- token, verb, after, until, least fence, the note as JSON, the verdict's digest.
local function prepare(all)
  local names = {}
  for i, at in ipairs(all) do names[i] = ARGV[at] end
  fetch(names)
end

-- settled answers for a lease that does not count.
local function settled(at, id, token)
  local i, m = known(id)
  if not i then return { 'lost', '', '' } end
  local digest, verb = m.lv, m.lw
  if token ~= m.lt then
    local from, last = find(',' .. m.past, ',' .. token .. ':', 1, true)
    if from then digest, verb = match(m.past, '^([^:]*):([^,]*)', last) end
    if not from then return { 'lost', m.s, m.f } end
  elseif token == '' then
    return { 'lost', m.s, m.f }
  end
  if digest ~= ARGV[at + 8] then return { 'settled', verb, '' } end
  return { 'ok' }
end

-- remember keeps a settlement, and those of earlier deliveries: somebody else may
-- have settled the next one before a reply that was lost is asked for again.
local function remember(m, token, digest, verb)
  if m.lt ~= '' then m.past = m.lt .. ':' .. m.lv .. ':' .. m.lw .. ',' .. m.past end
  m.lt, m.lv, m.lw = token, digest, verb
  local last
  for _ = 1, 8 do last = find(m.past, ',', (last or 0) + 1, true) or #m.past end
  m.past = sub(m.past, 1, last)
end

-- moved takes the lease of another server away. What that server acknowledged to
-- the worker may be lost, and nobody else would do it again.
local function moved(a, id)
  local was, m = a.srv, given(a)
  local e = seek(a, id)
  note(m, at_now, 'crashed', '{"detail":"another server answers than the one that leased it"}')
  if e then
    from_now(a, e, now)
    e.f = m.f
    put(id, m)
  end
  return { 'moved', was, server() }
end

-- quick acknowledges the first delivery of an event. It writes what the general
-- case would.
local function quick(a, at)
  local id, f, since, due = a.c, a.f, a.since, leave(a, a.c) or at_now
  ended(id, a.key)
  a.c, a.t, a.x = '', '', ''
  if tonumber(ARGV[at + 6]) > tonumber(f) then a.f = ARGV[at + 6] end
  texts[ST .. id] = 'done ' .. due .. ' 1 0 ' .. f .. ' ' .. since .. '  ' .. ARGV[at + 2] .. ' ' .. ARGV[at + 8] .. ' ack  2\n' ..
    since .. ' delivered 1 ' .. f .. ' \n' .. at_now .. ' ack 1 ' .. f .. ' ' .. ARGV[at + 7] .. '\n'
  kept(-1)
  return { 'ok' }
end

local function step(at)
  local a, id, token, verb = load(ARGV[at]), ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  expire(a)
  if a.c ~= id or a.t ~= token or id == '' then return settled(at, id, token) end
  if (verb == 'ack' or verb == 'dead') and a.srv ~= '' and server() ~= '' and server() ~= a.srv then return moved(a, id) end
  if verb == 'ack' and a.pf == '0' then return quick(a, at) end
  local m = given(a)
  if tonumber(ARGV[at + 6]) > tonumber(a.f) then a.f = ARGV[at + 6] end
  remember(m, token, ARGV[at + 8], verb)
  note(m, at_now, verb, ARGV[at + 7])
  if verb == 'retry' or verb == 'defer' then
    local e = seek(a, id)
    if not e then return { 'lost', '', '' } end
    from_now(a, e, math.max(now, verb == 'retry' and now + tonumber(ARGV[at + 4]) or tonumber(ARGV[at + 5]) + ctl.ahead))
    e.f = m.f
    if verb == 'retry' then m.n = num(m.n + 1) end
  else
    m.due = leave(a, id) or at_now
    if verb == 'ack' then
      m.s = 'done'
      kept(-1)
      ended(id, a.key)
    else
      local i = known(id)
      if not i then return { 'lost', '', '' } end
      m.s = verb == 'hold' and 'held' or 'dead'
      score(m.s, id, i.seq)
    end
  end
  put(id, m)
  return { 'ok' }
end

return group(9, prepare, step)
