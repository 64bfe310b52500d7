package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/event"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// edgeWorld is a world of ready shards behind HAProxy nodes.
type edgeWorld struct {
	*world
	loop       Shards
	parameters *parameters
	edges      []*member
}

func newEdgeWorld(t failer, shards, edges int) *edgeWorld {
	w := &edgeWorld{world: newWorld(t, shards, 2), parameters: &parameters{values: map[string]string{}}}
	for n := range shards {
		w.setState(n+1, fleet.ShardReady)
	}
	for n := range edges {
		w.edges = append(w.edges, w.addEdge(n+1))
	}
	w.loop = Shards{
		Env:      settings.ShardsEnv{Control: w.bridges.Env.Control, MendPause: 10 * time.Minute},
		Observer: w.bridges.Observer, Censuses: agents{w.cloud}, States: w.parameters, Leases: w.leases, Announcer: w.control,
		Log: w.bridges.Log, Now: w.Now,
	}
	return w
}

// setState is an operator's order that the node followed.
func (w *edgeWorld) setState(n int, state fleet.ShardState) {
	w.parameters.values[fmt.Sprintf("shard-%d", n)] = string(state)
	w.signal(n).members[0].node.state = state
}

func (w *edgeWorld) run() map[string]float64 {
	w.t.Helper()
	record, err := w.loop.Run(context.Background(), []event.Wakeup{schedule})
	require.NoError(w.t, err)
	return metricsOf(w.t, record)
}

func roomKey(n int) string { return fmt.Sprintf("%040X", n) }

// meet puts a room onto a shard.
func (w *edgeWorld) meet(shard, room, participants int) {
	n := w.signal(shard).members[0].node
	n.rooms = append(n.rooms, fleet.CensusRoom{Key: roomKey(room), Room: fmt.Sprintf("room%d", room), Participants: participants})
}

// split is one room that lives on both shards, of which each HAProxy knows another.
func (w *edgeWorld) split() {
	w.meet(1, 7, 2)
	w.meet(2, 7, 3)
	for i, e := range w.edges {
		e.node.edge.table[roomKey(7)] = 10 + i%2
	}
}

func (w *edgeWorld) places() []int {
	var ids []int
	for _, e := range w.edges {
		ids = append(ids, e.node.edge.table[roomKey(7)])
	}
	return ids
}

func TestASplitRoomIsPutOntoItsLargerSideOnEveryHAProxy(t *testing.T) {
	w := newEdgeWorld(t, 2, 3)
	w.split()
	w.meet(1, 8, 4)
	got := w.run()
	assert.Equal(t, []int{11, 11, 11}, w.places())
	assert.EqualValues(t, 1, got["SplitRooms"])
	assert.EqualValues(t, 1, got["RoomsMended"])
	acts := w.took()
	assert.Len(t, acts, 4, acts)
	assert.Equal(t, "place-room "+string(w.edges[0].ID), acts[3], "only after every node forgot it")
	assert.Contains(t, w.log.String(), `"room":"room7"`)
	for _, e := range w.edges {
		for _, o := range e.node.orders {
			assert.Equal(t, fleet.Order{Instance: e.ID, Loop: "shards", Fence: 1, Key: roomKey(7), ShardID: o.ShardID, Reason: "3 of its participants are on shard-2, 2 on shard-1"}, o)
		}
	}
}

func TestARoomRestsAfterItWasMended(t *testing.T) {
	w := newEdgeWorld(t, 2, 2)
	w.split()
	w.run()
	w.took()
	for range 9 {
		w.advance(time.Minute)
		got := w.run()
		assert.EqualValues(t, 1, got["SplitRooms"], "it is still told")
		assert.Zero(t, got["RoomsMended"])
		assert.Empty(t, w.took())
	}
	w.advance(time.Minute)
	assert.EqualValues(t, 1, w.run()["RoomsMended"], "the pause is over")
}

