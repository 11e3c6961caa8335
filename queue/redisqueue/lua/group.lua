-- group does a step for each call of a group. step gets the position of a
-- call's arguments, of which there are so many, and returns its answer, to which
-- is added whether anything changed that a receiver may wait for. prepare gets
-- all positions first; it reads what the steps need.
local function group(args, prepare, step, write)
  local refusal = open()
  if refusal then return refusal end
  local all, out = {}, {}
  for at = 2, #ARGV - 1, args do all[#all + 1] = at end
  prepare(all)
  for i, at in ipairs(all) do out[i] = step(at) end
  if write then write() end
  local changed = finish()
  for _, answer in ipairs(out) do answer[#answer + 1] = changed end
  return out
end
