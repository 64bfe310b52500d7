package agent

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/jitsi"
)

// script is a component whose answers are written down by "METHOD path". What is not written is a 404.
type script struct {
	mu      sync.Mutex
	answers map[string]reply
	posted  []string
}

type reply struct {
	status int
	body   string
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method == http.MethodPost {
		body, _ := io.ReadAll(r.Body)
		s.posted = append(s.posted, r.URL.Path+string(body))
	}
	a, ok := s.answers[r.Method+" "+r.URL.Path]
	if !ok {
		a.status = http.StatusNotFound
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

func scripted(t *testing.T, answers map[string]reply) (*script, string) {
	t.Helper()
	s := &script{answers: answers}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL
}

const patience = 2 * time.Second

// nobody is an address where nothing listens.
const nobody = "http://127.255.255.1:9"

func stats(fields string) reply {
	return reply{200, `{"stress_level": 0.25, "local_endpoints": 0, "mucs_joined": 1, "version": "2.3"` + fields + `}`}
}

func TestLookAtABridge(t *testing.T) {
	healthy := reply{status: 200}
	for _, c := range []struct {
		name          string
		stats, health reply
		answer        Answer
		ready         bool
		trouble       string
	}{
		{"healthy and joined is ready", stats(""), healthy, Answered, true, ""},
		{"a switched off health interface is no trouble", stats(""), reply{status: 404}, Answered, true, ""},
		{"unhealthy is not ready", stats(""), reply{500, "no address"}, Answered, false, `JVB is unhealthy: status 500, "no address"`},
		{"in no brewery is not ready", stats(`, "mucs_joined": 0`), healthy, Answered, false, "JVB has joined no brewery: no Jicofo knows it"},
		{"fields of an undocumented kind are told", stats(`, "conferences": "x"`), healthy, Answered, true,
			"JVB's figures have fields of an undocumented kind: conferences"},
		{"figures that prove nothing are silence", reply{200, `{"stress_level": 0}`}, healthy, Silent, false,
			"JVB /colibri/stats: unusable answer: no usable local_endpoints"},
		{"switched off statistics are silence", reply{status: 404}, healthy, Silent, false, "JVB /colibri/stats: unusable answer: status 404"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, url := scripted(t, map[string]reply{"GET /colibri/stats": c.stats, "GET /about/health": c.health})
			v := Bridge{JVB: jitsi.NewBridge(url, patience)}.Look(t.Context())
			assert.Equal(t, c.answer, v.Answer)
			assert.Equal(t, c.ready, v.Ready)
			assert.Equal(t, c.trouble, v.Trouble)
			assert.Equal(t, c.answer == Answered, v.Bridge != nil)
		})
	}
	v := Bridge{JVB: jitsi.NewBridge(nobody, patience)}.Look(t.Context())
	assert.Equal(t, View{Answer: Refused, Trouble: "JVB: connection refused: the process is not there"}, v)
}

func TestWhatABridgeIsToldForAnIntent(t *testing.T) {
	admitted, drained := Intent{Admitted: true}, Intent{Admitted: true, Drained: true}
	retired := Intent{Admitted: true, Drained: true, Retired: true}
	moved := Intent{Admitted: true, Drained: true, Retired: true, Moved: true}
	answered := func(drain, leaving, shuttingDown bool) View {
		return View{Answer: Answered, Drain: drain, Leaving: leaving, Bridge: &fleet.BridgeLoad{ShuttingDown: shuttingDown}}
	}
	for _, c := range []struct {
		name   string
		intent Intent
		seen   View
		told   []string
	}{
		{"not admitted and in drain: nothing", Intent{}, answered(true, false, false), nil},
		{"not admitted and not in drain: drain", Intent{}, answered(false, false, false), []string{"/colibri/drain/enable"}},
		{"admitted and in drain: undrain", admitted, answered(true, false, false), []string{"/colibri/drain/disable"}},
		{"admitted and not in drain: nothing", admitted, answered(false, false, false), nil},
		{"drained and not in drain: drain", drained, answered(false, false, false), []string{"/colibri/drain/enable"}},
		{"retired: shut down gracefully", retired, answered(true, false, false), []string{`/colibri/shutdown{"graceful-shutdown": true}`}},
		{"retired and shutting down: nothing", retired, answered(true, true, false), nil},
		{"moved: shut down at once", moved, answered(true, false, false), []string{`/colibri/shutdown{"graceful-shutdown": false}`}},
		{"moved and waiting for the last: hurry", moved, answered(true, true, false), []string{`/colibri/shutdown{"graceful-shutdown": false}`}},
		{"moved and shutting down: nothing", moved, answered(true, true, true), nil},
		{"shutting down by itself: nothing", admitted, answered(true, true, true), nil},
		{"no answer: nothing", admitted, View{Answer: Silent}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			ok := reply{status: 200}
			s, url := scripted(t, map[string]reply{
				"POST /colibri/drain/enable": ok, "POST /colibri/drain/disable": ok, "POST /colibri/shutdown": ok,
			})
			told, err := Bridge{JVB: jitsi.NewBridge(url, patience)}.Apply(t.Context(), c.intent, c.seen)
			require.NoError(t, err)
			assert.Equal(t, c.told != nil, told)
			assert.Equal(t, c.told, s.posted)
		})
	}
}

