-- open: an epoch for a journal that has none. It answers the epoch, and what the
-- server tells of itself: its version, and '1' if it has an append-only file.
local bad = guard()
if bad then return bad end
local epoch = redis.call('HGET', META, 'epoch')
if not epoch then
  epoch = ARGV[2]
  relieve()
  redis.call('HSET', META, 'schema', SCHEMA, 'epoch', epoch)
end
return {'ok', epoch, told('server', 'redis_version:(%S+)'), told('persistence', 'aof_enabled:(%d)')}
