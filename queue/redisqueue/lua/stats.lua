-- Counts the events by state. ARGV: limits.
local refusal = open()
if refusal then return refusal end
local more = expire_all()
finish()
if more then return { 'more' } end
local superseded, again = call('ZCARD', P .. 'superseded'), call('ZCARD', P .. 'again')
local oldest = call('ZRANGE', P .. 'due', 0, 0, 'WITHSCORES')[2]
if oldest and tonumber(oldest) > now then oldest = nil end
return {
  'ok',
  num(call('ZCOUNT', P .. 'due', '-inf', num(now))),
  num(call('ZCOUNT', P .. 'due', '(' .. num(now), '+inf')),
  num(call('ZCARD', P .. 'lease')),
  num(call('ZCARD', P .. 'held')),
  num(call('ZCARD', P .. 'dead')),
  num(call('LLEN', P .. 'ended') - superseded - again),
  num(superseded),
  oldest and num(tonumber(oldest)) or '',
}
