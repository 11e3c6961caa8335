-- What the scripts share. The keys are described in doc.go. KEYS[1] is the
-- control key, whose name ends in "ctl"; all other keys have its prefix and so
-- its slot. ARGV[1] holds the limits. Times are microseconds of the server. What
-- the names of events, accounts and the like may hold has no space in it, so a
-- space separates; a field may be empty.
--
-- A script reads first, with few commands for many accounts, changes what it has
-- read, and writes all of it in the end: a command costs more than what is done
-- here.
local call, fmt, match, find, sub = redis.call, string.format, string.match, string.find, string.sub
local P = sub(KEYS[1], 1, -4)
local ACCT, EV, ST = P .. 'acct:', P .. 'ev:', P .. 'st:'
local LIVE_BATCH = 100 -- accounts that one call looks after at most
local cfg, ctl, now, at_now, woke = nil, nil, 0, '', false

local texts = {}   -- key → text to write
local scores = {}  -- index → member → score to write, or false to remove it
local into = { ready = {}, wait = {}, lease = {} }  -- index → scores and accounts to write
local out_of = { ready = {}, wait = {}, lease = {} } -- index → accounts to remove
local touched = {} -- accounts to write
local ids = {}     -- events that ended

-- num writes a whole number; Lua would write large ones with an exponent.
local function num(n) return fmt('%.0f', n) end

-- open reads the clock and the control key. It returns a refusal, or nil.
local function open()
  local t = call('TIME')
  now = t[1] * 1000000 + t[2]
  at_now = num(now)
  local known, lease, crashes, history, keep, events, line = match(ARGV[1], '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$')
  cfg = {
    known = known, lease = tonumber(lease), crashes = tonumber(crashes), history = tonumber(history),
    keep = tonumber(keep), events = tonumber(events), line = tonumber(line),
  }
  local text = call('GET', KEYS[1])
  if not text then return { 'void' } end
  local v, rest = match(text, '^evenkeel%-queue (%d+) (.*)$')
  if not v then return { 'foreign', text } end
  if tonumber(v) > tonumber(known) then return { 'newer', v } end
  local seq, kept, idle, epoch = match(rest, '^(%d+) (%-?%d+) ([01]) (%S+)$')
  if not seq then return { 'foreign', text } end
  ctl = { v = v, seq = tonumber(seq), kept = tonumber(kept), idle = idle, epoch = epoch, dirty = false }
  return nil
end

-- kept changes the number of events that did not end.
local function kept(by)
  ctl.kept = ctl.kept + by
  ctl.dirty = true
end

-- server returns the beginning of the server's run_id, '' if it does not tell.
local run_id
local function server()
  if not run_id then
    local info = redis.pcall('INFO', 'server')
    run_id = sub(type(info) == 'string' and match(info, 'run_id:(%x+)') or '', 1, 16)
  end
  return run_id
end

-- score notes the score of a member of an index, false to remove it.
local function score(name, member, to)
  local of = scores[name]
  if not of then
    of = {}
    scores[name] = of
  end
  of[member] = to
end

-- many calls a command with as many arguments at once as Lua can pass.
local function many(command, args)
  for at = 1, #args, 4000 do call(command, unpack(args, at, math.min(at + 3999, #args))) end
end

-- many_of is the same for a command that has a key before them.
local function many_of(command, key, args)
  for at = 1, #args, 4000 do call(command, key, unpack(args, at, math.min(at + 3999, #args))) end
end

-- read returns texts by their keys. What is no text is an error.
local function read(keys)
  if #keys == 0 then return {} end
  local found, missing = call('MGET', unpack(keys, 1, math.min(#keys, 4000))), {}
  for at = 4001, #keys, 4000 do
    for i, text in ipairs(call('MGET', unpack(keys, at, math.min(at + 3999, #keys)))) do found[at + i - 1] = text end
  end
  for i, key in ipairs(keys) do
    if texts[key] then
      found[i] = texts[key] -- written by this script
    elseif not found[i] then
      missing[#missing + 1] = key
    end
  end
  if #missing > 0 and call('EXISTS', unpack(missing, 1, math.min(#missing, 4000))) > 0 then
    for _, key in ipairs(missing) do call('GET', key) end
  end
  return found
end

-- take_out removes what is to be removed from the indexes.
local function take_out()
  for name, members in pairs(out_of) do
    if #members > 0 then
      many_of('ZREM', P .. name, members)
      out_of[name] = {}
    end
  end
  for name, members in pairs(scores) do
    local out = {}
    for member, to in pairs(members) do
      if not to then out[#out + 1], members[member] = member, nil end
    end
    many_of('ZREM', P .. name, out)
  end
end

-- put_in writes everything else.
local function put_in()
  for name, members in pairs(into) do
    if #members > 0 then
      many_of('ZADD', P .. name, members)
      into[name] = {}
    end
  end
  for name, members in pairs(scores) do
    local all, n = {}, 0
    for member, to in pairs(members) do
      if to then
        all[n + 1], all[n + 2], members[member] = to, member, nil
        n = n + 2
      end
    end
    many_of('ZADD', P .. name, all)
  end
  if woke and ctl.idle == '1' then
    call('PUBLISH', P .. 'wake', '')
    ctl.idle, ctl.dirty = '0', true
  end
  if ctl.dirty then
    texts[KEYS[1]] = 'evenkeel-queue ' .. ctl.v .. ' ' .. num(ctl.seq) .. ' ' .. num(ctl.kept) .. ' ' .. ctl.idle .. ' ' .. ctl.epoch
    ctl.dirty = false
  end
  local all, n = {}, 0
  for key, text in pairs(texts) do
    all[n + 1], all[n + 2], texts[key] = key, text, nil
    n = n + 2
  end
  many('MSET', all)
end
