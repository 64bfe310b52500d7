package reconcile

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/event"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// failer is what a test and a property have in common.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
	FailNow()
}

// world is a fleet with its loops.
type world struct {
	t failer
	*cloud
	leases    *leases
	profiles  *profiles
	names     *names
	control   *control
	log       *logBook
	bridges   Bridges
	lifecycle Lifecycle
	metrics   Metrics
}

// logBook keeps log lines; loops write side by side.
type logBook struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

// newWorld is a fleet of shards, each with a signal node and bridges in service; a group's bounds are 2 and 10.
func newWorld(t failer, shards, bridges int) *world {
	w := &world{t: t, cloud: newCloud(noon), leases: newLeases(), profiles: &profiles{kept: map[string][]byte{}}, control: &control{raw: "{}"}, log: &logBook{}}
	w.names = &names{cloud: w.cloud}
	for n := range shards {
		shard := fmt.Sprintf("shard-%d", n+1)
		w.cloud.serve(w.addGroup(fleet.RoleSignal, shard, 1, 1))
		g := w.addGroup(fleet.RoleBridge, shard, 2, 10)
		for range bridges {
			w.cloud.serve(g)
		}
		g.Desired = max(g.Min, bridges)
	}
	common := settings.Control{Fleet: "jitsi", AgentTimeout: time.Second, StaleAfter: 30 * time.Second}
	log := slog.New(slog.NewJSONHandler(w.log, nil))
	observer := Observer{Fleet: "jitsi", Groups: w.cloud, Machines: machines{w.cloud}, Agents: agents{w.cloud}, AgentTimeout: time.Second, Now: w.Now, Log: log}
	w.bridges = Bridges{
		Env: settings.BridgesEnv{
			Control: common, Target: 0.6, Spare: 1, Slack: 0.25, ShrinkAfter: 10 * time.Minute, BootTime: 4 * time.Minute, Reaction: settings.Reaction, ServiceLevel: 0.995, TimeZone: "UTC",
			DrainLimit: 6 * time.Hour, AtDrainLimit: settings.Hold, DeadAfter: 3 * time.Minute, QuarantineWindow: 10 * time.Minute, Schedules: "[]",
		},
		Observer: observer, Leases: w.leases, Profiles: w.profiles, Log: log, Now: w.Now,
		Runtime: Runtime{Parameters: w.control, Memory: w.control, Announcer: w.control, Log: log},
	}
	w.lifecycle = Lifecycle{
		Env: settings.LifecycleEnv{
			Control: common, BridgeAdmissionGrace: 10 * time.Minute, SignalAdmissionGrace: 15 * time.Minute, HookTimeout: 30 * time.Minute,
			DrainLimit: 6 * time.Hour, AtDrainLimit: settings.Hold, DeadAfter: 3 * time.Minute,
		},
		Observer: observer, Leases: w.leases, Names: w.names, Announcer: w.control, Log: log, Now: w.Now,
	}
	w.metrics = Metrics{Env: settings.MetricsEnv{Control: common, Target: 0.6, Spare: 1}, Observer: observer, Log: log, Now: w.Now}
	return w
}

var schedule = event.Wakeup{Kind: event.Schedule}

func (w *world) shard(n int) *group  { return w.groups[2*(n-1)+1] }
func (w *world) signal(n int) *group { return w.groups[2*(n-1)] }

// runBridges runs the loop as the schedule does and expects no error.
func (w *world) runBridges() map[string]float64 {
	w.t.Helper()
	record, err := w.bridges.Run(context.Background(), []event.Wakeup{schedule})
	require.NoError(w.t, err)
	return metricsOf(w.t, record)
}

func (w *world) runLifecycle() map[string]float64 {
	w.t.Helper()
	record, err := w.lifecycle.Run(context.Background(), []event.Wakeup{schedule})
	require.NoError(w.t, err)
	return metricsOf(w.t, record)
}

// runThrottledLifecycle runs the loop once while AWS throttles one of its calls, which the run must tell.
func (w *world) runThrottledLifecycle() {
	w.t.Helper()
	_, err := w.lifecycle.Run(context.Background(), []event.Wakeup{schedule})
	require.ErrorIs(w.t, err, errThrottled)
}

// minutes lets time pass with both loops each minute.
func (w *world) minutes(n int) {
	w.t.Helper()
	for range n {
		w.advance(time.Minute)
		w.runBridges()
		w.runLifecycle()
	}
}

// load spreads stress evenly over the bridges of a group that take work; draining ones lose a fifth of theirs.
func (w *world) load(g *group, demand float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var takers []*node
	for _, m := range g.members {
		switch m.node.phase {
		case fleet.PhaseServing:
			takers = append(takers, m.node)
		case fleet.PhaseDraining:
			m.node.endpoints = m.node.endpoints * 4 / 5
			m.node.stress = float64(m.node.endpoints) / 100
			demand -= m.node.stress
		}
	}
	for _, n := range takers {
		n.stress = max(0, demand) / float64(len(takers))
		n.endpoints = int64(100 * n.stress)
	}
}

// loaded lets minutes pass at a demand.
func (w *world) loaded(g *group, demand float64, minutes int) {
	w.t.Helper()
	for range minutes {
		w.load(g, demand)
		w.minutes(1)
	}
}

// took is what was done since it was last asked.
func (w *world) took() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	acts := w.acts
	w.acts = nil
	return acts
}

func (w *world) inPhase(g *group, p fleet.Phase) int {
	n := 0
	for _, m := range g.members {
		if m.node.phase == p && m.Lifecycle == fleet.StateInService {
			n++
		}
	}
	return n
}

// well checks that nothing happened that must never happen.
func (w *world) well() {
	w.t.Helper()
	assert.Empty(w.t, w.wrongs)
}

// decisions are the logged decisions since it was last asked.
func (w *world) decisions() []map[string]any {
	var found []map[string]any
	for line := range strings.Lines(w.log.String()) {
		var entry map[string]any
		require.NoError(w.t, json.Unmarshal([]byte(line), &entry), line)
		if entry["msg"] == "decision" {
			found = append(found, entry)
		}
	}
	w.log.Reset()
	return found
}

// metricsOf reads what a record publishes, as "Name" or "Name shard".
func metricsOf(t failer, r *telemetry.Record) map[string]float64 {
	t.Helper()
	var out bytes.Buffer
	_, err := r.WriteTo(&out)
	require.NoError(t, err)
	found := map[string]float64{}
	for line := range strings.Lines(out.String()) {
		var values map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &values))
		shard, _ := values[telemetry.DimensionShard].(string)
		for name, v := range values {
			if number, ok := v.(float64); ok {
				found[strings.TrimSpace(name+" "+shard)] = number
			}
		}
	}
	return found
}

// ids are the instances of a group in their order.
func (g *group) ids() []fleet.InstanceID {
	var ids []fleet.InstanceID
	for _, m := range g.members {
		ids = append(ids, m.ID)
	}
	return ids
}

var _ failer = (*testing.T)(nil)

// demandOf is the demand in a kept memory, as JSON.
func demandOf(t failer, memory []byte) string {
	t.Helper()
	var kept struct{ Demand json.RawMessage }
	require.NoError(t, json.Unmarshal(memory, &kept))
	return string(kept.Demand)
}
