-- open: an epoch for a journal that has none. It answers the epoch.
local bad = guard()
if bad then return bad end
local epoch = redis.call('HGET', META, 'epoch')
if not epoch then
  epoch = ARGV[2]
  relieve()
  redis.call('HSET', META, 'schema', SCHEMA, 'epoch', epoch)
end
return {'ok', epoch}
