-- What Jitsi's web client asks for, cycled over by every thread of wrk: of ten requests six BOSH, one each
-- xmpp-websocket, conference-request, config.js and a file. Rooms are a few thousand, half of them of a tenant, one in ten
-- with a space in its name.
local rooms = 5000
local paths = {
  "/http-bind", "/http-bind", "/http-bind", "/http-bind", "/http-bind", "/http-bind",
  "/xmpp-websocket", "/conference-request/v1", "/config.js", "/libs/app.bundle.min.js",
}
local requests, threads, at = {}, 0, 0

function setup(thread)
  thread:set("first", threads * 1237)
  threads = threads + 1
end

function init(args)
  math.randomseed(42 + first)
  for i = 1, 20000 do
    local path = paths[(i - 1) % #paths + 1]
    local room = math.random(rooms)
    if path:find("bundle") then
      path = path .. "?v=8719"
    else
      if room % 2 == 0 then path = "/team-" .. (room % 40) .. path end
      path = path .. (room % 10 == 1 and "?room=Weekly%20Planning-" or "?room=AdvancedFishesSpeakLoudly-") .. room
    end
    requests[i] = wrk.format("GET", path, {
      ["Host"] = "meet.example.org", ["Origin"] = "https://meet.example.org", ["Accept"] = "*/*",
      ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
      ["Accept-Language"] = "en-US,en;q=0.9", ["Accept-Encoding"] = "gzip, deflate, br",
    })
  end
  at = first % #requests
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format('\nRESULT {"requests":%d,"microseconds":%d,"errors":%d,"p50":%d,"p99":%d}\n', summary.requests,
    summary.duration, e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(50), latency:percentile(99)))
end
