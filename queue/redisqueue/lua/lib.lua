-- What the scripts share. The keys are described in doc.go. KEYS[1] is the
-- control key, whose name ends in "ctl"; all other keys have its prefix and so
-- its slot. ARGV[1] holds the limits. Times are microseconds of the server. What
-- the names of events, accounts and the like may hold has no space in it, so a
-- space separates; a field may be empty.
local call, fmt, match, find = redis.call, string.format, string.match, string.find
local P = string.sub(KEYS[1], 1, -4)
local LIVE_BATCH = 100 -- accounts that one call looks after at most
local cfg, ctl, now, woke = nil, nil, 0, false

-- num writes a whole number; Lua would write large ones with an exponent.
local function num(n) return fmt('%.0f', n) end

-- open reads the clock and the control key. It returns a refusal, or nil.
local function open()
  local t = call('TIME')
  now = t[1] * 1000000 + t[2]
  local known, lease, crashes, history, keep, events, line = match(ARGV[1], '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$')
  cfg = {
    known = known, lease = tonumber(lease), crashes = tonumber(crashes), history = tonumber(history),
    keep = tonumber(keep), events = tonumber(events), line = tonumber(line),
  }
  local text = call('GET', KEYS[1])
  if not text then return { 'void' } end
  local v, rest = match(text, '^evenkeel%-queue (%d+) (.*)$')
  if not v then return { 'foreign', text } end
  if tonumber(v) > tonumber(known) then return { 'newer', v } end
  local seq, kept, idle, epoch = match(rest, '^(%d+) (%-?%d+) ([01]) (%S+)$')
  if not seq then return { 'foreign', text } end
  ctl = { v = v, seq = tonumber(seq), kept = tonumber(kept), idle = idle, epoch = epoch, dirty = false }
  return nil
end

-- finish wakes sleeping receivers if something changed, and writes the control
-- key. It returns whether something changed.
local function finish()
  if woke and ctl.idle == '1' then
    call('PUBLISH', P .. 'wake', '')
    ctl.idle, ctl.dirty = '0', true
  end
  if ctl.dirty then
    call('SET', KEYS[1], 'evenkeel-queue ' .. ctl.v .. ' ' .. num(ctl.seq) .. ' ' .. num(ctl.kept) .. ' ' .. ctl.idle .. ' ' .. ctl.epoch)
    ctl.dirty = false
  end
  return woke and '1' or '0'
end

-- load reads an account. Its line stays a text until parse is called: most steps
-- need its first row only. d is not less than any due time in the line.
local function load(name)
  local text = call('GET', P .. 'acct:' .. name)
  if not text then return { name = name, f = 0, c = '', t = '', x = 0, r = '', w = '', d = 0, text = '', n = 0, new = true } end
  local f, c, t, x, r, w, d, n, at = match(text, '^(%d+) (%S*) (%S*) (%S*) (%S*) (%S*) (%d+) (%d+)\n()')
  return {
    name = name, f = tonumber(f), c = c, t = t, x = tonumber(x) or 0, r = r, w = w, d = tonumber(d), n = tonumber(n),
    text = string.sub(text, at),
  }
end

-- The rows of a line: id, command, sameness, place, due, fence of the last
-- delivery.
local ROW = '(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)\n'

-- parse makes a list of a line.
local function parse(a)
  if a.line then return end
  local line, n = {}, 0
  for id, cmd, same, place, due, f in string.gmatch(a.text, ROW) do
    n = n + 1
    line[n] = { id = id, cmd = cmd, same = same, place = tonumber(place), due = tonumber(due), f = f }
  end
  a.line = line
end

-- row writes an event of a line.
local function row(e) return e.id .. ' ' .. e.cmd .. ' ' .. e.same .. ' ' .. num(e.place) .. ' ' .. num(e.due) .. ' ' .. e.f .. '\n' end

-- save writes an account and its line.
local function save(a)
  if a.line then
    local rows = {}
    for i, e in ipairs(a.line) do rows[i] = row(e) end
    a.text, a.n = table.concat(rows), #rows
  end
  local x = a.c ~= '' and num(a.x) or ''
  call('SET', P .. 'acct:' .. a.name,
    num(a.f) .. ' ' .. a.c .. ' ' .. a.t .. ' ' .. x .. ' ' .. a.r .. ' ' .. a.w .. ' ' .. num(a.d) .. ' ' .. a.n .. '\n' .. a.text)
  if a.new then
    call('SADD', P .. 'accts', a.name)
    a.new = false
  end
