-- approve: account, run, record, token, most approvals
local account, run, token = ARGV[2], ARGV[3], ARGV[5]
local bad = guard(account, run) or typed(opKey(token), 'string')
if bad then return bad end
if done(token) then return {'ok'} end
local owner, a = redis.call('HGET', RUNS, run), accountKeys(account)
if owner == '' then return {'forgotten', run} end
if owner ~= account then return {'unknownrun', run} end
local member = run .. ' ' .. ARGV[4]
if redis.call('ZSCORE', a.approvals, member) then return {'ok'} end
bad = finished(run)
if bad then return bad end
if redis.call('ZCARD', a.approvals) >= tonumber(ARGV[6]) then return {'full', 'approvals of account ' .. account, ARGV[6]} end
redis.call('ZADD', a.approvals, sequence(), member)
keep(token, '1')
return {'ok'}
