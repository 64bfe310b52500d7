// Package page shows a run of the sandbox in a browser while it goes on: the dashboards that were deployed, drawn from
// the metrics in the emulator, the alarms, the fleet as a picture, and what was decided and why. It listens on loopback,
// needs nothing from the network, and only reads.
//
// It must not know what a scenario does, and no metric, alarm or dashboard by name.
package page

import (
	"context"
	"embed"
	"encoding/json"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/alarm"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/metrics"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/scaling"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

//go:embed static
var static embed.FS

// Source is what the page reads.
type Source struct {
	Name       string // of the scenario
	Settings   settings.Settings
	Factor     float64                           // by which durations are divided
	Minute     time.Duration                     // on the wall, for which a minute of the metrics stands
	Began      time.Time                         // when the scenario began
	TimeOfDay  func(offset time.Duration) string // of the scenario, hours and minutes
	Dashboards []Dashboard
	Account    Account
	Meetings   Meetings
	Logs       *Logs
	ShardState func(shard string) string // as the operator wrote it
	Wanted     func(shard string) int    // bridges, by the last decision
	Told       func(n int) []Entry       // the last decisions and happenings, oldest first
}

// Account is the emulated account.
type Account interface {
	Instances() []scaling.Instance
	Alarms() []metrics.Status
	Metrics() *metrics.Store
}

// Meetings are the stand-ins of Jitsi.
type Meetings interface {
	Bridges() []standin.BridgeState
	Rooms(shard string) map[string]int
	SplitRooms() []string
	Jibris() []standin.Jibri
	Sessions() []standin.Session
	Counters() standin.Counters
}

// Entry is a decision or a happening.
type Entry struct {
	At   time.Time
	Kind string // "decision", "alarm", "event", "fault" or "problem"
	Text string
}

// Page is the page of one run.
type Page struct {
	source    Source
	inventory alarm.Inventory
	headings  map[string]string // of the runbook, by alarm
	slots     slots

	mu      sync.Mutex
	verdict verdict
}

// New is the page of a run.
func New(source Source) *Page {
	return &Page{source: source, inventory: alarm.Of(source.Settings), headings: alarm.Headings(source.Settings)}
}

// verdict is how the run ended.
type verdict struct {
	Over     bool     `json:"over"`
	Failures []string `json:"failures"`
}

// End tells how the run ended: with no failure, well.
func (p *Page) End(failures []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.verdict = verdict{true, failures}
}

// headerTimeout bounds how long a browser may take over a request's header.
const headerTimeout = 5 * time.Second

// Open serves the page on a free port of 127.0.0.1 until the context ends, and returns its address. Each part that runs
// by itself is given to run.
func (p *Page) Open(ctx context.Context, run func(func())) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: p.Handler(), ReadHeaderTimeout: headerTimeout}
	run(func() { _ = server.Serve(listener) })
	run(func() { <-ctx.Done(); _ = server.Close() })
	return "http://" + listener.Addr().String() + "/", nil
}

// policy lets the page load nothing but its own files.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:"

// Handler answers a browser.
func (p *Page) Handler() http.Handler {
	files, err := fs.Sub(static, "static")
	if err != nil {
		panic("the page's files are not in the program: " + err.Error())
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.HandleFunc("GET /state.json", p.answer(func(*http.Request) (any, error) { return p.state(), nil }))
	mux.HandleFunc("GET /told.json", p.answer(func(*http.Request) (any, error) { return p.told(allTold), nil }))
	mux.HandleFunc("GET /dashboard.json", p.answer(p.dashboard))
	mux.HandleFunc("GET /runbook.md", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/markdown; charset=utf-8")
		_, _ = w.Write([]byte(alarm.Runbook(p.source.Settings)))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !local(r.Host) {
			http.Error(w, "the page is only for this machine", http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}

// local reports whether a browser asked for this machine by its own name or address: another name that leads here is
// another page's trick.
func local(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	ip := net.ParseIP(strings.Trim(name, "[]"))
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

func (p *Page) answer(of func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := of(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
}
