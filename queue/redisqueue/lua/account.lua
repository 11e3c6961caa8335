-- Accounts. An account is one text: a line with fence, number of rows, a time at
-- which all of its line is due, where the rest of the rows begins, what they ask
-- for, score in ready, score in wait, and its lease, if it has one: event, token,
-- end, run_id of the server that granted it, when it was granted, fence of the
-- event's last delivery, producer's key. Then there is a row for the first event
-- of its line. The rows of the others, if there are, are a text of their own, of
-- which what comes before that place is gone: most steps need the first row only.
-- What they ask for is the beginning of the sameness of each, and perhaps of some
-- that are gone, or * if that is too much: without it, a new event asks for
-- something else.
--
-- A row is: id, due, whether it is in later, fence of the last delivery that
-- ended, place, command, sameness. While an event is leased, its row stays as it
-- is.
local ROW = '([^ ]+) ([^ ]+) ([01]) ([^ ]+) ([^ ]+) ([^ ]+) ([^\n]+)\n'
local FIRST = '^([^ ]+) ([^ ]+) ([01]) ([^ ]+) '
local WASTE, HINTS = 4000, 400 -- bytes that may be gone, and of what the rows ask for
local accounts = {}

-- over says whether the lease of an account ran out.
local function over(a) return a.c ~= '' and tonumber(a.x) <= now end

