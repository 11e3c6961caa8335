-- The control key and the clock. The control key has the number of the last
-- acceptance, how many events did not end, whether a receiver sleeps, the epoch
-- of the key space, the server that granted the last lease and the least fence
-- there, and the clock: what the server's clock said last, how far the queue's
-- clock is ahead of it, a step of it that nobody has explained yet, until when
-- somebody may, and the last witness.
--
-- The queue's clock goes on by itself when the server's clock is set. If that was
-- set back, ours goes on from where it was. If it went forward further than LONG
-- without a call, either it was set, or nobody was here for so long. Then our
-- clock stands still until the last process that told its own elapsed time tells
-- it again: it knows. After DOUBT without it, it is gone, and the time has passed.
local LONG, DOUBT = 10000000, 5000000

-- control writes the control key.
control = function()
  return 'evenkeel-queue ' .. ctl.v .. ' ' .. num(ctl.seq) .. ' ' .. num(ctl.kept) .. ' ' .. ctl.idle .. ' ' .. ctl.epoch .. ' ' ..
    ctl.server .. ' ' .. ctl.least .. ' ' .. num(ctl.wall) .. ' ' .. num(ctl.ahead) .. ' ' .. num(ctl.gap) .. ' ' .. num(ctl.doubt) .. ' ' ..
    ctl.witness
end

-- tell_time sets the queue's clock by the server's.
local function tell_time(off)
  local t = call('TIME')
  local wall = t[1] * 1000000 + t[2] + off
  local step = wall - ctl.wall
  if step < 0 then
    ctl.ahead = ctl.ahead - step
  elseif step > LONG and ctl.wall > 0 then
    ctl.ahead, ctl.gap, ctl.doubt = ctl.ahead - step, ctl.gap + step, wall + DOUBT
  elseif ctl.gap > 0 and wall >= ctl.doubt then
    ctl.ahead, ctl.gap = ctl.ahead + ctl.gap, 0
  end
  ctl.was, ctl.wall = ctl.wall, wall
  now = wall + ctl.ahead
  at_now = num(now)
end

-- open reads the control key and the clock. It returns a refusal, or nil.
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
  local seq, kept, idle, is, srv, least, wall, ahead, gap, doubt, witness =
    match(rest, '^(%d+) (%-?%d+) ([01]) (%S+) (%S+) (%d+) (%d+) (%-?%d+) (%d+) (%d+) (%S+)$')
  if not seq then return { 'foreign', text } end
  if epoch ~= '' and epoch ~= is then return { 'other' } end
  ctl = {
    v = v, seq = tonumber(seq), kept = tonumber(kept), idle = idle, epoch = is, dirty = false, server = srv, least = least,
    wall = tonumber(wall), ahead = tonumber(ahead), gap = tonumber(gap), doubt = tonumber(doubt), witness = witness,
  }
  tell_time(tonumber(off))
  return nil
end
