-- account: account. It writes nothing.
local bad = guard(ARGV[2])
if bad then return bad end
return {'ok', standing(ARGV[2])}