func TestNothingIsSetUnlessEveryHAProxyForgot(t *testing.T) {
	w := newEdgeWorld(t, 2, 2)
	w.split()
	w.faults["forget-room "+string(w.edges[1].ID)] = errSilent
	_, err := w.loop.Run(context.Background(), []event.Wakeup{schedule})
	require.ErrorContains(t, err, "not every HAProxy node forgot it")
	assert.NotContains(t, fmt.Sprint(w.took()), "place-room")

	w.faults = map[string]error{}
	w.advance(time.Minute)
	assert.EqualValues(t, 1, w.run()["RoomsMended"], "one that failed is tried again without a pause")
	assert.Equal(t, []int{11, 11}, w.places())
}

func TestASilentHAProxyKeepsRoomsFromBeingMended(t *testing.T) {
	w := newEdgeWorld(t, 2, 2)
	w.split()
	w.edges[1].node.silent = true
	got := w.run()
	assert.EqualValues(t, 1, got["EdgeSilent"])
	assert.Zero(t, got["RoomsMended"])
	assert.Empty(t, w.took())
	assert.Contains(t, w.log.String(), "would bring its own memory")

	w.edges[1].Stopped = true
	got = w.run()
	assert.EqualValues(t, 1, got["RoomsMended"], "one that EC2 ended has no memory")
	assert.Zero(t, got["EdgeSilent"])
}

func TestNothingIsMendedThatCouldNotBeKept(t *testing.T) {
	w := newEdgeWorld(t, 2, 2)
	w.split()
	w.leases.fail["note shards/jitsi"] = errors.New("throttled")
	_, err := w.loop.Run(context.Background(), []event.Wakeup{schedule})
	require.ErrorContains(t, err, "throttled")
	assert.Empty(t, w.took())
}

func TestARoomIsNotMendedOntoAShardThatNoHAProxyUses(t *testing.T) {
	w := newEdgeWorld(t, 2, 1)
	w.split()
	w.edges[0].node.edge.shards["shard-2"] = fleet.ServerView{ID: 11, State: fleet.ServerDown}
	_, err := w.loop.Run(context.Background(), []event.Wakeup{schedule})
	require.ErrorContains(t, err, "no HAProxy node sends users to shard-2")
	assert.Empty(t, w.took(), "nor is it forgotten")
}

func TestACensusThatIsOldOrMissingComparesWithNobodys(t *testing.T) {
	for name, spoil := range map[string]func(*edgeWorld){
		"old":                      func(w *edgeWorld) { w.signal(2).members[0].node.roomsAge = time.Minute },
		"missing":                  func(w *edgeWorld) { w.faults["census "+string(w.signal(2).members[0].ID)] = errSilent },
		"of a node that is silent": func(w *edgeWorld) { w.signal(2).members[0].node.silent = true },
		"of another shard":         func(w *edgeWorld) { w.signal(2).members[0].node.shard = "shard-9" },
		"of no node":               func(w *edgeWorld) { w.signal(2).members = nil },
	} {
		t.Run(name, func(t *testing.T) {
			w := newEdgeWorld(t, 2, 2)
			w.split()
			spoil(w)
			got := w.run()
			assert.Zero(t, got["SplitRooms"])
			assert.EqualValues(t, 1, got["CensusesMissing"])
			assert.NotContains(t, got, "ShardEmpty shard-2")
		})
	}
}

