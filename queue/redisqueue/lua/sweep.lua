-- Mends the indexes of some accounts by what their lines say: an index that was
-- lost must not leave an event behind. ARGV: limits, cursor.
local refusal = open()
if refusal then return refusal end
local page = call('SSCAN', P .. 'accts', ARGV[2], 'COUNT', LIVE_BATCH)
local mended = 0
fetch(page[2])
fetch_rest(page[2])
for _, name in ipairs(page[2]) do
  local a = load(name)
  if find(a.row .. sub(a.rest or '', a.from), ' 1 ', 1, true) then -- perhaps something of it is in later
    parse(a)
    for _, e in ipairs(a.line) do
      local member = name .. ' ' .. e.id
      if e.later == '1' and tonumber(call('ZSCORE', P .. 'later', member) or -1) ~= e.due then
        score('later', member, num(e.due))
        mended = mended + 1
      end
    end
  end
  if a.c ~= '' and not call('ZSCORE', P .. 'lease', name) then
    a.was_x = ''
    woke, mended = true, mended + 1
    touch(a)
  end
  local r, w = call('ZSCORE', P .. 'ready', name), call('ZSCORE', P .. 'wait', name)
  r, w = r and num(tonumber(r)) or '', w and num(tonumber(w)) or ''
  if r ~= a.r or w ~= a.w then
    a.was_r, a.was_w, mended = r, w, mended + 1
    touch(a)
  end
end
finish()
return { 'ok', page[1], num(mended) }
