-- Names the events in a state, in no order, in one page or more. ARGV: limits,
-- state, cursor.
local refusal = open()
if refusal then return refusal end
local more = expire_all()
finish()
if more then return { 'more' } end
local state, found, cursor = ARGV[2], {}, '0'
if state == 'queued' then
  local page = call('SSCAN', P .. 'accts', ARGV[3], 'COUNT', LIVE_BATCH)
  cursor = page[1]
  fetch(page[2])
  for _, name in ipairs(page[2]) do
    local a = load(name)
    parse(a)
    for _, e in ipairs(a.line) do
      if e.due <= now and e.id ~= a.c then found[#found + 1] = e.id end
    end
  end
elseif state == 'delayed' then
  for i, text in ipairs(call('ZRANGEBYSCORE', P .. 'later', '(' .. at_now, '+inf')) do found[i] = match(text, '%S+$') end
elseif state == 'leased' then
  for i, name in ipairs(call('ZRANGE', P .. 'lease', 0, -1)) do found[i] = load(name).c end
elseif state == 'done' then
  for i, text in ipairs(call('LRANGE', P .. 'ended', 0, -1)) do found[i] = match(text, '^%S+') end
else
  found = call('ZRANGE', P .. state, 0, -1)
end
table.insert(found, 1, cursor)
table.insert(found, 1, 'ok')
return found
