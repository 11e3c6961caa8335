-- Mends the indexes of some accounts by what their lines say: an index that was
-- lost must not leave an event behind. ARGV: limits, cursor.
local refusal = open()
if refusal then return refusal end
local page = call('SSCAN', P .. 'accts', ARGV[2], 'COUNT', LIVE_BATCH)
local mended = 0
for _, name in ipairs(page[2]) do
  local a = load(name)
  parse(a)
  for _, e in ipairs(a.line) do
    if e.id ~= a.c and tonumber(call('ZSCORE', P .. 'due', e.id) or -1) ~= e.due then
      call('ZADD', P .. 'due', num(e.due), e.id)
      mended = mended + 1
    end
  end
  if a.c ~= '' and not call('ZSCORE', P .. 'lease', name) then
    call('ZADD', P .. 'lease', num(a.x), name)
    woke, mended = true, mended + 1
  end
  local r, w = call('ZSCORE', P .. 'ready', name), call('ZSCORE', P .. 'wait', name)
  r, w = r and num(tonumber(r)) or '', w and num(tonumber(w)) or ''
  if r ~= a.r or w ~= a.w then
    a.r, a.w, mended = r, w, mended + 1
    refresh(a)
  end
end
finish()
return { 'ok', page[1], num(mended) }
