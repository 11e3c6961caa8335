-- Makes the control key, if there is none. ARGV: limits, epoch.
if call('EXISTS', KEYS[1]) == 0 then
  local by = server() == '' and '-' or server()
  call('SET', KEYS[1], 'evenkeel-queue ' .. match(ARGV[1], '^%d+') .. ' 0 0 0 ' .. ARGV[2] .. ' ' .. by .. ' 0 0 0 0 0 -')
end
local refusal = open()
if refusal then return refusal end
return { 'ok', ctl.epoch }
