-- Accounts. An account is one text. It begins with fence, number of rows, a time
-- at which all of the line is due, score in ready, score in wait, and its lease,
-- if it has one: event, token, end, run_id of the server that granted it, when it
-- was granted, fence of the event's last delivery, producer's key. Then there is
-- a row for each event of its line: id, command, sameness, place, due, whether it
-- is in later, fence of the last delivery that ended. While an event is leased,
-- its row stays as it is.
local ROW = '(%S+) (%S+) (%S+) (%S+) (%S+) ([01]) (%S+)\n'
local FIRST = '^(%S+) %S+ %S+ %S+ (%S+) ([01]) (%S+)\n()'
local accounts, joined = {}, {}

-- over says whether the lease of an account ran out.
local function over(a) return a.c ~= '' and tonumber(a.x) <= now end

-- account reads one. Its rows stay text until parse is called: most steps need
-- the first and the end only. They are what raw has from its place at on, and
-- what tail has.
local function account(name, text)
  local f, n, d, r, w, lease, at = '0', 0, 0, '', '', '', 1
  if text then f, n, d, r, w, lease, at = match(text, '^(%d+) (%d+) (%d+) (%S*) (%S*) ([^\n]*)\n()') end
  local c, t, x, srv, since, pf, key = '', '', '', '', '', '0', ''
  if lease ~= '' then c, t, x, srv, since, pf, key = match(lease, '^(%S+) (%S+) (%S+) (%S*) (%S+) (%S+) (%S*)$') end
  return {
    name = name, f = f, n = tonumber(n), d = tonumber(d), r = r, w = w, c = c, t = t, x = x, srv = srv, since = since, pf = pf, key = key,
    raw = text or '', at = at, tail = '', was_r = r, was_w = w, was_x = x,
    new = not text, line = false, dirty = false, stale = false, first = false, later = false,
  }
end

-- fetch reads accounts that were not read yet.
local function fetch(names)
  local keys, new = {}, {}
  for _, name in ipairs(names) do
    if not accounts[name] then
      accounts[name] = true
      new[#new + 1], keys[#keys + 1] = name, ACCT .. name
    end
  end
  local found = read(keys)
  for i, name in ipairs(new) do accounts[name] = account(name, found[i]) end
end

-- load returns an account.
local function load(name)
  if not accounts[name] then fetch({ name }) end
  return accounts[name]
end

-- first matches the first row.
local function first(a)
  if a.at > #a.raw then a.raw, a.at, a.tail = a.tail, 1, '' end
  return match(a.raw, FIRST, a.at)
end

-- parse makes a list of a line.
local function parse(a)
  if a.line then return end
  local line, n = {}, 0
  for id, cmd, same, place, due, later, f in string.gmatch(sub(a.raw, a.at) .. a.tail, ROW) do
    n = n + 1
    line[n] = { id = id, cmd = cmd, same = same, place = tonumber(place), due = tonumber(due), later = later, f = f }
  end
  a.line = line
end

-- row writes an event of a line.
local function row(e)
  return e.id .. ' ' .. e.cmd .. ' ' .. e.same .. ' ' .. num(e.place) .. ' ' .. num(e.due) .. ' ' .. e.later .. ' ' .. e.f .. '\n'
end

-- touch says that an account must be written, with its place in the indexes.
local function touch(a)
  if not a.dirty then
    a.dirty = true
    touched[#touched + 1] = a
  end
  a.stale = true
end

-- seek returns an event of the line and its position.
local function seek(a, id)
  parse(a)
  for i, e in ipairs(a.line) do
    if e.id == id then return e, i end
  end
end

-- from_now says when an event of the line is due, if that is not in the order of
-- the line.
local function from_now(a, e, due)
  e.due, e.later = due, '1'
  a.d = math.max(a.d, due)
  score('later', a.name .. ' ' .. e.id, num(due))
end

-- leave takes an event out of the line, and returns when it was due.
local function leave(a, id)
  touch(a)
  if not a.line then
    local front, due, later, _, at = first(a)
    if front == id then
      a.at, a.n = at, a.n - 1
      if later == '1' then score('later', a.name .. ' ' .. id, false) end
      return due
    end
  end
  local e, i = seek(a, id)
  if not e then return nil end
  table.remove(a.line, i)
  if e.later == '1' then score('later', a.name .. ' ' .. id, false) end
  return num(e.due)
end

-- head finds what may be delivered now, and when the next waiting event is due.
-- Both are texts or nil; it also says whether the event is in later, and gives
-- the fence of its last delivery.
local function head(a)
  if a.c ~= '' then return nil end
  if a.d <= now and not a.line then -- nothing waits
    local id, due, later, f = first(a)
    return id, due, nil, later, f
  end
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
  due = due and num(due)
  if not best then return nil, nil, due end
  return best.id, num(best.due), due, best.later, best.f
end

-- place changes the score of an account in an index.
local function place(name, a, to)
  local list = to == '' and out_of[name] or into[name]
  if to ~= '' then list[#list + 1] = to end
  list[#list + 1] = a.name
end

-- write_account notes the text of an account and its places in the indexes.
local function write_account(a)
  if a.stale then
    local _, r, w = head(a)
    a.r, a.w, a.stale = r or '', w or '', false
  end
  if a.r ~= a.was_r then
    place('ready', a, a.r)
    woke = woke or a.r ~= ''
  end
  if a.w ~= a.was_w then
    place('wait', a, a.w)
    woke = woke or a.w ~= ''
  end
  local lease = ''
  if a.c ~= '' then lease = a.c .. ' ' .. a.t .. ' ' .. a.x .. ' ' .. a.srv .. ' ' .. a.since .. ' ' .. a.pf .. ' ' .. a.key end
  if a.x ~= a.was_x then place('lease', a, a.x) end
  if a.line then
    local rows = {}
    for i, e in ipairs(a.line) do rows[i] = row(e) end
    a.raw, a.at, a.tail, a.n = table.concat(rows), 1, '', #rows
  end
  texts[ACCT .. a.name] = a.f .. ' ' .. a.n .. ' ' .. num(a.d) .. ' ' .. a.r .. ' ' .. a.w .. ' ' .. lease .. '\n' .. sub(a.raw, a.at) .. a.tail
  a.was_r, a.was_w, a.was_x, a.dirty = a.r, a.w, a.x, false
  if a.new then joined[#joined + 1], a.new = a.name, false end
end

-- gather notes all that must be written.
local function gather()
  for _, a in ipairs(touched) do write_account(a) end
  touched = {}
end
