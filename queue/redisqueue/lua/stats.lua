-- Counts the events by state. ARGV: limits.
local refusal = open()
if refusal then return refusal end
local more = expire_all()
finish()
if more then return { 'more' } end
local function size(name) return call('ZCARD', P .. name) end
local leased, held, dead, superseded, again = size('lease'), size('held'), size('dead'), size('superseded'), size('again')
local delayed = call('ZCOUNT', P .. 'later', '(' .. at_now, '+inf')

-- The oldest is the first in ready, or in a line that is not in the order of
-- time, or behind one that is leased or waits.
local oldest = tonumber(call('ZRANGE', P .. 'ready', 0, 0, 'WITHSCORES')[2])
local seen = {}
local function look(names)
  fetch(names)
  for _, name in ipairs(names) do
    local a = load(name)
    parse(a)
    for _, e in ipairs(seen[name] and {} or a.line) do
      if e.due <= now and e.id ~= a.c and (not oldest or e.due < oldest) then oldest = e.due end
    end
    seen[name] = true
  end
end
look(call('ZRANGE', P .. 'lease', 0, 999))
look(call('ZRANGE', P .. 'wait', 0, 999))
local names = call('ZRANGEBYSCORE', P .. 'later', '-inf', at_now, 'LIMIT', 0, 1000)
for i, text in ipairs(names) do names[i] = match(text, '^%S+') end
look(names)

return {
  'ok',
  num(ctl.kept - leased - held - dead + again - delayed), num(delayed), num(leased), num(held), num(dead),
  num(call('LLEN', P .. 'ended') - superseded - again), num(superseded),
  oldest and num(oldest) or '',
}
