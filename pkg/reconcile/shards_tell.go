package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// emptyShard is the detail of EventShardEmpty.
type emptyShard struct {
	Version int              `json:"version"`
	Shard   string           `json:"shard"`
	State   fleet.ShardState `json:"state"`
}

// refusedState is the detail of EventStateRefused.
type refusedState struct {
	Version  int              `json:"version"`
	Shard    string           `json:"shard"`
	Written  string           `json:"written"`
	Problem  string           `json:"problem"`
	Followed fleet.ShardState `json:"followed"` // what stays in force
}

// announce tells once what is new: a draining shard that is empty, a parameter that says no state, and a shard's other state.
func (s Shards) announce(ctx context.Context, v view, m *shardsMemory) error {
	var failed []error
	for _, name := range keys(v.shards) {
		failed = append(failed, s.announceEmpty(ctx, v, m, name), s.announceRefused(ctx, v, m, name), s.announceChange(ctx, v, m, name))
	}
	for name := range m.Empty {
		if _, known := v.shards[name]; !known {
			delete(m.Empty, name)
		}
	}
	for name := range m.Followed {
		if _, known := v.shards[name]; !known {
			delete(m.Followed, name)
		}
	}
	return errors.Join(failed...)
}

func (s Shards) announceEmpty(ctx context.Context, v view, m *shardsMemory, name string) error {
	shard := v.shards[name]
	switch {
	case !shard.Empty() && shard.Heard:
		delete(m.Empty, name)
	case shard.Empty() && !m.Empty[name]:
		if err := s.Announcer.Announce(ctx, EventShardEmpty, emptyShard{1, name, shard.State}); err != nil {
			return err
		}
		if m.Empty == nil {
			m.Empty = map[string]bool{}
		}
		m.Empty[name] = true
	}
	return nil
}

func (s Shards) announceRefused(ctx context.Context, v view, m *shardsMemory, name string) error {
	written, read := v.wanted[name]
	if !read {
		return nil
	}
	_, problem := fleet.ParseShardState(written)
	if problem == nil {
		delete(m.Refused, name)
		return nil
	}
	if before, told := m.Refused[name]; told && before == written {
		return nil
	}
	s.Log.Error("a shard's state is refused; the one that it follows stays in force", "shard", name, "error", problem.Error())
	if err := s.Announcer.Announce(ctx, EventStateRefused, refusedState{1, name, written, problem.Error(), v.shards[name].State}); err != nil {
		return err
	}
	if m.Refused == nil {
		m.Refused = map[string]string{}
	}
	m.Refused[name] = written
	return nil
}

// stateNumbers are the values of the metric ShardState.
var stateNumbers = map[fleet.ShardState]float64{fleet.ShardReady: 0, fleet.ShardDrain: 1, fleet.ShardMaintenance: 2}

// publish puts the figures of shards and edge. What a silent node would have said is left out, so that a gap is not
// taken for an empty shard.
func (v view) publish(record *telemetry.Record, staleAfter time.Duration, served bool) {
	for name, shard := range v.shards {
		if number, known := stateNumbers[shard.State]; known {
			record.Shard(name, telemetry.ShardState, number)
			record.Shard(name, telemetry.StateNotFollowed, one(v.wanted[name] != "" && v.wanted[name] != string(shard.State)))
		}
		if shard.Heard {
			record.Shard(name, telemetry.ShardEmpty, one(shard.Empty()))
		}
		record.Shard(name, telemetry.ShardDown, float64(v.downFor(name)))
	}
	record.Fleet(telemetry.CensusesMissing, float64(len(v.shards)-len(v.censuses)))
	v.publishEdge(record, staleAfter, served)
}

// downFor is how many HAProxy nodes say that a shard is down.
func (v view) downFor(shard string) int {
	n := 0
	for _, e := range v.edges {
		if e.heard() && e.report.Status.Edge.Shards[shard].State == fleet.ServerDown {
			n++
		}
	}
	return n
}

// publishEdge leaves out which nodes have no shard until one had: a fleet that boots has none either.
func (v view) publishEdge(record *telemetry.Record, staleAfter time.Duration, served bool) {
	silent, lonely, full := 0, 0, 0.0
	var connections int64
	var hosts []fleet.HostLoad
	for _, e := range v.edges {
		if !e.heard() || e.report.Status.Age() > staleAfter {
			silent++
			continue
		}
		hosts = append(hosts, e.report.Status.Host)
		load := e.report.Status.Edge
		connections += load.Connections
		if load.TableSize > 0 {
			full = max(full, float64(load.Rooms)/float64(load.TableSize))
		}
		if !usesAny(load) {
			lonely++
		}
	}
	record.Fleet(telemetry.EdgeSilent, float64(silent))
	if served {
		record.Fleet(telemetry.EdgesWithoutShards, float64(lonely))
	}
	record.Fleet(telemetry.EdgeConnections, float64(connections))
	record.Fleet(telemetry.EdgeTableShare, full)
	publishHosts(fleet.RoleEdge, hosts, record)
}

// usesAny reports whether a node has a shard to send anybody to.
func usesAny(load *fleet.EdgeLoad) bool {
	for _, s := range load.Shards {
		if s.State == fleet.ServerReady || s.State == fleet.ServerDrain {
			return true
		}
	}
	return false
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
