-- Leases events, at most one for each account, the longest due first. ARGV:
-- limits, instance, number of the claim, "1" for a repetition, how many and witness.
--
-- An instance has one claim at a time under way and numbers them. The number of
-- the last one that took something is kept: a repetition gets what its first try
-- took, and a try that arrives late takes nothing.
local refusal = open()
if refusal then return refusal end
local instance, number, repeated, wanted = ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1', tonumber(match(ARGV[5], '^%d+'))
local mark = instance .. '-' .. ARGV[3] .. '-'
local out = { 'ok', at_now, '0', '1' }

-- tell adds deliveries to the answer, of which the events' texts are given: what
-- the account says, and the event.
local function tell(list, stored, states)
  for i, a in ipairs(list) do
    local n, crashes, first = '1', '0', a.since
    if states[a.c] then
      local m = meta(states[a.c])
      n, crashes, first = m.n, m.cr, m.first
    end
    out[#out + 1] = a.c .. ' ' .. a.name .. ' ' .. a.t .. ' ' .. a.f .. ' ' .. n .. ' ' .. crashes .. ' ' .. first .. ' ' .. a.x - now
    out[#out + 1] = stored[i]
  end
end

-- histories reads what happened to events that were delivered before.
local function histories(list)
  local asked, keys, found = {}, {}, {}
  for _, a in ipairs(list) do
    if a.pf ~= '0' then
      asked[#asked + 1] = a.c
      keys[#keys + 1] = ST .. a.c
    end
  end
  for i, text in ipairs(read(keys)) do found[asked[i]] = text end
  return found
end

local last = tonumber(call('GET', P .. 'op:' .. instance) or 0)
if number < last then return { 'stale' } end
if number == last then
  local names = call('ZRANGE', P .. 'lease', 0, -1)
  fetch(names)
  for _, name in ipairs(names) do
    local a = load(name)
    if a.c ~= '' and sub(a.t, 1, #mark) == mark and not over(a) then
      local text = read({ EV .. a.c })
      if text[1] then tell({ a }, text, histories({ a })) end
    end
  end
  return out
end

local more = expire_all()
local waiting = call('ZRANGEBYSCORE', P .. 'wait', '-inf', at_now, 'LIMIT', 0, LIVE_BATCH)
fetch(waiting)
for _, name in ipairs(waiting) do
  local a = load(name)
  a.was_w = false -- it is in the index, whatever the account says
  touch(a)
end
if #touched > 0 then finish() end -- else nothing ran out and nobody waited
more = more or #waiting == LIVE_BATCH

-- least is the lowest fence that this server may give. Another server may have
-- given some that this one has never heard of; none of them is as high as its clock.
local function least()
  if ctl.server ~= server() and server() ~= '' then
    ctl.least = num(math.max(ctl.wall, ctl.least + 1000000))
    ctl.server, ctl.dirty = server(), true
  end
  return tonumber(ctl.least)
end

local got, lease = {}, num(now + cfg.lease)
for _ = 1, 3 do
  local names, list, keys = call('ZRANGE', P .. 'ready', 0, wanted - #got - 1), {}, {}
  if #names == 0 then break end
  fetch(names)
  for _, name in ipairs(names) do
    local a = load(name)
    local id, due, next, later, f = head(a)
    a.was_r = false -- it is in the index, whatever the account says
    touch(a) -- of one without a head, the clock was set back, or the index was wrong
    if id then
      list[#list + 1] = a
      keys[#keys + 1] = EV .. id
      a.first, a.later, a.pf = id, later, f
    end
  end
  local stored, leased, bodies = read(keys), {}, {}
  for i, a in ipairs(list) do
    local id = a.first
    if not stored[i] then -- the event is gone: somebody deleted its key
      leave(a, id)
      kept(-1)
    else
      if a.later == '1' then
        seek(a, id).later = '0'
        score('later', a.name .. ' ' .. id, false)
      end
      got[#got + 1] = a
      leased[#leased + 1], bodies[#bodies + 1] = a, stored[i]
      a.f, a.r, a.w, a.stale = num(math.max(a.f + 1, least())), '', '', false
      a.c, a.t, a.x, a.srv, a.since, a.key = id, mark .. #got, lease, server(), at_now, match(stored[i], KEY)
    end
  end
  tell(leased, bodies, histories(leased))
  if #got == wanted then break end
  finish() -- before the index is read again
end
finish() -- first, so that it works on a full server
if #got > 0 or repeated then call('SET', P .. 'op:' .. instance, num(number), 'PX', 3600000) end
if #got == wanted or more then return out end

-- When will time alone change something?
local nap
for _, name in ipairs({ 'wait', 'lease' }) do
  local at = tonumber(call('ZRANGE', P .. name, 0, 0, 'WITHSCORES')[2])
  if at and (not nap or at < nap) then nap = at end
end
if ctl.idle == '0' then
  ctl.idle, ctl.dirty = '1', true
  call('DEL', P .. 'never') -- what removes comes first, so that it works on a full server
end
woke = false -- all that is ready was taken
finish()
out[3], out[4] = nap and num(math.max(nap - now, 0)) or '', '0'
return out
