-- Compares what the structures say about some accounts, or about some events.
-- ARGV: limits, "accounts" and a cursor, or "events" and ids, or "counts".
local refusal = open()
if refusal then return refusal end
local out = { 'ok', '0' }
local function fault(key, ...) out[#out + 1] = key .. '\n' .. fmt(...) end
local function score(name, member)
  local s = call('ZSCORE', P .. name, member)
  return s and num(tonumber(s)) or ''
end

if ARGV[2] == 'accounts' then
  local page = call('SSCAN', P .. 'accts', ARGV[3], 'COUNT', LIVE_BATCH)
  out[2] = page[1]
  for _, name in ipairs(page[2]) do
    local a, key, last = load(name), 'acct:' .. name, 0
    parse(a)
    local d = a.d
    local function same(what, is, want)
      if is ~= want then fault(key, '%s is "%s", not "%s"', what, is, want) end
    end
    same('its score in ready', score('ready', name), a.r)
    same('its score in wait', score('wait', name), a.w)
    same('its score in lease', score('lease', name), a.c ~= '' and num(a.x) or '')
    local next, due = head(a)
    if a.w == '' or tonumber(a.w) > now then -- else time has passed it by
      same('the head of its line', a.r, next and num(next.due) or '')
      same('the next change of its line', a.w, due and num(due) or '')
    end
    if a.n ~= #a.line then fault(key, 'its line has %d events, not %d', #a.line, a.n) end
    if a.c ~= '' and not seek(a, a.c) then fault(key, 'the leased event %s is not in its line', a.c) end
    for _, e in ipairs(a.line) do
      local about, m = known(e.id)
      about, m = about or {}, m or {}
      if e.place <= last then fault(key, 'event %s is out of order', e.id) end
      last = e.place
      same('the state of event ' .. e.id, m.s or 'gone', e.id == a.c and 'leased' or 'queued')
      same('the account of event ' .. e.id, about.a or 'gone', name)
      same('the fence of event ' .. e.id, m.f or 'gone', e.f)
      same('the score in due of event ' .. e.id, score('due', e.id), e.id == a.c and '' or num(e.due))
      if e.due > d then fault(key, 'event %s is due after all', e.id) end
      if tonumber(e.f) > a.f then fault(key, 'event %s has fence %s, higher than the account', e.id, e.f) end
    end
  end
  return out
end

if ARGV[2] == 'events' then
  local ended = {}
  for _, text in ipairs(call('LRANGE', P .. 'ended', 0, -1)) do ended[match(text, '^%S+')] = true end
  for i = 3, #ARGV do
    local id = ARGV[i]
    local key = 'ev:' .. id
    local about, m = known(id)
    if m then
      local function must(what, is, want)
        if is ~= want then fault(key, 'is %s, and %s %s', m.s, is and 'is' or 'is not', what) end
      end
      local asked = m.s == 'dead' and m.suc ~= ''
      must('in held', score('held', id) ~= '', m.s == 'held')
      must('in dead', score('dead', id) ~= '', m.s == 'dead')
      must('in superseded', score('superseded', id) ~= '', m.s == 'superseded')
      must('among those asked for again', score('again', id) ~= '', asked)
      must('among the ended', ended[id] or false, m.s == 'done' or m.s == 'superseded' or asked)
      local e = seek(load(about.a), id)
      must('in its line', e ~= nil, m.s == 'queued' or m.s == 'leased')
      if about.key ~= '' and call('HGET', P .. 'keys', about.key) ~= id then fault(key, 'its key %s names another event', about.key) end
    end
  end
  return out
end

local sum = call('ZCARD', P .. 'due') + call('ZCARD', P .. 'lease') + call('ZCARD', P .. 'held') + call('ZCARD', P .. 'dead') - call('ZCARD', P .. 'again')
if sum ~= ctl.kept then fault('ctl', 'kept is %d, but %d events did not end', ctl.kept, sum) end
for _, name in ipairs({ 'due', 'held', 'dead', 'superseded', 'again' }) do
  for _, id in ipairs(call('ZRANGE', P .. name, 0, -1)) do
    if call('EXISTS', P .. 'ev:' .. id) == 0 then fault(name, 'event %s does not exist', id) end
  end
end
for _, name in ipairs(call('ZRANGE', P .. 'lease', 0, -1)) do
  if load(name).c == '' then fault('lease', 'account %s has no leased event', name) end
end
return out
