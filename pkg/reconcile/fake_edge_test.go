package reconcile

import (
	"context"
	"fmt"
	"maps"
	"net/netip"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// edgeFake is one HAProxy with its table, which behaves as measured on 2.6: clearing a room is not told to peers, and
// setting one that is known is ignored; what is set anew is told to peers.
type edgeFake struct {
	table  map[string]int
	shards map[string]fleet.ServerView
}

func (e *edgeFake) load() *fleet.EdgeLoad {
	return &fleet.EdgeLoad{
		Open: true, Synced: true, Connections: 100, RequestRate: 30, Rooms: int64(len(e.table)), TableSize: 200,
		Shards: maps.Clone(e.shards),
	}
}

// addEdge is a slot with its node, which sees every shard ready.
func (w *world) addEdge(slot int) *member {
	g := w.addGroup(fleet.RoleEdge, "", 1, 1)
	g.Name = fmt.Sprintf("jitsi-edge-%d", slot)
	m := w.cloud.serve(g)
	m.node.edge = &edgeFake{table: map[string]int{}, shards: map[string]fleet.ServerView{}}
	for _, other := range w.groups {
		if other.Role == fleet.RoleSignal {
			m.node.edge.shards[other.Shard] = fleet.ServerView{ID: 10 + len(m.node.edge.shards), State: fleet.ServerReady}
		}
	}
	return m
}

func (c agents) route(n *node, verb fleet.Verb, order fleet.Order) error {
	if n.edge == nil || len(order.Key) != 40 {
		return fmt.Errorf("order refused: %s of key %q", verb, order.Key)
	}
	if verb == fleet.VerbForget {
		delete(n.edge.table, order.Key)
		return nil
	}
	if _, known := n.edge.table[order.Key]; known {
		return nil
	}
	for _, g := range c.groups {
		for _, m := range g.members {
			if m.node.edge != nil {
				m.node.edge.table[order.Key] = order.ShardID
			}
		}
	}
	return nil
}

func (c agents) Census(_ context.Context, address netip.Addr) (fleet.Census, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.at(address)
	if err != nil {
		return fleet.Census{}, err
	}
	if err := c.call(false, "census", string(n.id)); err != nil {
		return fleet.Census{}, err
	}
	return fleet.Census{Instance: n.id, Shard: n.shard, AgeSeconds: n.roomsAge.Seconds(), Rooms: n.rooms}, nil
}

// parameters are the shards' parameters.
type parameters struct {
	values map[string]string
	err    error
}

func (p *parameters) Read(_ context.Context, shard string) (string, error) {
	return p.values[shard], p.err
}