-- account reads one. Its rows stay text until parse is called: row is the first,
-- tail those that this script added and that are not stored, and of the stored
-- ones in between there are so many, which begin at; rest is their text, if it
-- was read.
local function account(name, text)
  local f, n, d, at, hints, r, w, from = '0', 0, '0', 1, '', '', '', 1
  if text then f, n, d, at, hints, r, w, from = match(text, '^([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]*) ([^ ]*) ([^ \n]*)()') end
  local c, t, x, srv, since, pf, key = '', '', '', '', '', '0', ''
  if text and find(text, '^ ', from) then
    c, t, x, srv, since, pf, key, from = match(text, '^ ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]*) ([^ ]+) ([^ ]+) ([^ \n]*)()', from)
  end
  n, from = tonumber(n), from + 1
  local was_d = tonumber(d)
  return {
    name = name, f = f, n = n, d = was_d, was_d = was_d, d_text = d, r = r, w = w, c = c, t = t, x = x, srv = srv, since = since, pf = pf, key = key,
    row = n > 0 and sub(text, from) or '', stored = n > 1 and n - 1 or 0, at = tonumber(at), hints = hints, from = 1, tail = '', had = n > 1,
    was_r = r, was_w = w, was_x = x, new = not text,
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

-- fetch_rest reads the other rows of accounts, and what is gone before them.
local function fetch_rest(names)
  local list, keys = {}, {}
  for _, name in ipairs(names) do
    local a = accounts[name]
    if a.stored > 0 and not a.rest then
      a.rest = ''
      list[#list + 1], keys[#keys + 1] = a, LINE .. name
    end
  end
  local found = read(keys)
  for i, a in ipairs(list) do a.rest, a.from = found[i] or '', a.at end -- '': somebody deleted the key
end

-- load returns an account.
local function load(name)
  if not accounts[name] then fetch({ name }) end
  return accounts[name]
end

-- parse makes a list of a line.
local function parse(a)
  if a.line then return end
  fetch_rest({ a.name })
  local line, n = {}, 0
  for id, due, later, f, place, cmd, same in string.gmatch(a.row .. sub(a.rest or '', a.from) .. a.tail, ROW) do
    n = n + 1
    line[n] = { id = id, cmd = cmd, same = same, place = tonumber(place), due = tonumber(due), later = later, f = f }
  end
  a.line = line
end

-- row writes an event of a line.
local function row(e)
  return e.id .. ' ' .. num(e.due) .. ' ' .. e.later .. ' ' .. e.f .. ' ' .. num(e.place) .. ' ' .. e.cmd .. ' ' .. e.same .. '\n'
end

-- append adds a row to a line that was not parsed.
local function append(a, text, same)
  if a.n == 0 then
    a.row = text
  else
    a.tail, a.hints = a.tail .. text, a.hints .. sub(same, 1, 4)
  end
  a.n = a.n + 1
end

-- advance takes the first row away from a line that was not parsed, so that the
-- next one is the first.
local function advance(a)
  a.n = a.n - 1
  if a.stored == 0 then
    local to = find(a.tail, '\n', 1, true) or 0
    a.row, a.tail = sub(a.tail, 1, to), sub(a.tail, to + 1)
    return
  end
  local text = a.rest
  if not text then
    text = redis.pcall('GETRANGE', LINE .. a.name, a.at - 1, a.at + 198)
    if type(text) ~= 'string' then must_be('string', LINE .. a.name) end
    if not find(text, '\n', 1, true) then
      fetch_rest({ a.name })
      text = a.rest
    end
  end
  local from = a.rest and a.from or 1
  local to = find(text, '\n', from, true)
  if not to then -- somebody deleted the key
    a.row, a.stored, a.n = '', 0, 0
    if a.tail ~= '' then
      parse(a)
      a.n = #a.line
    end
    return
  end
  a.row, a.stored, a.at, a.from = sub(text, from, to), a.stored - 1, a.at + to + 1 - from, to + 1
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
    local front, due, later = match(a.row, FIRST)
    if front == id then
      advance(a)
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
    local id, due, later, f = match(a.row, FIRST)
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

-- write_rest notes the rows behind the first one.
local write_rest
write_rest = function(a)
  local key = LINE .. a.name
  if a.line then
    local rows = {}
    for i, e in ipairs(a.line) do rows[i] = row(e) end
    a.n, a.row, a.stored, a.at = #rows, rows[1] or '', math.max(#rows - 1, 0), 1
    a.rest, a.from, a.tail, a.hints = table.concat(rows, '', 2), 1, '', ''
    for i = 2, #a.line do a.hints = a.hints .. sub(a.line[i].same, 1, 4) end
    if a.rest ~= '' then texts[key] = a.rest end
  elseif a.tail ~= '' then
    if a.stored == 0 then
      texts[key], a.at, a.rest, a.from = a.tail, 1, a.tail, 1
    else
      local size = redis.pcall('STRLEN', key)
      if type(size) ~= 'number' then must_be('string', key) end
      if size < a.at then -- somebody deleted the key
        a.stored, a.rest = 0, false
        parse(a)
        return write_rest(a)
      end
      ends[key] = a.tail
      if a.rest then a.rest = a.rest .. a.tail end
    end
    a.stored, a.tail = a.n - 1, ''
  elseif a.at > WASTE and a.stored > 0 and a.at * 2 > call('STRLEN', key) then
    fetch_rest({ a.name })
    a.rest, a.at, a.from = sub(a.rest, a.from), 1, 1
    texts[key] = a.rest
  end
  if a.had and a.stored == 0 then gone[#gone + 1], a.at = key, 1 end
  if a.stored == 0 then a.hints = '' elseif #a.hints > HINTS then a.hints = '*' end
  a.had = a.stored > 0
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
  if a.c ~= '' then lease = ' ' .. a.c .. ' ' .. a.t .. ' ' .. a.x .. ' ' .. a.srv .. ' ' .. a.since .. ' ' .. a.pf .. ' ' .. a.key end
  if a.x ~= a.was_x then place('lease', a, a.x) end
  write_rest(a)
  texts[ACCT .. a.name] = a.f .. ' ' .. a.n .. ' ' .. (a.d == now and at_now or a.d == a.was_d and a.d_text or num(a.d)) .. ' ' .. a.at .. ' ' .. a.hints .. ' ' .. a.r .. ' ' .. a.w .. lease .. '\n' .. a.row
  a.was_r, a.was_w, a.was_x, a.dirty = a.r, a.w, a.x, false
  if a.new then joined[#joined + 1], a.new = a.name, false end
end

-- gather notes all that must be written.
local function gather()
  for _, a in ipairs(touched) do write_account(a) end
  touched = {}
end
