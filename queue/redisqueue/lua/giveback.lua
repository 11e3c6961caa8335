-- Undoes a delivery that nobody has seen. ARGV: limits, account, id, token.
local refusal = open()
if refusal then return refusal end
local a, id = load(ARGV[2]), ARGV[3]
if a.c == '' or a.c ~= id or a.t ~= ARGV[4] then return { 'ok', '0' } end
local e = seek(a, id)
if not e then return { 'ok', '0' } end
a.c, a.t, a.x = '', '', ''
from_now(a, e, e.due)
touch(a)
return { 'ok', finish() }
