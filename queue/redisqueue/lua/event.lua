-- Events. What never changes about an event is one text: a line, see about, and
-- its JSON. What happened to it is another one, which there is once a delivery
-- has ended: a line, see write, and a line for each item of history but the first,
-- which says that it was published. Of an event that is in a line, the account's
-- text says when it is due, its fence and its lease.

-- about reads what never changes.
local function about(text)
  local seq, place, at, a, cmd, key, same, op, sup =
    match(text, '^([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]*) ([^ ]*) ([^ ]*) ([^ \n]*)\n')
  return { seq = seq, place = tonumber(place), at = at, a = a, cmd = cmd, key = key, same = same, op = op, sup = sup }
end

-- KEY matches the producer's key alone.
local KEY = '^[^ ]+ [^ ]+ [^ ]+ [^ ]+ [^ ]+ ([^ ]*)'

-- begun is the state of an event before its first delivery ended.
local function begun(a)
  local first = a and a.since or ''
  return { s = 'queued', due = '', n = '1', cr = '0', f = '0', first = first, suc = '', lt = '', lv = '', lw = '', past = '', hn = 0, items = '' }
end

-- meta reads what happened.
local function meta(text)
  local s, due, n, cr, f, first, suc, lt, lv, lw, past, hn, at =
    match(text, '^([^ ]+) ([^ ]*) ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ \n]+)\n()')
  return {
    s = s, due = due, n = n, cr = cr, f = f, first = first, suc = suc, lt = lt, lv = lv, lw = lw, past = past,
    hn = tonumber(hn), items = sub(text, at),
  }
end

-- write makes a text of what happened: state, due, attempt, crashes, fence,
-- first delivery, successor, of the last settlement token, digest and verb, some
-- settlements before it, number of items, and the items.
local function write(m)
  return m.s .. ' ' .. m.due .. ' ' .. m.n .. ' ' .. m.cr .. ' ' .. m.f .. ' ' .. m.first .. ' ' .. m.suc .. ' ' .. m.lt .. ' ' ..
    m.lv .. ' ' .. m.lw .. ' ' .. m.past .. ' ' .. m.hn .. '\n' .. m.items
end

local function put(id, m) texts[ST .. id] = write(m) end

-- note adds an item of history: when, what, attempt, fence, the rest as JSON.
local function note(m, at, what, rest)
  local n = m.f == '0' and '0' or m.n
  m.items, m.hn = m.items .. at .. ' ' .. what .. ' ' .. n .. ' ' .. m.f .. ' ' .. rest .. '\n', m.hn + 1
  while m.hn > cfg.history do
    m.items, m.hn = sub(m.items, find(m.items, '\n', 1, true) + 1), m.hn - 1
  end
end

-- known reads both. What the account says of an event in its line is added.
local function known(id)
  local v = read({ EV .. id, ST .. id })
  if not v[1] then return nil end
  local i, m = about(v[1]), v[2] and meta(v[2]) or begun()
  if m.s ~= 'queued' then return i, m, v[1] end
  local a = load(i.a)
  local e = seek(a, id)
  if not e then return i, m, v[1] end
  m.due, m.f = num(e.due), e.f
  if a.c == id then
    m.s, m.f = 'leased', a.f
    if m.first == '' then m.first = a.since end
  end
  return i, m, v[1]
end

-- given returns what happened to the leased event of an account, its delivery
-- being the last item, and takes the lease away.
local function given(a)
  local m
  if a.pf ~= '0' then
    local text = read({ ST .. a.c })[1]
    m = text and meta(text)
  end
  m = m or begun(a)
  m.f = a.f
  note(m, a.since, 'delivered', '')
  a.c, a.t, a.x = '', '', ''
  touch(a)
  return m
end

-- ended remembers an event among those that ended: when, and its key.
local function ended(id, key) ids[#ids + 1] = id .. ' ' .. at_now .. ' ' .. key end

-- forget removes the oldest of those that ended, of which there are so many, but
-- nothing that ended within the window.
local function forget(n)
  local spare = math.min(64, cfg.keep)
  if n <= cfg.keep + spare then return end
  local before = now - cfg.window
  local function old_enough(text) return tonumber(match(text, '^[^ ]+ ([^ ]+)') or 0) <= before end
  -- The one at the end of the spare ones tells whether it is worth the effort.
  if not old_enough(call('LINDEX', P .. 'ended', spare)) then return end
  local old = call('LRANGE', P .. 'ended', 0, math.min(n - cfg.keep, 200) - 1)
  while #old > 0 and not old_enough(old[#old]) do old[#old] = nil end
  if #old == 0 then return end
  call('LTRIM', P .. 'ended', #old, -1)
  local gone, keys = {}, {}
  for i, text in ipairs(old) do
    local id, key = match(text, '^([^ ]+) ?[^ ]* ?([^ ]*)$')
    if key ~= '' then keys[#keys + 1] = key end
    gone[i * 2 - 1], gone[i * 2], old[i] = EV .. id, ST .. id, id
  end
  call('UNLINK', unpack(gone))
  if #keys > 0 then call('HDEL', P .. 'keys', unpack(keys)) end
  if call('EXISTS', P .. 'superseded') == 1 then call('ZREM', P .. 'superseded', unpack(old)) end
  if call('EXISTS', P .. 'again') == 1 and call('ZREM', P .. 'again', unpack(old)) > 0 then call('ZREM', P .. 'dead', unpack(old)) end
end

-- finish writes what changed and wakes sleeping receivers. It returns whether
-- something changed that they may wait for. What removes comes first: a full
-- server lets a script go on that began by removing; one that must not begins
-- with put_in.
local function finish()
  gather()
  all_sound()
  take_out()
  put_in()
  if #joined > 0 then
    many_of('SADD', P .. 'accts', joined)
    joined = {}
  end
  if #ids > 0 then
    local n = call('RPUSH', P .. 'ended', unpack(ids))
    ids = {}
    forget(n)
  end
  return woke and '1' or '0'
end

-- crash ends the delivery of an account whose lease ran out.
local function crash(a)
  local id = a.c
  local m = given(a)
  m.cr = num(m.cr + 1)
  note(m, at_now, 'crashed', '{"detail":"the lease ran out"}')
  if tonumber(m.cr) < cfg.crashes then
    local e = seek(a, id)
    if not e then return end
    from_now(a, e, now)
    e.f = m.f
  else
    note(m, at_now, 'dead', '{"class":"crashes","detail":"' .. m.cr .. ' deliveries ended by the running out of their lease"}')
    m.s, m.due = 'dead', leave(a, id) or at_now
    local i = known(id)
    if not i then return kept(-1) end -- somebody deleted its key
    score('dead', id, i.seq)
  end
  put(id, m)
end

-- expire ends the delivery of an account if its lease ran out.
local function expire(a)
  if over(a) then crash(a) end
end

-- expire_all does so for all accounts, for so many in one call. It returns
-- whether there may be more.
local function expire_all()
  local late = call('ZRANGEBYSCORE', P .. 'lease', '-inf', at_now, 'LIMIT', 0, LIVE_BATCH)
  fetch(late)
  for _, name in ipairs(late) do
    local a = load(name)
    a.was_x = false -- it is in the index, whatever the account says
    touch(a)
    expire(a)
  end
  return #late == LIVE_BATCH
end
