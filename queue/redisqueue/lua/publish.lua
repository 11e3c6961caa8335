-- Accepts events. ARGV: limits, and for each event its token, id, account,
-- command, sameness, key, not before, JSON, whether the producer gave the id.
local keys, named = {}, {} -- key → id: of all known ones, and of those to write
local some = false         -- of the ids some are known

-- known_before answers for an event that was accepted before.
local function known_before(at, first)
  local text = read({ EV .. first })[1]
  if not text then return nil end
  local i = about(text)
  ctl.dirty = true -- a barrier needs a write
  if i.op == ARGV[at] then
    woke = true
    return { 'ok', first, i.sup }
  end
  if first == ARGV[at + 1] and ARGV[at + 8] == '0' then return { 'again' } end
  if i.a ~= ARGV[at + 2] or i.cmd ~= ARGV[at + 3] then return { 'clash', first, i.a, i.cmd } end
  return { 'dup', first }
end

local function prepare(all)
  local names, events, asked, seen = {}, {}, {}, {}
  for i, at in ipairs(all) do
    local id, key = ARGV[at + 1], ARGV[at + 5]
    names[i], events[i] = ARGV[at + 2], EV .. id
    some = some or seen[id]
    seen[id] = true
    if key ~= '' then asked[#asked + 1] = key end
  end
  some = some or call('EXISTS', unpack(events)) > 0
  if #asked > 0 then
    for i, id in ipairs(call('HMGET', P .. 'keys', unpack(asked))) do keys[asked[i]] = id end
  end
  fetch(names)
end

local function step(at)
  local id, key = ARGV[at + 1], ARGV[at + 5]
  local answer = key ~= '' and keys[key] and known_before(at, keys[key]) or some and known_before(at, id) or nil
  if answer then return answer end
  local a = load(ARGV[at + 2])
  if a.c ~= '' then expire(a) end
  local refusal, superseded = accept(a, {
    id = id, cmd = ARGV[at + 3], same = ARGV[at + 4], key = key, not_before = tonumber(ARGV[at + 6]), json = ARGV[at + 7], token = ARGV[at],
  })
  if refusal then return refusal end
  if key ~= '' then
    keys[key] = id
    named[#named + 1], named[#named + 2] = key, id
  end
  return { 'ok', id, superseded }
end

-- A full server must refuse an event, so what adds comes first.
local function write()
  gather()
  all_sound()
  if #named > 0 then call('HSET', P .. 'keys', unpack(named)) end
  put_in()
end

return group(9, prepare, step, write)
