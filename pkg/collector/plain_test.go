package collector

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/haproxy"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// serve answers paths with texts; a path that is not there answers 404.
func serve(t *testing.T, answers map[string]string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := answers[r.URL.Path]
		switch {
		case !ok:
			http.NotFound(w, r)
		case text == "":
			w.WriteHeader(http.StatusInternalServerError)
		default:
			_, _ = io.WriteString(w, text)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func recorded(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "jitsi", "testdata", name))
	require.NoError(t, err)
	return string(raw)
}

const health = "/about/health"

func TestAPlainBridgesPhaseIsItsOwnWord(t *testing.T) {
	for name, c := range map[string]struct {
		answers map[string]string
		phase   fleet.Phase
		fails   bool
	}{
		"one that is well serves":             {map[string]string{"/colibri/stats": `{"stress_level":0.2,"local_endpoints":3}`, health: "OK"}, fleet.PhaseServing, false},
		"one without health check serves":     {map[string]string{"/colibri/stats": `{"stress_level":0.2,"local_endpoints":3}`}, fleet.PhaseServing, false},
		"one that fails its check is sick":    {map[string]string{"/colibri/stats": `{"stress_level":0.2,"local_endpoints":3}`, health: ""}, fleet.PhaseSick, false},
		"one in drain mode drains":            {map[string]string{"/colibri/stats": `{"stress_level":0.2,"local_endpoints":3,"drain":true}`}, fleet.PhaseDraining, false},
		"one in graceful shutdown retires":    {map[string]string{"/colibri/stats": `{"stress_level":0.2,"local_endpoints":3,"drain":true,"graceful_shutdown":true}`}, fleet.PhaseRetiring, false},
		"one that does not tell its stress":   {map[string]string{"/colibri/stats": `{"local_endpoints":3}`}, "", true},
		"one whose interface is switched off": {map[string]string{}, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			n := NewComponent(Component{Kind: KindJVB, Name: "jvb-1", Shard: "shard-1", URL: serve(t, c.answers)}, time.Second).Ask(t.Context())
			assert.Equal(t, c.fails, n.Err != nil, n.Err)
			assert.Equal(t, c.phase, n.Status.Phase)
			assert.Equal(t, []string{"jvb", "bridge", "shard-1"}, []string{n.Kind, string(n.Role), n.Shard})
		})
	}
}

func TestAPlainJibriIsFreeOnlyWhenItIsIdleAndHealthy(t *testing.T) {
	for name, c := range map[string]struct {
		busy, health string
		free         bool
		activity     string
		phase        fleet.Phase
	}{
		"idle":            {"IDLE", "HEALTHY", true, "idle", fleet.PhaseServing},
		"busy":            {"BUSY", "HEALTHY", false, "busy", fleet.PhaseServing},
		"expired":         {"EXPIRED", "HEALTHY", false, "expired", fleet.PhaseServing},
		"idle and broken": {"IDLE", "UNHEALTHY", false, "idle", fleet.PhaseSick},
	} {
		t.Run(name, func(t *testing.T) {
			url := serve(t, map[string]string{"/jibri/api/v1.0/health": `{"status":{"busyStatus":"` + c.busy + `","health":{"healthStatus":"` + c.health + `"}}}`})
			n := NewComponent(Component{Kind: KindJibri, Name: "jibri-1", URL: url}, time.Second).Ask(t.Context())
			require.NoError(t, n.Err)
			assert.Equal(t, c.phase, n.Status.Phase)
			got := recorder(n)
			assert.Equal(t, Recorder{Activity: c.activity, Free: c.free}, *got, "and nothing of a spool")
		})
	}
}

func TestAPlainShardIsItsJicofosAndItsProsodysWord(t *testing.T) {
	jicofo := NewComponent(Component{Kind: KindJicofo, Name: "j", Shard: "a", URL: serve(t, map[string]string{"/stats": recorded(t, "jicofo-stats.json")})}, time.Second).Ask(t.Context())
	require.NoError(t, jicofo.Err)
	assert.Positive(t, jicofo.Status.Signal.Conferences)
	assert.Positive(t, jicofo.Status.Signal.BridgesOK)
	census := `{"room_census":[{"room_name":"a@x","participants":3},{"room_name":"b@x","participants":5},{"room_name":"c@x","participants":0}]}`
	prosody := NewComponent(Component{Kind: KindProsody, Name: "p", Shard: "a", VirtualHost: "x", URL: serve(t, map[string]string{"/room-census": census})}, time.Second).Ask(t.Context())
	require.NoError(t, prosody.Err)
	assert.Equal(t, Rooms{Rooms: 2, Participants: 8, Largest: 5}, *prosody.Rooms)
}

func TestAServerThatDrainsIsUp(t *testing.T) {
	servers := []haproxy.Server{
		{Backend: "a", Status: haproxy.Up, Sessions: 3}, {Backend: "a", Status: haproxy.Drain, Sessions: 2},
		{Backend: "a", Status: haproxy.Down}, {Backend: "a", Status: haproxy.Maintenance}, {Backend: "b", Status: haproxy.Up, Sessions: 9},
	}
	assert.Equal(t, Proxy{RequestRate: 7, Sessions: 5, Up: 2, Total: 4}, *proxy(haproxy.Stat{RequestRate: 7, Servers: servers}, "a"))
	assert.Equal(t, Proxy{RequestRate: 7, Sessions: 14, Up: 3, Total: 5}, *proxy(haproxy.Stat{RequestRate: 7, Servers: servers}, ""))
}

func TestTheFiguresOfTheEdgeAreThoseOfNodesThatAnswer(t *testing.T) {
	connections := int64(5)
	plain := Node{Role: fleet.RoleEdge, Proxy: &Proxy{RequestRate: 3}}
	withSocket := Node{Role: fleet.RoleEdge, Proxy: &Proxy{RequestRate: 3, Connections: &connections}}
	withAgent := Node{Role: fleet.RoleEdge, Status: fleet.Status{Edge: &fleet.EdgeLoad{RequestRate: 10, Connections: 20}}}
	silent := withAgent
	silent.Err = errors.New("silence")
	for name, c := range map[string]struct {
		nodes []Node
		want  map[string]float64
	}{
		"none":                                 {[]Node{{Role: fleet.RoleBridge}}, map[string]float64{}},
		"one that is silent":                   {[]Node{silent}, map[string]float64{"EdgeSilent": 1}},
		"a silent one beside one that answers": {[]Node{silent, withAgent}, map[string]float64{"EdgeSilent": 1, "EdgeConnections": 20}},
		"a page that tells no connections":     {[]Node{plain}, map[string]float64{"EdgeSilent": 0}},
		"all kinds":                            {[]Node{plain, withSocket, withAgent}, map[string]float64{"EdgeSilent": 0, "EdgeConnections": 25}},
	} {
		t.Run(name, func(t *testing.T) {
			record := telemetry.NewRecord("meet", time.Unix(0, 0))
			edges(c.nodes, record)
			got := map[string]float64{}
			for _, v := range record.Values() {
				got[v.Metric.Name] = v.Value
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestAStatisticsPageThatIsNoneIsSilence(t *testing.T) {
	for name, answers := range map[string]map[string]string{
		"no page":        {},
		"a login's page": {"/stats;csv": "<html>"},
	} {
		t.Run(name, func(t *testing.T) {
			n := NewComponent(Component{Kind: KindHAProxy, Name: "h", URL: serve(t, answers) + "/stats"}, time.Second).Ask(t.Context())
			require.Error(t, n.Err)
			assert.Nil(t, n.Proxy)
		})
	}
}
