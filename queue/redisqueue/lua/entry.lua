-- Returns events with all that is known of them. ARGV: limits, ids.
local refusal = open()
if refusal then return refusal end
local out = { 'ok', num(now) }
for i = 2, #ARGV do
  local key = P .. 'ev:' .. ARGV[i]
  local about, m = known(ARGV[i])
  if m and m.s == 'leased' then expire(load(about.a)) end
  out[#out + 1] = call('HGETALL', key)
end
finish()
return out
