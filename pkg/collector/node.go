package collector

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// Node is what one question to one node brought.
type Node struct {
	Name    string
	Kind    string // "agent", or a Kind of a plain component
	Role    fleet.Role
	Shard   string
	Address string
	// Status is the node's; of a plain component only what its own interface tells is in it.
	Status fleet.Status
	// Activity is a plain Jibri's own word, in lower case. It does not say what is encoded.
	Activity string
	// Rooms is a plain Prosody's census; nil of others.
	Rooms *Rooms
	// Health of servers by HAProxy's own word, of a plain HAProxy; nil of others.
	Proxy *Proxy
	Took  time.Duration
	Err   error // nil when there was an answer
}

// Rooms is what a census counts.
type Rooms struct{ Rooms, Participants, Largest int64 }

// Proxy is what a plain HAProxy tells.
type Proxy struct {
	// Connections is nil where only the statistics page was asked, which does not tell it.
	Connections *int64
	RequestRate int64
	Sessions    int64
	Up, Total   int64 // servers
}

// Target is one node that can be asked.
type Target interface {
	// Ask asks once. A node that does not answer is a Node with Err.
	Ask(ctx context.Context) Node
}

// concurrency is how many nodes are asked at once.
const concurrency = 256

// ask asks all targets side by side, each for at most timeout.
func ask(ctx context.Context, targets []Target, timeout time.Duration, now func() time.Time) []Node {
	nodes := make([]Node, len(targets))
	var group errgroup.Group
	group.SetLimit(concurrency)
	for i, target := range targets {
		group.Go(func() error {
			limited, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			began := now()
			nodes[i] = target.Ask(limited)
			nodes[i].Took = now().Sub(began)
			return nil
		})
	}
	_ = group.Wait() // the goroutines return no error: a silent node is a Node
	return nodes
}

// observations are the nodes as the control plane would have observed them: groups of bridges by shard with their
// shard's signal node beside them, and one group of recorders.
func observations(nodes []Node, at time.Time) []fleet.Observation {
	type key struct {
		role  fleet.Role
		shard string
	}
	signals := map[string]fleet.Report{}
	index := map[key]int{}
	var seen []fleet.Observation
	for _, n := range nodes {
		if n.Role == fleet.RoleEdge || n.Role == "" || n.Kind == string(KindProsody) {
			continue
		}
		k := key{n.Role, n.Shard}
		i, known := index[k]
		if !known {
			i = len(seen)
			index[k] = i
			group := fleet.Group{Name: string(n.Role) + " " + n.Shard, Role: n.Role, Shard: n.Shard}
			seen = append(seen, fleet.Observation{At: at, Group: group, Nodes: map[fleet.InstanceID]fleet.Report{}})
		}
		id := fleet.InstanceID(n.Name)
		report := fleet.Report{Status: n.Status, Err: n.Err}
		seen[i].Nodes[id] = report
		seen[i].Group.Desired++
		seen[i].Group.Instances = append(seen[i].Group.Instances, fleet.Instance{ID: id, Lifecycle: fleet.StateInService})
		if n.Role == fleet.RoleSignal {
			signals[n.Shard] = report
		}
	}
	for i := range seen {
		seen[i].Signals = signals
		seen[i].Signal = fleet.Report{Err: errNoSignal}
		if signal, ok := signals[seen[i].Group.Shard]; ok {
			seen[i].Signal = signal
		}
	}
	return seen
}

// edges puts the sums over HAProxy nodes into the record, where there are any.
func edges(nodes []Node, record *telemetry.Record) {
	var asked, silent, connections float64
	known := false
	for _, n := range nodes {
		if n.Role != fleet.RoleEdge {
			continue
		}
		asked++
		switch load := n.Status.Edge; {
		case n.Err != nil:
			silent++
		case n.Proxy != nil:
			if n.Proxy.Connections != nil {
				connections += float64(*n.Proxy.Connections)
				known = true
			}
		case load != nil:
			connections += float64(load.Connections)
			known = true
		}
	}
	if asked == 0 {
		return
	}
	record.Fleet(telemetry.EdgeSilent, silent)
	if known {
		record.Fleet(telemetry.EdgeConnections, connections)
	}
}
