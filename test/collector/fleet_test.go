package collector

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/collector"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/elastic"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/reconcile"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// serve answers paths with texts, on loopback.
func serve(t *testing.T, answers map[string]string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := answers[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// recorded is an answer that a real component gave, kept with the tests of its decoder.
func recorded(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "pkg", "jitsi", "testdata", name))
	require.NoError(t, err)
	return string(raw)
}

const proxyPage = `# pxname,svname,type,status,scur,req_rate,sid,agent_status,econ,eresp,wredis
web,FRONTEND,0,OPEN,12,34,0,,,,
jitsi,shard-1,2,UP,7,,1,L7OK,0,0,0
jitsi,shard-2,2,DOWN,0,,2,,0,0,0
`

// installation is a plain Jitsi installation of one shard: six nodes, of which one bridge is down.
func installation(t *testing.T) []collector.Component {
	t.Helper()
	jvb := map[string]string{"/colibri/stats": recorded(t, "colibri-stats.json"), "/about/health": ""}
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	return []collector.Component{
		{Kind: collector.KindJicofo, Name: "jicofo-1", Shard: "shard-1", URL: serve(t, map[string]string{"/stats": recorded(t, "jicofo-stats.json")})},
		{Kind: collector.KindProsody, Name: "prosody-1", Shard: "shard-1", VirtualHost: "meet.example.org", URL: serve(t, map[string]string{"/room-census": recorded(t, "room-census.json")})},
		{Kind: collector.KindJVB, Name: "jvb-1", Shard: "shard-1", URL: serve(t, jvb)},
		{Kind: collector.KindJVB, Name: "jvb-2", Shard: "shard-1", URL: down.URL},
		{Kind: collector.KindJibri, Name: "jibri-1", URL: serve(t, map[string]string{
			"/jibri/api/v1.0/health": `{"status":{"busyStatus":"BUSY","health":{"healthStatus":"HEALTHY","details":{}}}}`,
		})},
		{Kind: collector.KindHAProxy, Name: "haproxy-1", URL: serve(t, map[string]string{"/stats;csv": proxyPage}) + "/stats"},
	}
}

// documentsARound is one for each of the six nodes, one for the shard and one for the fleet.
const documentsARound = 8

// daemon is the collector of the installation, wired as lambdas/metrics does, with a clock that the test moves.
type daemon struct {
	collector.Collector
	sink *elastic.Sink
	now  time.Time
}

func newDaemon(t *testing.T, s *server, folder string, change func(*collector.Config)) *daemon {
	t.Helper()
	config := collector.Defaults()
	config.Fleet, config.Components = "test", installation(t)
	config.Sink.URLs, config.Spill.Folder = []string{s.url}, folder
	if change != nil {
		change(&config)
	}
	loaded, err := config.Load(os.ReadFile)
	require.NoError(t, err)
	d := &daemon{now: time.Now().Add(-time.Hour).Truncate(time.Minute)}
	env := settings.MetricsEnv{Target: config.BridgeTarget, Spare: config.BridgeSpare}
	env.StaleAfter = time.Duration(config.StaleAfter)
	metrics := reconcile.Metrics{Env: env, Log: slog.New(slog.DiscardHandler), Now: time.Now}
	d.Collector = collector.Collector{
		Config: config, Nodes: loaded.Targets(time.Now), Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return d.now },
		Measure: func(o []fleet.Observation, r *telemetry.Record) { metrics.Measure(o, r) },
	}
	d.reopen(t)
	return d
}

// reopen is a restart of the daemon: a new client and what the disk holds.
func (d *daemon) reopen(t *testing.T) {
	t.Helper()
	loaded, err := d.Config.Load(os.ReadFile)
	require.NoError(t, err)
	client, err := elastic.Connect(loaded.Access, d.Config.Stream())
	require.NoError(t, err)
	spill, err := elastic.OpenSpill(d.Config.Spill.Folder, int64(d.Config.Spill.MaxBytes))
	require.NoError(t, err)
	d.sink = elastic.NewSink(client, spill)
	d.Sink = d.sink
}

// round observes once, a minute after the last time, and stores the documents.
func (d *daemon) round(t *testing.T) error {
	t.Helper()
	d.now = d.now.Add(time.Minute)
	documents := d.Observe(t.Context())
	require.Len(t, documents, documentsARound)
	return d.Sink.Put(t.Context(), documents)
}
