-- Ends leases with verdicts. ARGV: limits, and for each lease the account, id,
-- token, verb, after, until, least fence, the note as JSON, the verdict's digest.
return group(9, function(at)
  local a, id, token, verb = load(ARGV[at]), ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  expire(a)
  local i, m = known(id)
  if not m then return { 'lost', '', '' } end
  if a.c == '' or a.c ~= id or a.t ~= token then
    if token == '' or m.lt ~= token then return { 'lost', m.s, m.f } end
    if m.lv ~= ARGV[at + 8] then return { 'settled', m.lw, '' } end
    return { 'ok' }
  end
  call('ZREM', P .. 'lease', a.name)
  a.c, a.t, a.x = '', '', 0
  a.f = math.max(a.f, tonumber(ARGV[at + 6]))
  m.lt, m.lv, m.lw = token, ARGV[at + 8], verb
  local field, text = note(id, m, verb, ARGV[at + 7])

  if verb == 'retry' or verb == 'defer' then
    local e = seek(a, id)
    e.due = math.max(now, verb == 'retry' and now + tonumber(ARGV[at + 4]) or tonumber(ARGV[at + 5]))
    a.d = math.max(a.d, e.due)
    m.s, m.due = 'queued', num(e.due)
    if verb == 'retry' then m.n = tonumber(m.n) + 1 end
    call('ZADD', P .. 'due', m.due, id)
  else
    leave(a, id)
    if verb == 'ack' then
      m.s = 'done'
      kept(-1)
      ended(id, i.key)
    elseif verb == 'hold' then
      m.s = 'held'
      call('ZADD', P .. 'held', i.seq, id)
    else
      m.s = 'dead'
      call('ZADD', P .. 'dead', i.seq, id)
    end
  end
  put(id, m, field, text)
  refresh(a)
  return { 'ok' }
end)