func TestADrainingShardIsToldEmptyOnceItIs(t *testing.T) {
	w := newEdgeWorld(t, 2, 1)
	w.setState(1, fleet.ShardDrain)
	w.meet(1, 1, 3)
	w.signal(1).members[0].node.endpoints = 10 // two conferences
	got := w.run()
	assert.EqualValues(t, 1, got["ShardState shard-1"])
	assert.Zero(t, got["ShardEmpty shard-1"])
	assert.Zero(t, got["ShardState shard-2"])

	w.signal(1).members[0].node.endpoints, w.signal(1).members[0].node.rooms = 0, nil
	got = w.run()
	assert.EqualValues(t, 1, got["ShardEmpty shard-1"])
	w.signal(1).members[0].node.age = time.Hour
	assert.NotContains(t, w.run(), "ShardEmpty shard-1", "silence proves nothing")
	w.signal(1).members[0].node.age = 0
	w.run()
	assert.Equal(t, []string{`Shard Empty {"version":1,"shard":"shard-1","state":"drain"}`}, w.control.events, "told once")

	w.setState(1, fleet.ShardReady)
	w.run()
	w.setState(1, fleet.ShardMaintenance)
	w.run()
	told := slices.DeleteFunc(slices.Clone(w.control.events), func(e string) bool { return !strings.HasPrefix(e, EventShardEmpty) })
	assert.Len(t, told, 2, "and again after it was not")
}

func TestAStateThatIsNoneIsToldOnceAndTheNodesOwnStays(t *testing.T) {
	w := newEdgeWorld(t, 1, 1)
	w.parameters.values["shard-1"] = "drian"
	got := w.run()
	w.run()
	assert.EqualValues(t, 1, got["StateNotFollowed shard-1"])
	require.Len(t, w.control.events, 1)
	assert.Contains(t, w.control.events[0], `"written":"drian"`)
	assert.Contains(t, w.control.events[0], `"followed":"ready"`)

	w.parameters.values["shard-1"] = "drain"
	assert.EqualValues(t, 1, w.run()["StateNotFollowed shard-1"], "the node has not followed yet")
	w.setState(1, fleet.ShardDrain)
	assert.Zero(t, w.run()["StateNotFollowed shard-1"])
}

func TestAParameterThatCannotBeReadChangesNothing(t *testing.T) {
	w := newEdgeWorld(t, 2, 2)
	w.split()
	w.parameters.err = errors.New("ThrottlingException")
	got := w.run()
	assert.Zero(t, got["StateNotFollowed shard-1"])
	assert.EqualValues(t, 1, got["RoomsMended"])
	assert.Contains(t, w.log.String(), "ThrottlingException")
}

func TestTheEdgesFiguresArePublished(t *testing.T) {
	w := newEdgeWorld(t, 2, 3)
	w.edges[0].node.edge.table = map[string]int{"x": 1, "y": 2}
	for shard := range w.edges[1].node.edge.shards {
		w.edges[1].node.edge.shards[shard] = fleet.ServerView{ID: 1, State: fleet.ServerDown}
	}
	w.edges[2].node.silent = true
	got := w.run()
	for name, want := range map[string]float64{
		"EdgeSilent": 1, "EdgesWithoutShards": 1, "EdgeConnections": 200, "EdgeTableShare": 0.01,
		"ShardDown shard-1": 1, "ShardDown shard-2": 1, "CensusesMissing": 0, "SplitRooms": 0, "RoomsMended": 0,
	} {
		assert.Contains(t, got, name)
		assert.InDelta(t, want, got[name], 1e-9, name)
	}
}

func TestAWakeUpThatIsIgnoredLooksAtNothing(t *testing.T) {
	w := newEdgeWorld(t, 1, 1)
	_, err := w.loop.Run(context.Background(), []event.Wakeup{{Kind: event.Ignored, Because: "unknown"}})
	require.NoError(t, err)
	assert.Zero(t, w.calls["status"])
	assert.Contains(t, w.log.String(), "unknown")
}

func TestARunWhileAnotherRunsIsLeftToIt(t *testing.T) {
	w := newEdgeWorld(t, 2, 2)
	w.split()
	asked := false
	w.leases.during = func(string) {
		if asked {
			return
		}
		asked = true
		_, err := w.loop.Run(context.Background(), []event.Wakeup{{Kind: event.Parameter}})
		assert.NoError(t, err)
	}
	assert.EqualValues(t, 1, w.run()["RoomsMended"], "in the first of two rounds")
	assert.Equal(t, 2, w.calls["census"]/2, "the holder looked again")
	assert.Len(t, w.took(), 3, "and mended once")
}
