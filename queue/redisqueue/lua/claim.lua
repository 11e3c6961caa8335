-- Leases events, at most one for each account, the longest due first. ARGV:
-- limits, instance, number of the claim, "1" for a repetition, how many.
--
-- An instance has one claim at a time under way and numbers them. The number of
-- the last one that took something is kept: a repetition gets what its first try
-- took, and a try that arrives late takes nothing.
local refusal = open()
if refusal then return refusal end
local instance, number, repeated, wanted = ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1', tonumber(ARGV[5])
local mark = instance .. '-' .. ARGV[3] .. '-'
local out, size = { 'ok', num(now), '0', '1' }, 4

-- tell adds the delivery of an account to the answer.
local function tell(a, json, at, m)
  out[size + 1], out[size + 2], out[size + 3], out[size + 4], out[size + 5] = a.c, a.name, a.t, num(a.f), json
  out[size + 6], out[size + 7], out[size + 8], out[size + 9], out[size + 10] = m.n, m.cr, m.first, at, num(a.x - now)
  size = size + 10
end

local last = tonumber(call('GET', P .. 'op:' .. instance) or 0)
if number < last then return { 'stale' } end
if number == last then
  for _, name in ipairs(call('ZRANGE', P .. 'lease', 0, -1)) do
    local a = load(name)
    if a.c ~= '' and string.sub(a.t, 1, #mark) == mark and a.x > now then
      local i, m = known(a.c)
      if i then tell(a, call('HGET', P .. 'ev:' .. a.c, 'j'), i.at, m) end
    end
  end
  return out
end

local more = expire_all()
local waiting = call('ZRANGEBYSCORE', P .. 'wait', '-inf', num(now), 'LIMIT', 0, LIVE_BATCH)
for _, name in ipairs(waiting) do
  local a = load(name)
  if a.w == '' then call('ZREM', P .. 'wait', name) end
  refresh(a)
end
more = more or #waiting == LIVE_BATCH

local got, due, leases, lease = 0, {}, {}, num(now + cfg.lease)
for _ = 1, 3 do
  local names = call('ZRANGE', P .. 'ready', 0, wanted - got - 1)
  if #names == 0 then break end
  call('ZREM', P .. 'ready', unpack(names))
  for _, name in ipairs(names) do
    local a = load(name)
    local e = head(a)
    local v = e and call('HMGET', P .. 'ev:' .. e.id, 'j', 'i', 'm')
    a.r = ''
    if not e then
      refresh(a) -- the clock was set back, or the index was wrong
    elseif not v[3] then -- the event is gone: somebody deleted its key
      call('ZREM', P .. 'due', e.id)
      leave(a, e.id)
      refresh(a)
    else
      got = got + 1
      a.f = a.f + 1
      a.c, a.t, a.x = e.id, mark .. got, now + cfg.lease
      if a.w ~= '' then
        call('ZREM', P .. 'wait', name)
        a.w = ''
      end
      local m = meta(v[3])
      m.s, m.pf, m.f = 'leased', m.f, num(a.f)
      if m.first == '' then m.first = num(now) end
      put(e.id, m, note(e.id, m, 'delivered', ''))
      delivered(a, e, m.f)
      save(a)
      due[got], leases[got * 2 - 1], leases[got * 2] = e.id, lease, name
      tell(a, v[1], match(v[2], '^%S* %S* %S* %S* %S* %S* (%S*)'), m)
    end
  end
  if got == wanted then break end
end
if got > 0 then
  call('ZREM', P .. 'due', unpack(due))
  call('ZADD', P .. 'lease', unpack(leases))
end
if got > 0 or repeated then call('SET', P .. 'op:' .. instance, num(number), 'PX', 3600000) end
if got == wanted or more then
  finish()
  return out
end

-- When will time alone change something?
local nap
for _, name in ipairs({ 'wait', 'lease' }) do
  local at = tonumber(call('ZRANGE', P .. name, 0, 0, 'WITHSCORES')[2])
  if at and (not nap or at < nap) then nap = at end
end
if ctl.idle == '0' then ctl.idle, ctl.dirty = '1', true end
woke = false -- all that is ready was taken
finish()
out[3], out[4] = nap and num(math.max(nap - now, 0)) or '', '0'
return out