end

-- seek returns an event of the line and its position.
local function seek(a, id)
  parse(a)
  for i, e in ipairs(a.line) do
    if e.id == id then return e, i end
  end
end

-- leave takes an event out of the line.
local function leave(a, id)
  if a.line then
    local _, i = seek(a, id)
    if i then table.remove(a.line, i) end
    return
  end
  local at, start = 1, id .. ' '
  if string.sub(a.text, 1, #start) ~= start then
    at = find(a.text, '\n' .. start, 1, true)
    if not at then return end
    at = at + 1
  end
  local last = find(a.text, '\n', at, true)
  a.text, a.n = string.sub(a.text, 1, at - 1) .. string.sub(a.text, last + 1), a.n - 1
end

-- first returns the first row of a line.
local function first(a)
  if a.line then return a.line[1] end
  local id, cmd, same, place, due, f, at = match(a.text, '^' .. ROW .. '()')
  if id then return { id = id, cmd = cmd, same = same, place = tonumber(place), due = tonumber(due), f = f, size = at - 1 } end
end

-- delivered notes the fence with which a row was delivered.
local function delivered(a, e, f)
  e.f = f
  if not a.line then a.text = row(e) .. string.sub(a.text, e.size + 1) end
end

-- head finds what may be delivered now, and when the next waiting event is due.
local function head(a)
  if a.c ~= '' then return nil, nil end
  if a.d <= now then return first(a), nil end -- nothing waits
  parse(a)
  local best, due, blocked
  a.d = 0
  for _, e in ipairs(a.line) do
    a.d = math.max(a.d, e.due)
    if e.due > now then
      if not due or e.due < due then due = e.due end
      if e.f ~= '0' then
        blocked = blocked or {}
        blocked[e.cmd] = true
      end
    elseif not best and not (blocked and blocked[e.cmd]) then
      best = e
    end
  end
  return best, due
end

-- index changes an account's score in one of the indexes.
local function index(name, a, was, is)
  if was == is then return end
  if is == '' then
    call('ZREM', P .. name, a.name)
  else
    call('ZADD', P .. name, is, a.name)
    woke = true
  end
end

-- refresh puts an account where its line belongs, and saves it. What removes
-- comes first: a full server lets a script go on that began by removing.
local function refresh(a)
  local next, due = head(a)
  local r, w = next and num(next.due) or '', due and num(due) or ''
  if r == '' then
    index('ready', a, a.r, r)
    index('wait', a, a.w, w)
  else
    index('wait', a, a.w, w)
    index('ready', a, a.r, r)
  end
  a.r, a.w = r, w
  save(a)
end

-- info reads what never changes about an event.
local function info(text)
  local a, cmd, same, key, seq, place, at, op, sup =
    match(text, '^(%S*) (%S*) (%S*) (%S*) (%S*) (%S*) (%S*) (%S*) (%S*)$')
  return { a = a, cmd = cmd, same = same, key = key, seq = seq, place = tonumber(place), at = at, op = op, sup = sup }
end

-- meta reads what changes about an event: state, due, attempt, crashes, fence,
-- the fence before, first delivery, next item of history, successor, and of the
-- last settlement token, digest and verb.
local function meta(text)
  local s, due, n, cr, f, pf, first, hn, suc, lt, lv, lw =
    match(text, '^(%S*) (%S*) (%S*) (%S*) (%S*) (%S*) (%S*) (%S*) (%S*) (%S*) (%S*) (%S*)$')
  return { s = s, due = due, n = n, cr = cr, f = f, pf = pf, first = first, hn = tonumber(hn), suc = suc, lt = lt, lv = lv, lw = lw }
end

-- known reads both.
local function known(id)
  local v = call('HMGET', P .. 'ev:' .. id, 'i', 'm')
  if v[1] and v[2] then return info(v[1]), meta(v[2]) end
end

local function write(m)
  return m.s .. ' ' .. m.due .. ' ' .. m.n .. ' ' .. m.cr .. ' ' .. m.f .. ' ' .. m.pf .. ' ' .. m.first .. ' ' .. m.hn .. ' ' ..
    m.suc .. ' ' .. m.lt .. ' ' .. m.lv .. ' ' .. m.lw
end

-- note makes an item of history. It returns its field and its text.
local function note(id, m, what, rest)
  local n = m.hn
  m.hn = n + 1
  if n >= cfg.history then call('HDEL', P .. 'ev:' .. id, 'h' .. (n - cfg.history)) end
  if m.f == '0' then return 'h' .. n, num(now) .. ' ' .. what .. ' 0 0 ' .. rest end
  return 'h' .. n, num(now) .. ' ' .. what .. ' ' .. m.n .. ' ' .. m.f .. ' ' .. rest
end

-- put writes what changed about an event, with one item of history.
local function put(id, m, field, text) call('HSET', P .. 'ev:' .. id, 'm', write(m), field, text) end

-- ended remembers an event among those that ended, and forgets the oldest.
local function ended(id, key)
  local n = call('RPUSH', P .. 'ended', key == '' and id or id .. ' ' .. key)
  if n <= cfg.keep + math.min(64, cfg.keep) then return end
  local over = math.min(n - cfg.keep, 500)
  local gone = call('LRANGE', P .. 'ended', 0, over - 1)
  call('LTRIM', P .. 'ended', over, -1)
  local names, ids, keys = {}, {}, {}
  for i, text in ipairs(gone) do
    local old, k = match(text, '^(%S+) ?(%S*)$')
    names[i], ids[i] = P .. 'ev:' .. old, old
    if k ~= '' then keys[#keys + 1] = k end
  end
  call('UNLINK', unpack(names))
  if #keys > 0 then call('HDEL', P .. 'keys', unpack(keys)) end
  call('ZREM', P .. 'superseded', unpack(ids))
  if call('ZREM', P .. 'again', unpack(ids)) > 0 then call('ZREM', P .. 'dead', unpack(ids)) end
end

-- kept changes the number of events that did not end.
local function kept(by)
  ctl.kept = ctl.kept + by
  ctl.dirty = true
end

-- crash ends the delivery of an account whose lease ran out.
local function crash(a)
  call('ZREM', P .. 'lease', a.name)
  local id = a.c
  a.c, a.t, a.x = '', '', 0
  local i, m = known(id)
  local e = seek(a, id)
  if not m or not e then
    leave(a, id)
    return refresh(a)
  end
  m.cr = tonumber(m.cr) + 1
  local field, text = note(id, m, 'crashed', '{"detail":"the lease ran out"}')
  if m.cr < cfg.crashes then
    e.due, a.d = now, math.max(a.d, now)
    m.s, m.due = 'queued', num(now)
    call('ZADD', P .. 'due', m.due, id)
  else
    call('HSET', P .. 'ev:' .. id, field, text)
    field, text = note(id, m, 'dead',
      '{"class":"crashes","detail":"' .. m.cr .. ' deliveries ended by the running out of their lease"}')
    m.s = 'dead'
    leave(a, id)
    call('ZADD', P .. 'dead', i.seq, id)
  end
  put(id, m, field, text)
  return refresh(a)
end

-- expire ends the delivery of an account if its lease ran out.
local function expire(a)
  if a.c ~= '' and a.x <= now then crash(a) end
end

-- expire_all does so for all accounts, for so many in one call. It returns
-- whether there may be more.
local function expire_all()
  local late = call('ZRANGEBYSCORE', P .. 'lease', '-inf', num(now), 'LIMIT', 0, LIVE_BATCH)
  for _, name in ipairs(late) do
    local a = load(name)
    if a.c == '' then
      call('ZREM', P .. 'lease', name)
    elseif a.x > now then
      call('ZADD', P .. 'lease', num(a.x), name)
    else
      crash(a)
    end
  end
  return #late == LIVE_BATCH
end

-- touch makes the script write something, so that a barrier behind a repeated
-- call has a write to wait for.
local function touch()
  ctl.dirty = true
  finish()
end
