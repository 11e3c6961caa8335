-- Names the events in a state, in no order. ARGV: limits, state.
local refusal = open()
if refusal then return refusal end
local more = expire_all()
finish()
if more then return { 'more' } end
local state, found = ARGV[2], {}
if state == 'queued' then
  found = call('ZRANGEBYSCORE', P .. 'due', '-inf', num(now))
elseif state == 'delayed' then
  found = call('ZRANGEBYSCORE', P .. 'due', '(' .. num(now), '+inf')
elseif state == 'leased' then
  for i, name in ipairs(call('ZRANGE', P .. 'lease', 0, -1)) do
    found[i] = load(name).c
  end
elseif state == 'done' then
  for i, text in ipairs(call('LRANGE', P .. 'ended', 0, -1)) do found[i] = match(text, '^%S+') end
else
  found = call('ZRANGE', P .. state, 0, -1)
end
table.insert(found, 1, 'ok')
return found
