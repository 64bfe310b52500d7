package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/metrics"
)

//go:embed page.html
var pageHTML []byte

// page shows a run in a browser while it goes on, and afterwards as long as it is kept.
type page struct {
	stage   *stage
	address string

	mu   sync.Mutex
	name string
	rows []row
}

// headerTimeout bounds how long a browser may take over a request's header.
const headerTimeout = 5 * time.Second

// openPage serves the page on a free port of 127.0.0.1 until the context ends.
func openPage(ctx context.Context, s *stage, name string) (*page, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &page{stage: s, address: "http://" + listener.Addr().String() + "/", name: name}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(pageHTML)
	})
	mux.HandleFunc("GET /state.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(p.state())
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: headerTimeout}
	s.ended.Go(func() { _ = server.Serve(listener) })
	s.ended.Go(func() { <-ctx.Done(); _ = server.Close() })
	return p, nil
}

// add adds a sample to the charts.
func (p *page) add(r row) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rows = append(p.rows, r)
}

// pageState is what the page draws.
type pageState struct {
	Scenario string       `json:"scenario"`
	Rows     []row        `json:"rows"`
	Bridges  []pageBridge `json:"bridges"`
	Alarms   []pageAlarm  `json:"alarms"`
	Told     []pageEntry  `json:"told"` // the last decisions and happenings, newest first
}

type pageBridge struct {
	ID        string  `json:"id"`
	State     string  `json:"state"` // Auto Scaling's word
	Drains    bool    `json:"drains"`
	Endpoints int     `json:"endpoints"`
	Stress    float64 `json:"stress"`
}

type pageAlarm struct {
	Name    string `json:"name"`
	Meaning string `json:"meaning"`
	Firing  bool   `json:"firing"`
}

type pageEntry struct {
	At   string `json:"at"`
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// toldEntries is how many entries of the journal the page shows.
const toldEntries = 60

func (p *page) state() pageState {
	p.mu.Lock()
	s := pageState{Scenario: p.name, Rows: slices.Clone(p.rows)}
	p.mu.Unlock()
	for _, a := range p.stage.cloud.Alarms() {
		s.Alarms = append(s.Alarms, pageAlarm{Name: a.Alarm.Name, Meaning: a.Alarm.Description, Firing: a.State == metrics.InAlarm})
	}
	s.Bridges = p.bridges()
	for _, e := range p.stage.journal.last(toldEntries) {
		s.Told = append(s.Told, pageEntry{At: e.At.Format("15:04:05"), Kind: e.Kind, Text: e.Text})
	}
	slices.Reverse(s.Told)
	return s
}

func (p *page) bridges() []pageBridge {
	truth := map[string]pageBridge{}
	for _, b := range p.stage.world.Bridges() {
		truth[string(b.ID)] = pageBridge{Drains: b.Drain || b.Graceful || b.ShuttingDown, Endpoints: b.LocalEndpoints, Stress: b.Stress}
	}
	var bridges []pageBridge
	for _, i := range p.stage.cloud.Instances() {
		if i.Tags[fleet.TagRole] == string(fleet.RoleBridge) {
			b := truth[i.ID]
			b.ID, b.State = i.ID, i.State
			bridges = append(bridges, b)
		}
	}
	return bridges
}
