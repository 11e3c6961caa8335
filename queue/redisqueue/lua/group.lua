-- group does a step for each call of a group. step gets the position of a
-- call's arguments, of which there are so many, and returns its answer, to which
-- is added whether anything changed that a receiver may wait for.
local function group(args, step)
  local refusal = open()
  if refusal then return refusal end
  local out = {}
  for at = 2, #ARGV, args do out[#out + 1] = step(at) end
  local changed = finish()
  for _, answer in ipairs(out) do answer[#answer + 1] = changed end
  return out
end
