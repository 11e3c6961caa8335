-- Compares what the structures say about some accounts, or about some events.
-- ARGV: limits, "accounts" and a cursor, or "events" and ids, or "counts".
local refusal = open()
if refusal then return refusal end
local out = { 'ok', '0', '' }
local function fault(key, ...) out[#out + 1] = key .. '\n' .. fmt(...) end
local function scored(name, member)
  local s = call('ZSCORE', P .. name, member)
  return s and num(tonumber(s)) or ''
end

if ARGV[2] == 'accounts' then
  local page = call('SSCAN', P .. 'accts', ARGV[3], 'COUNT', LIVE_BATCH)
  out[2] = page[1]
  local rows = 0
  fetch(page[2])
  for _, name in ipairs(page[2]) do
    local a, key, last = load(name), 'acct:' .. name, 0
    local n, d = a.n, a.d
    parse(a)
    rows = rows + #a.line
    local function same(what, is, want)
      if is ~= want then fault(key, '%s is "%s", not "%s"', what, is, want) end
    end
    same('its score in ready', scored('ready', name), a.r)
    same('its score in wait', scored('wait', name), a.w)
    same('its score in lease', scored('lease', name), a.x)
    local _, next, due = head(a)
    if a.w == '' or tonumber(a.w) > now then -- else time has passed it by
      same('the head of its line', a.r, next or '')
      same('the next change of its line', a.w, due or '')
    end
    if n ~= #a.line then fault(key, 'its line has %d events, not %d', #a.line, n) end
    if a.c ~= '' and not seek(a, a.c) then fault(key, 'the leased event %s is not in its line', a.c) end
    for _, e in ipairs(a.line) do
      local text = read({ EV .. e.id, ST .. e.id })
      local i, m = text[1] and about(text[1]) or {}, text[2] and meta(text[2]) or begun()
      if e.place <= last then fault(key, 'event %s is out of order', e.id) end
      last = e.place
      same('the state of event ' .. e.id, text[1] and m.s or 'gone', 'queued')
      same('the account of event ' .. e.id, i.a or 'gone', name)
      same('the fence of event ' .. e.id, m.f, e.f)
      same('the score in later of event ' .. e.id, scored('later', name .. ' ' .. e.id), e.later == '1' and num(e.due) or '')
      if e.due > d then fault(key, 'event %s is due after all', e.id) end
      if e.due > now and e.later == '0' and e.id ~= a.c then fault(key, 'event %s waits, but is not in later', e.id) end
      if tonumber(e.f) > tonumber(a.f) then fault(key, 'event %s has fence %s, higher than the account', e.id, e.f) end
    end
  end
  out[3] = num(rows)
  return out
end

if ARGV[2] == 'events' then
  local gone = {}
  for _, text in ipairs(call('LRANGE', P .. 'ended', 0, -1)) do gone[match(text, '^%S+')] = true end
  for n = 3, #ARGV - 1 do
    local id = ARGV[n]
    local key = 'ev:' .. id
    local i, m = known(id)
    if i then
      local function must(what, is, want)
        if is ~= want then fault(key, 'is %s, and %s %s', m.s, is and 'is' or 'is not', what) end
      end
      local asked = m.s == 'dead' and m.suc ~= ''
      must('in held', scored('held', id) ~= '', m.s == 'held')
      must('in dead', scored('dead', id) ~= '', m.s == 'dead')
      must('in superseded', scored('superseded', id) ~= '', m.s == 'superseded')
      must('among those asked for again', scored('again', id) ~= '', asked)
      must('among the ended', gone[id] or false, m.s == 'done' or m.s == 'superseded' or asked)
      must('in its line', seek(load(i.a), id) ~= nil, m.s == 'queued' or m.s == 'leased')
      if i.key ~= '' and call('HGET', P .. 'keys', i.key) ~= id then fault(key, 'its key %s names another event', i.key) end
    end
  end
  return out
end

for _, name in ipairs({ 'held', 'dead', 'superseded', 'again' }) do
  for _, id in ipairs(call('ZRANGE', P .. name, 0, -1)) do
    if call('EXISTS', EV .. id) == 0 then fault(name, 'event %s does not exist', id) end
  end
end
for _, text in ipairs(call('ZRANGE', P .. 'later', 0, -1)) do
  local name, id = match(text, '^(%S+) (%S+)$')
  local e = name and seek(load(name), id)
  if not e or e.later ~= '1' then fault('later', 'no line has event %s', text) end
end
for _, name in ipairs(call('ZRANGE', P .. 'lease', 0, -1)) do
  if load(name).c == '' then fault('lease', 'account %s has no leased event', name) end
end
-- So many must be in lines; the caller has the sum.
out[3] = num(ctl.kept - call('ZCARD', P .. 'held') - call('ZCARD', P .. 'dead') + call('ZCARD', P .. 'again'))
return out