func TestLookAtASignalNode(t *testing.T) {
	const idle = `{"conferences": 0, "participants": 0, "bridge_selector": {"bridge_count": 0, "operational_bridge_count": 0}}`
	const busy = `{"conferences": 1, "participants": 5, "version": "1.1", "bridge_selector": {"bridge_count": 2, "operational_bridge_count": 2}}`
	const leaving = `{"conferences": 1, "participants": 5, "bridge_selector": {"operational_bridge_count": 1, "in_shutdown_bridge_count": 1}}`
	const debug = `{"bridge_selector": {"bridge": {"jvb@muc/i-1": {"operational": true, "endpoints": 5}}},
		"jibri_detector": {"i-2": {"health_status": "HEALTHY", "busy_status": "IDLE", "reports_available": true}}}`
	ok := reply{200, "OK"}
	seen := map[fleet.InstanceID]fleet.BridgeView{"i-1": {Operational: true, Endpoints: 5}}
	for _, c := range []struct {
		name                         string
		jicofo, debug, health        reply
		prosody, web                 reply
		answer                       Answer
		ready                        bool
		troubles                     []string
		views                        map[fleet.InstanceID]fleet.BridgeView
		participants                 int64
		jicofoGone, webGone, allGone bool
	}{
		{name: "all well", jicofo: reply{200, busy}, debug: reply{200, debug}, health: ok, prosody: ok, web: ok, answer: Answered, ready: true,
			views: seen, participants: 5},
		{name: "no bridge is told, and is no reason to wait", jicofo: reply{200, idle}, debug: reply{200, debug}, health: reply{500, "No operational bridges"},
			prosody: ok, web: ok, answer: Answered, ready: true, troubles: []string{"Jicofo is unhealthy", "No operational bridges"},
			views: seen},
		{name: "only leaving bridges are none", jicofo: reply{200, leaving}, debug: reply{200, debug}, health: reply{500, "No operational bridges"},
			prosody: ok, web: ok, answer: Answered, ready: true, troubles: []string{"Jicofo is unhealthy"}, participants: 5,
			views: seen},
		{name: "unhealthy with bridges is not ready", jicofo: reply{200, busy}, debug: reply{200, debug}, health: reply{503, "ping failed"},
			prosody: ok, web: ok, answer: Answered, troubles: []string{"ping failed"}, participants: 5,
			views: seen},
		{name: "switched off health is told", jicofo: reply{200, busy}, debug: reply{200, debug}, health: reply{status: 404},
			prosody: ok, web: ok, answer: Answered, ready: true, troubles: []string{"health interface is off"}, participants: 5,
			views: seen},
		{name: "no view of bridges is told, and is not an empty one", jicofo: reply{200, busy}, debug: reply{404, ""}, health: ok,
			prosody: ok, web: ok, answer: Answered, ready: true, troubles: []string{"/debug"}, participants: 5},
		{name: "a Prosody that fails", jicofo: reply{200, busy}, debug: reply{200, debug}, health: ok, prosody: reply{502, ""}, web: ok,
			answer: Answered, troubles: []string{"Prosody is unhealthy"}, participants: 5,
			views: seen},
		{name: "a web server that is not there", jicofo: reply{200, busy}, debug: reply{200, debug}, health: ok, prosody: ok, webGone: true,
			answer: Answered, troubles: []string{"web: connection refused"}, participants: 5,
			views: seen},
		{name: "a Jicofo that is not there, on a node that is", jicofoGone: true, prosody: ok, web: ok, answer: Silent,
			troubles: []string{"Jicofo: connection refused"}},
		{name: "nobody there", jicofoGone: true, allGone: true, webGone: true, answer: Refused,
			troubles: []string{"Jicofo: connection refused", "web: connection refused", "Prosody: connection refused"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, jicofo := scripted(t, map[string]reply{"GET /stats": c.jicofo, "GET /debug": c.debug, "GET /about/health": c.health})
			_, prosody := scripted(t, map[string]reply{"GET /http-bind": c.prosody})
			_, web := scripted(t, map[string]reply{"GET /config.js": c.web})
			if c.jicofoGone {
				jicofo = nobody
			}
			if c.webGone {
				web = nobody
			}
			if c.allGone {
				prosody = nobody
			}
			s := Signal{
				Jicofo:  jitsi.NewJicofo(jicofo, patience),
				Prosody: jitsi.NewProsody(prosody, patience),
				Web:     jitsi.NewWeb(web, patience),
			}
			v := s.Look(t.Context())
			assert.Equal(t, c.answer, v.Answer)
			assert.Equal(t, c.ready, v.Ready, v.Trouble)
			assert.Equal(t, c.participants > 0, v.Occupied)
			if len(c.troubles) == 0 {
				assert.Empty(t, v.Trouble)
			}
			for _, trouble := range c.troubles {
				assert.Contains(t, v.Trouble, trouble)
			}
			if c.answer == Answered {
				assert.Equal(t, c.participants, v.Signal.Participants)
				assert.Equal(t, c.views, v.Signal.BridgeViews)
				var recorders map[fleet.InstanceID]fleet.JibriView
				if c.views != nil {
					recorders = map[fleet.InstanceID]fleet.JibriView{"i-2": {Healthy: true, Idle: true, Available: true}}
				}
				assert.Equal(t, recorders, v.Signal.JibriViews)
			}
		})
	}
}
