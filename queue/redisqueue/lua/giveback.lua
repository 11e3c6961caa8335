-- Undoes a delivery that nobody has seen. ARGV: limits, account, id, token.
local refusal = open()
if refusal then return refusal end
local a, id = load(ARGV[2]), ARGV[3]
if a.c == '' or a.c ~= id or a.t ~= ARGV[4] then return { 'ok', '0' } end
local e = seek(a, id)
local _, m = known(id)
if not e or not m then return { 'ok', '0' } end
call('ZREM', P .. 'lease', a.name)
a.c, a.t, a.x = '', '', 0
m.s, m.f, m.hn, e.f = 'queued', m.pf, m.hn - 1, m.pf
if m.f == '0' then m.first = '' end
call('HDEL', P .. 'ev:' .. id, 'h' .. m.hn)
call('HSET', P .. 'ev:' .. id, 'm', write(m))
call('ZADD', P .. 'due', num(e.due), id)
refresh(a)
return { 'ok', finish() }
