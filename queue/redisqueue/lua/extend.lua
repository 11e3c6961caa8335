-- Renews a lease. ARGV: limits, account, id, token.
local refusal = open()
if refusal then return refusal end
local a = load(ARGV[2])
expire(a)
if a.c == '' or a.c ~= ARGV[3] or a.t ~= ARGV[4] then
  local changed = finish()
  local _, m = known(ARGV[3])
  return { 'lost', m and m.s or '', m and m.f or '', changed }
end
call('ZREM', P .. 'lease', a.name) -- first, so that it works on a full server
a.x, a.was_x = num(now + cfg.lease), ''
touch(a)
return { 'ok', finish() }
