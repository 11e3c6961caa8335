-- Shared by all scripts. ARGV[1] holds three words: the prefix of all keys, the
-- epoch that the caller knows ('' while it opens the journal), and who the caller
-- is ('' if it never claimed an account). The prefix contains the journal's hash
-- tag, so every key lies in the slot of KEYS[1]. A script looks at the type of
-- every key it may write before it writes the first.
--
-- A script answers {code, ...}; "ok" means done, or done before.
local P, EPOCH, ME = string.match(ARGV[1], '^(%S+) (%S*) (%S*)$')
local META, ALL, REFS, RUNS, BEGUN = P .. 'meta', P .. 'all', P .. 'refs', P .. 'runs', P .. 'begun'
local SCHEMA = '1'

local function accountKeys(account)
  return {
    hash = P .. 'acct:' .. account, open = P .. 'open:' .. account, unknown = P .. 'unknown:' .. account,
    unfinished = P .. 'unfinished:' .. account, finished = P .. 'finished:' .. account,
    begun = P .. 'begun:' .. account, approvals = P .. 'approvals:' .. account,
  }
end

local function runKey(run) return P .. 'run:' .. run end
local function opsKey(run) return P .. 'ops:' .. run end
local function opKey(token) return P .. 'op:' .. token end

local function typed(key, want)
  local is = redis.call('TYPE', key)
  if type(is) == 'table' then is = is['ok'] end
  if is ~= 'none' and is ~= want then return {'wrongtype', key, want, is} end
end

-- guard returns an answer if the keys are not ours, of a newer release, or not
-- those that the caller opened.
local function guard(account, run)
  local bad = typed(META, 'hash') or typed(ALL, 'hash') or typed(REFS, 'hash') or typed(RUNS, 'hash') or typed(BEGUN, 'zset')
  if bad then return bad end
  local is = redis.call('HMGET', META, 'schema', 'epoch')
  local schema = is[1]
  if not schema and redis.call('EXISTS', META) == 1 then return {'foreign', META} end
  if schema and schema ~= SCHEMA then return {'schema', schema} end
  if EPOCH ~= '' and is[2] ~= EPOCH then return {'lost', META} end
  if account then
    local a = accountKeys(account)
    bad = typed(a.hash, 'hash') or typed(a.open, 'zset') or typed(a.unknown, 'zset') or typed(a.unfinished, 'zset')
      or typed(a.finished, 'zset') or typed(a.begun, 'zset') or typed(a.approvals, 'zset')
    if bad then return bad end
  end
  if run then
    return typed(runKey(run), 'hash') or typed(opsKey(run), 'set')
  end
end

-- server returns the run_id of the server, '' if it does not tell.
local function server()
  local info = redis.pcall('INFO', 'server')
  if type(info) ~= 'string' then return '' end
  return string.match(info, 'run_id:(%x+)') or ''
end

-- held returns an answer unless the grant is the account's, and no other journal
-- than the caller was the last to be given it.
local function held(a, run, fence)
  local now = redis.call('HMGET', a.hash, 'fence', 'holder', 'by')
  if now[1] ~= fence or now[2] ~= run then return {'fenced', fence, now[1] or '0', now[2] or ''} end
  if ME ~= '' and now[3] and now[3] ~= ME then return {'overtaken', fence, run} end
end

-- moved returns an answer if another server grants now than when the account
-- was claimed: the end of what was written may be lost.
local function moved(a)
  local was, is = redis.call('HGET', a.hash, 'srv') or '', server()
  if was ~= '' and is ~= '' and was ~= is then
    return {'moved', was, is, redis.call('HGET', a.hash, 'fence'), redis.call('HGET', a.hash, 'holder')}
  end
end

local function finished(run)
  local name = redis.call('HGET', runKey(run), 'ended')
  if name then return {'finished', run, name} end
end

local function sequence()
  redis.call('HSETNX', META, 'schema', SCHEMA)
  return redis.call('HINCRBY', META, 'seq', 1)
end

local function number(n) return string.format('%.0f', n) end

-- relieve makes a script work on a full server: Redis refuses to store more only
-- until the script has done its first write, and taking something away is always
-- allowed.
local function relieve() redis.call('ZREM', BEGUN, '') end

-- done reports whether a call with this token took effect before.
local function done(token) return redis.call('EXISTS', opKey(token)) == 1 end
local function keep(token, value) redis.call('SET', opKey(token), value, 'EX', 3600) end

-- intent returns reference, run, record, settlement and whether it is answered.
local function intent(ref)
  local run = redis.call('HGET', REFS, ref)
  if not run or run == '' then return {ref, run or '', '', '', ''} end
  local f = redis.call('HMGET', runKey(run), 'i:' .. ref, 'z:' .. ref, 'w:' .. ref)
  return {ref, run, f[1] or '', f[2] or '', f[3] or ''}
end

local function standing(account)
  local a = accountKeys(account)
  local h = redis.call('HMGET', a.hash, 'fence', 'block', 'unblock', 'kill', 'memorun', 'memo')
  local all = redis.call('HGET', ALL, 'kill')
  local open = {}
  for _, ref in ipairs(redis.call('ZRANGE', a.open, 0, -1)) do open[#open + 1] = intent(ref) end
  return {
    h[1] or '0', h[2] or '', h[3] or '', h[4] or '', all or '', h[5] or '', h[6] or '',
    open, redis.call('ZRANGE', a.unfinished, 0, -1), redis.call('ZRANGE', a.approvals, 0, -1),
  }
end
