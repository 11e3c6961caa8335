-- Keeps the clock. ARGV: limits, witness. Answers what the clock shows, and how far it
-- is ahead of the server's.
local refusal = open()
if refusal then return refusal end
if ctl.dirty or ctl.wall - ctl.was > 1500000 then
  call('DEL', P .. 'never') -- what removes comes first, so that it works on a full server
  call('SET', KEYS[1], control())
end
return { 'ok', seen(), num(ctl.ahead) }
