-- What the scripts share. The keys are described in doc.go. KEYS[1] is the
-- control key, whose name ends in "ctl"; all other keys have its prefix and so
-- its slot. ARGV[1] holds the limits. Times are microseconds of the queue's
-- clock, see clock.lua. What the names of events, accounts and the like may hold
-- has no space in it, so a space separates; a field may be empty.
--
-- A script reads first, with few commands for many accounts, changes what it has
-- read, and writes all of it in the end: a command costs more than what is done
-- here, and each text that is made costs by its length. In the patterns [^ ] is
-- what %S would be: it costs half.
local call, fmt, match, find, sub = redis.call, string.format, string.match, string.find, string.sub
local P = sub(KEYS[1], 1, -4)
local ACCT, LINE, EV, ST = P .. 'acct:', P .. 'line:', P .. 'ev:', P .. 'st:'
local LIVE_BATCH = 100 -- accounts that one call looks after at most
local cfg, ctl, now, at_now, woke = nil, nil, 0, '', false

local texts = {}   -- key → text to write
local ends = {}    -- key → text to add at its end
local gone = {}    -- keys to remove
local scores = {}  -- index → member → score to write, or false to remove it
local into = { ready = {}, wait = {}, lease = {} }  -- index → scores and accounts to write
local out_of = { ready = {}, wait = {}, lease = {} } -- index → accounts to remove
local touched = {} -- accounts to write
local joined = {}  -- accounts that are new
local ids = {}     -- events that ended
local control      -- writes the control key, see clock.lua

-- num writes a whole number; Lua would write large ones with an exponent.
local function num(n) return fmt('%.0f', n) end

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
    local at = type(info) == 'string' and find(info, 'run_id:', 1, true)
    run_id = at and match(info, '^%x+', at + 7) or ''
    run_id = sub(run_id, 1, 16)
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

-- must_be fails if a key holds something else than this kind.
local function must_be(kind, key)
  local is = call('TYPE', key).ok
  if is ~= kind and is ~= 'none' then error('WRONGTYPE key ' .. key .. ' is a ' .. is .. ', not a ' .. kind, 0) end
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
  for at = 1, #missing, 4000 do
    if call('EXISTS', unpack(missing, at, math.min(at + 3999, #missing))) > 0 then
      for i = at, math.min(at + 3999, #missing) do must_be('string', missing[i]) end
    end
  end
  return found
end

-- sound fails if an index that is to be changed is none. Nothing was written yet:
-- a script must do all or nothing.
local sound_before = {}
local function sound(kind, name)
  if sound_before[name] then return end
  must_be(kind, P .. name)
  sound_before[name] = true
end

local function all_sound()
  for name, members in pairs(out_of) do
    if #members > 0 or #into[name] > 0 then sound('zset', name) end
  end
  for name in pairs(scores) do sound('zset', name) end
  if #joined > 0 then sound('set', 'accts') end
  if #ids > 0 then
    local size = redis.pcall('LLEN', P .. 'ended')
    if type(size) ~= 'number' then sound('list', 'ended') end
    if size + #ids > cfg.keep + math.min(64, cfg.keep) then -- some may be forgotten
      sound('hash', 'keys')
      for _, name in ipairs({ 'superseded', 'again', 'dead' }) do sound('zset', name) end
    end
  end
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
  if #gone > 0 then
    many('UNLINK', gone)
    gone = {}
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
    redis.pcall('PUBLISH', P .. 'wake', '') -- a hint: who may not give it must not lose what it did
    ctl.idle, ctl.dirty = '0', true
  end
  if ctl.dirty then
    texts[KEYS[1]] = control()
    ctl.dirty = false
  end
  local all, n = {}, 0
  for key, text in pairs(texts) do
    all[n + 1], all[n + 2], texts[key] = key, text, nil
    n = n + 2
  end
  many('MSET', all)
  for key, text in pairs(ends) do
    call('APPEND', key, text)
    ends[key] = nil
  end
end
