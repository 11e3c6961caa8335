-- run: run. It writes nothing.
local bad = guard(nil, ARGV[2])
if bad then return bad end
local owner = redis.call('HGET', RUNS, ARGV[2])
if owner == '' then return {'forgotten', ARGV[2]} end
if not owner then return {'unknownrun', ARGV[2]} end
return {'ok', redis.call('HGETALL', runKey(ARGV[2]))}
