-- Counts hits against limits in one step.
-- ARGV: the charge ("all", "order", "each", "none", or "back" to take a hit back), then strategy, amount, window in ms and cost of each hit.
-- KEYS: of each hit its key, and for a sliding window that of the window before.
-- The answer has four numbers for each hit that was tried: 1 if it is allowed, and three that depend on the strategy.

-- Each strategy reads a hit's numbers, and charges it and returns the numbers from then on.

-- Numbers: the count, the ms that are left.
local fixed = {}

function fixed.read(hit)
  hit.used = tonumber(redis.call('GET', hit.key) or 0)
  return hit.used, math.max(redis.call('PTTL', hit.key), 0), 0
end

function fixed.charge(hit)
  local count = redis.call('INCRBY', hit.key, hit.cost)
  local left = redis.call('PTTL', hit.key)
  -- A key without an end would count for ever.
  if count == hit.cost or left == -1 then
    redis.call('PEXPIRE', hit.key, hit.window)
    left = hit.window
  end
  return count, math.max(left, 0), 0
end

function fixed.take_back(hit)
  if hit.used >= hit.cost and redis.call('EXISTS', hit.key) == 1 then redis.call('DECRBY', hit.key, hit.cost) end
end

-- Numbers: the count of the window before, the count, the ms that are left.
local sliding = {}

function sliding.read(hit)
  local left = redis.call('PTTL', hit.key)
  if left > 0 and left < hit.window then
    -- The window is over: it becomes the one before, and lives on for the rest of its time.
    redis.call('RENAME', hit.key, hit.before)
    left = left + hit.window
    redis.call('SET', hit.key, 0, 'PX', left)
  end
  left = math.max(left - hit.window, 0)
  local previous = tonumber(redis.call('GET', hit.before) or 0)
  local previous_left = math.max(redis.call('PTTL', hit.before), 0)
  local count = tonumber(redis.call('GET', hit.key) or 0)
  hit.used = math.floor(previous * previous_left / hit.window) + count
  hit.previous = previous
  return previous, count, left
end

function sliding.charge(hit)
  local left = redis.call('PTTL', hit.key)
  if left == -2 then
    redis.call('SET', hit.key, hit.cost, 'PX', hit.window * 2)
    return hit.previous, hit.cost, hit.window
  end
  return hit.previous, redis.call('INCRBY', hit.key, hit.cost), math.max(left - hit.window, 0)
end

function sliding.take_back(hit)
  local count = tonumber(redis.call('GET', hit.key) or 0)
  if count >= hit.cost then redis.call('DECRBY', hit.key, hit.cost) end
end

-- Numbers: the hits that count, the ms until the oldest of them does not, the ms until there is room for this hit.
local moving = {}
local now

-- The ms until the hit at this place, counted from the newest, no longer counts; nothing if it does not count now.
local function counts_for(hit, place)
  local at = tonumber(redis.call('LINDEX', hit.key, place) or 0)
  local left = at + hit.window / 1000 - now
  return left >= 0 and math.ceil(left * 1000)
end

function moving.read(hit)
  if not now then
    local time = redis.call('TIME')
    now = tonumber(time[1]) + tonumber(time[2]) / 1000000
  end
  local low, high = 0, math.min(hit.amount, redis.call('LLEN', hit.key))
  while low < high do
    local middle = math.floor((low + high) / 2)
    if counts_for(hit, middle) then low = middle + 1 else high = middle end
  end
  hit.used = low
  local oldest = low > 0 and counts_for(hit, low - 1) or hit.window
  local room = hit.amount >= hit.cost and counts_for(hit, hit.amount - hit.cost)
  return low, oldest, room and room + 1 or 0
end

function moving.charge(hit)
  local at = string.format('%.17g', now)
  local due = hit.cost
  while due > 0 do
    local hits = {}
    for place = 1, math.min(due, 5000) do hits[place] = at end
    redis.call('LPUSH', hit.key, unpack(hits))
    due = due - #hits
  end
  redis.call('LTRIM', hit.key, 0, hit.amount - 1)
  redis.call('PEXPIRE', hit.key, hit.window)
  return moving.read(hit)
end

function moving.take_back(hit)
  if hit.used >= hit.cost then redis.call('LTRIM', hit.key, hit.cost, -1) end
end

local strategies = { fixed = fixed, sliding = sliding, moving = moving }
local answer = {}

local function write(hit, allowed, a, b, c)
  local place = (hit.place - 1) * 4
  answer[place + 1], answer[place + 2], answer[place + 3], answer[place + 4] = allowed and 1 or 0, a, b, c
end

-- Reads the limit of a hit, and writes the answer for it.
local function read(hit)
  local a, b, c = hit.strategy.read(hit)
  local allowed = hit.used + hit.cost <= hit.amount
  write(hit, allowed, a, b, c)
  return allowed
end

local function charge(hit, allowed)
  write(hit, allowed, hit.strategy.charge(hit))
end

local hits, key = {}, 1
for place = 1, (#ARGV - 1) / 4 do
  local at = (place - 1) * 4 + 1
  local hit = { place = place, strategy = strategies[ARGV[at + 1]], key = KEYS[key] }
  hit.amount, hit.window, hit.cost = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  if hit.strategy == sliding then
    hit.before = KEYS[key + 1]
    key = key + 1
  end
  key = key + 1
  hits[place] = hit
end

if ARGV[1] == 'all' or ARGV[1] == 'none' then
  local all = true
  for _, hit in ipairs(hits) do all = read(hit) and all end
  if all and ARGV[1] == 'all' then
    for _, hit in ipairs(hits) do charge(hit, true) end
  end
elseif ARGV[1] == 'back' then
  for _, hit in ipairs(hits) do
    read(hit)
    hit.strategy.take_back(hit)
    read(hit)
  end
else
  for _, hit in ipairs(hits) do
    local allowed = read(hit)
    if allowed or hit.strategy == fixed then charge(hit, allowed) end
    if not allowed and ARGV[1] == 'order' then break end
  end
end

return answer
