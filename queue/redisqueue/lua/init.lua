-- Makes the control key, if there is none. ARGV: limits, epoch, witness. Answers the
-- epoch, what the clock shows, '' if that is in doubt: then ask again, and how far it
-- is ahead of the server's.
if call('EXISTS', KEYS[1]) == 0 then
  local by = server() == '' and '-' or server()
  call('SET', KEYS[1], 'evenkeel-queue ' .. match(ARGV[1], '^%d+') .. ' 0 0 0 ' .. ARGV[2] .. ' ' .. by .. ' 0 0 0 0 0')
end
local refusal = open()
if refusal then return refusal end
if ctl.dirty then
  call('DEL', P .. 'never') -- what removes comes first, so that it works on a full server
  call('SET', KEYS[1], control())
end
return { 'ok', ctl.epoch, seen(), num(ctl.ahead) }
