-- Returns events with all that is known of them. ARGV: limits, ids, witness.
local refusal = open()
if refusal then return refusal end
local out = { 'ok', at_now }
for i = 2, #ARGV - 1 do
  local about, m, text = known(ARGV[i])
  if about and m.s == 'leased' and over(load(about.a)) then
    expire(load(about.a))
    about, m, text = known(ARGV[i])
  end
  if about and m.s == 'leased' then note(m, load(about.a).since, 'delivered', '') end
  out[#out + 1] = about and { text, write(m) } or {}
end
finish()
return out
