-- The control key and the clock. The control key has the number of the last
-- acceptance, how many events did not end, whether a receiver sleeps, the epoch
-- of the key space, the server that granted the last lease and the least fence
-- there, and the clock: what the server's clock said last, how far the queue's
-- clock is ahead of it, a step of it that nobody has explained yet, and until when
-- somebody may.
--
-- The queue's clock goes on by itself when the server's clock is set. Each call
-- bears witness: a process knows what our clock showed when it had an answer, and how
-- much time it has measured since, so late it is at least. If the server's clock was
-- set back, ours goes on from where it was, or from where a witness knows it to be. If
-- it went forward further than LONG since it was noted, either it was set, or nobody
-- was here for so long; the witness says how much time passed. A process that has just
-- come knows nothing: it may open the queue, but not use it, until another one has
-- called, or DOUBT is over without one. Then the time has passed.
local LONG, DOUBT = 10000000, 2500000

-- control writes the control key.
control = function()
  return 'evenkeel-queue ' .. ctl.v .. ' ' .. num(ctl.seq) .. ' ' .. num(ctl.kept) .. ' ' .. ctl.idle .. ' ' .. ctl.epoch .. ' ' ..
    ctl.server .. ' ' .. ctl.least .. ' ' .. num(ctl.wall) .. ' ' .. num(ctl.ahead) .. ' ' .. num(ctl.gap) .. ' ' .. num(ctl.doubt)
end

-- seen is what our clock shows, or '' while that is in doubt.
local function seen() return ctl.gap > 0 and '' or at_now end

-- tell_time sets the queue's clock by the server's, and what a witness knows.
local function tell_time(off, least)
  local t = call('TIME')
  local wall = t[1] * 1000000 + t[2] + off
  local step = wall - ctl.wall
  if step < 0 then
    ctl.ahead, ctl.dirty = ctl.ahead - step, true
    if ctl.gap > 0 then -- perhaps it was set right
      ctl.gap, ctl.doubt = math.max(0, ctl.gap + step), wall + DOUBT
    end
  elseif step > LONG and ctl.wall > 0 then
    ctl.ahead, ctl.gap, ctl.doubt, ctl.dirty = ctl.ahead - step, ctl.gap + step, wall + DOUBT, true
  elseif ctl.gap > 0 and wall >= ctl.doubt then
    ctl.ahead, ctl.gap, ctl.dirty = ctl.ahead + ctl.gap, 0, true
  end
  if least and (ctl.gap > 0 or step < 0) then
    local late = math.max(0, least - wall - ctl.ahead)
    if step >= 0 then late = math.min(late, ctl.gap) end
    ctl.ahead, ctl.gap, ctl.dirty = ctl.ahead + late, 0, true
  end
  ctl.was, ctl.wall = ctl.wall, wall
  now = wall + ctl.ahead
  at_now = num(now)
end

-- open reads the control key and the clock. It returns a refusal, or nil. The last
-- argument of every script ends with what the clock shows at least, as the caller
-- knows, or with nothing.
local function open()
  local known, lease, crashes, history, keep, window, events, line, off, epoch =
    match(ARGV[1], '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%-?%d+) (%S*)$')
  cfg = {
    known = known, lease = tonumber(lease), crashes = tonumber(crashes), history = tonumber(history),
    keep = tonumber(keep), window = tonumber(window), events = tonumber(events), line = tonumber(line),
  }
  local text = call('GET', KEYS[1])
  if not text then return { 'void' } end
  local v, rest = match(text, '^evenkeel%-queue (%d+) (.*)$')
  if not v then return { 'foreign', text } end
  if tonumber(v) > tonumber(known) then return { 'newer', v } end
  local seq, kept, idle, is, srv, least, wall, ahead, gap, doubt =
    match(rest, '^(%d+) (%-?%d+) ([01]) (%S+) (%S+) (%d+) (%d+) (%-?%d+) (%d+) (%d+)$')
  if not seq then return { 'foreign', text } end
  if epoch ~= '' and epoch ~= is then return { 'other' } end
  ctl = {
    v = v, seq = tonumber(seq), kept = tonumber(kept), idle = idle, epoch = is, dirty = false, server = srv, least = least,
    wall = tonumber(wall), ahead = tonumber(ahead), gap = tonumber(gap), doubt = tonumber(doubt),
  }
  tell_time(tonumber(off), tonumber(match(ARGV[#ARGV], '%d*$')))
  return nil
end
