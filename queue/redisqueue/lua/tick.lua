-- Keeps the clock, and bears witness to how much time has passed. ARGV: limits,
-- instance, its elapsed time.
local refusal = open()
if refusal then return refusal end
local who, elapsed, at = match(ctl.witness, '^(%S+):(%d+):(%d+)$')
local told = false
if who == ARGV[2] and ctl.gap > 0 then
  ctl.ahead = ctl.ahead + math.max(0, at + ARGV[3] - elapsed - now)
  ctl.gap, told = 0, true
  now = ctl.wall + ctl.ahead
  at_now = num(now)
end
if told or ctl.gap > 0 or ctl.wall < ctl.was or not who or now - at > 1500000 then
  if ctl.gap == 0 then ctl.witness = ARGV[2] .. ':' .. ARGV[3] .. ':' .. at_now end
  call('DEL', P .. 'never') -- what removes comes first, so that it works on a full server
  call('SET', KEYS[1], control())
end
return { 'ok', told and '1' or '0' }
