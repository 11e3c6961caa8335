-- Accepts events. ARGV: limits, and for each event its token, id, account,
-- command, sameness, key, not before, JSON, whether the producer gave the id.

-- known_before answers for an event that was accepted before.
local function known_before(at, first)
  local i = known(first)
  if not i then return nil end
  ctl.dirty = true -- a barrier needs a write
  if i.op == ARGV[at] then
    woke = true
    return { 'ok', first, i.sup }
  end
  if first == ARGV[at + 1] and ARGV[at + 8] == '0' then return { 'again' } end
  if i.a ~= ARGV[at + 2] or i.cmd ~= ARGV[at + 3] then return { 'clash', first, i.a, i.cmd } end
  return { 'dup', first }
end

return group(9, function(at)
  local id, key, answer, superseded = ARGV[at + 1], ARGV[at + 5], nil, nil
  if key ~= '' and call('HSETNX', P .. 'keys', key, id) == 0 then
    answer = known_before(at, call('HGET', P .. 'keys', key))
    if answer then return answer end
    call('HSET', P .. 'keys', key, id) -- it was that of an event that is gone
  end
  if call('EXISTS', P .. 'ev:' .. id) == 1 then answer = known_before(at, id) end
  if not answer then
    local a = load(ARGV[at + 2])
    expire(a)
    answer, superseded = accept(a, {
      id = id, cmd = ARGV[at + 3], same = ARGV[at + 4], key = key, not_before = tonumber(ARGV[at + 6]), json = ARGV[at + 7],
      token = ARGV[at],
    })
    if not answer then return { 'ok', id, superseded } end
  end
  if key ~= '' then call('HDEL', P .. 'keys', key) end
  return answer
end)
