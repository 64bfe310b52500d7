package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/shards"
)

// edgeNode is one HAProxy node that may send users somewhere.
type edgeNode struct {
	instance fleet.Instance
	report   fleet.Report
}

// edgesOf are a group's nodes that run: one that leaves still has users, one that boots learns from its peers.
func edgesOf(o fleet.Observation) []edgeNode {
	var nodes []edgeNode
	for _, i := range o.Group.Instances {
		if i.Stopped || i.Lifecycle.Booting() || i.Lifecycle == fleet.StateTerminated {
			continue
		}
		nodes = append(nodes, edgeNode{i, o.Nodes[i.ID]})
	}
	return nodes
}

// heard reports whether a node answered with what it sees.
func (e edgeNode) heard() bool { return e.report.Err == nil && e.report.Status.Edge != nil }

// mender puts split rooms back onto one shard.
type mender struct {
	Shards
	t      *tenure[shardsMemory]
	edges  []edgeNode
	at     time.Time
	mended int
	waits  string // why nothing is mended now; empty when something could be
	deeds
}

// mendsSideBySide bounds how many rooms are mended at the same time.
const mendsSideBySide = 16

// mend clears each room on every HAProxy node and then sets it on one, from which the others learn it. Measured on
// HAProxy 2.6: setting a room that is known is ignored, and clearing is not told to peers. That a room is about to be
// mended is kept before anything is done, so that a run that ends in between leaves it alone for the pause.
func (m *mender) mend(ctx context.Context, mends []shards.Mend) {
	if len(mends) == 0 {
		return
	}
	if m.waits = m.hindrance(); m.waits != "" {
		return
	}
	if m.t.memory.Mended == nil {
		m.t.memory.Mended = map[string]time.Time{}
	}
	for _, mend := range mends {
		m.t.memory.Mended[mend.Key] = m.at
	}
	memory, err := json.Marshal(m.t.memory)
	if err == nil {
		err = m.Leases.Note(ctx, m.t.lease, memory)
	}
	if err != nil {
		m.errs = append(m.errs, fmt.Errorf("no room is mended, for what is about to be done is not kept: %w", err))
		m.undone(mends)
		return
	}
	m.all(ctx, mends)
}

func (m *mender) all(ctx context.Context, mends []shards.Mend) {
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(mendsSideBySide)
	for _, mend := range mends {
		group.Go(func() error {
			err := m.one(ctx, mend)
			mu.Lock()
			defer mu.Unlock()
			if m.did(err, "mend %s on %s: %s", mend.Room, mend.Shard, mend.Reason) {
				m.mended++
			} else {
				m.undone([]shards.Mend{mend})
			}
			return nil
		})
	}
	_ = group.Wait() // what fails is kept among the deeds
}

// undone lets the next run try rooms again.
func (m *mender) undone(mends []shards.Mend) {
	for _, mend := range mends {
		delete(m.t.memory.Mended, mend.Key)
	}
}

// hindrance says why no room can be mended now; empty when nothing hinders it.
func (m *mender) hindrance() string {
	if len(m.edges) == 0 {
		return "there is no HAProxy node"
	}
	for _, e := range m.edges {
		if !e.heard() {
			return fmt.Sprintf("HAProxy node %s does not answer, and would bring its own memory of the rooms back", e.instance.ID)
		}
	}
	return ""
}

// one mends one room: nothing is set unless every node has forgotten it.
func (m *mender) one(ctx context.Context, mend shards.Mend) error {
	at := slices.IndexFunc(m.edges, func(e edgeNode) bool { return e.takes(mend.Shard) })
	if at < 0 {
		return fmt.Errorf("no HAProxy node sends users to %s", mend.Shard)
	}
	forgotten := make([]error, len(m.edges))
	var group errgroup.Group
	for i, e := range m.edges {
		group.Go(func() error {
			forgotten[i] = m.order(ctx, e, fleet.VerbForget, mend, 0)
			return nil
		})
	}
	_ = group.Wait() // the goroutines keep their errors in forgotten
	if err := errors.Join(forgotten...); err != nil {
		return fmt.Errorf("not every HAProxy node forgot it: %w", err)
	}
	return m.order(ctx, m.edges[at], fleet.VerbPlace, mend, m.edges[at].report.Status.Edge.Shards[mend.Shard].ID)
}

// takes reports whether a node sends the users of known rooms to a shard.
func (e edgeNode) takes(shard string) bool {
	s, known := e.report.Status.Edge.Shards[shard]
	return known && s.ID > 0 && (s.State == fleet.ServerReady || s.State == fleet.ServerDrain)
}

func (m *mender) order(ctx context.Context, e edgeNode, verb fleet.Verb, mend shards.Mend, shardID int) error {
	ctx, cancel := context.WithTimeout(ctx, m.Env.AgentTimeout)
	defer cancel()
	_, err := m.Observer.Agents.Order(ctx, e.instance.Address, verb, fleet.Order{
		Instance: e.instance.ID, Loop: loopShards, Fence: m.t.lease.Fence, Key: mend.Key, ShardID: shardID, Reason: mend.Reason,
	})
	return err
}
