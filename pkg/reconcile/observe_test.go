package reconcile

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// hung agents answer after a time of their own, and some of them never.
type hung struct {
	agents
	never map[netip.Addr]bool
	after time.Duration
}

func (h hung) Status(ctx context.Context, address netip.Addr) (fleet.Status, error) {
	if h.never[address] {
		<-ctx.Done()
		return fleet.Status{}, ctx.Err()
	}
	time.Sleep(h.after)
	return h.agents.Status(ctx, address)
}

func TestAllAgentsAreAskedSideBySideAndHungOnesCostOneTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2, 100)
		never := map[netip.Addr]bool{}
		for _, m := range w.shard(1).members[:10] {
			never[m.Address] = true
		}
		observer := w.bridges.Observer
		observer.Agents = hung{agents{w.cloud}, never, 20 * time.Millisecond}
		began := time.Now()
		observations, err := observer.Observe(context.Background(), fleet.Scope{Roles: []fleet.Role{fleet.RoleBridge}})
		require.NoError(t, err)
		assert.Equal(t, time.Second, time.Since(began), "one AgentTimeout, on the virtual clock of the bubble")
		require.Len(t, observations, 2)
		for _, o := range observations {
			assert.Len(t, o.Nodes, 100)
			for id, r := range o.Nodes {
				if _, m := w.find(id); never[m.Address] {
					assert.ErrorIs(t, r.Err, context.DeadlineExceeded)
				} else {
					assert.NoError(t, r.Err)
				}
			}
		}
	})
}

func TestABridgeIsObservedBesideItsShardsSignalNode(t *testing.T) {
	w := newWorld(t, 2, 2)
	for n := range 2 {
		w.signal(n + 1).members[0].node.endpoints = int64(n + 1)
	}
	w.addGroup(fleet.RoleEdge, "edge", 1, 1)
	observations, err := w.bridges.Observer.Observe(context.Background(), fleet.Scope{Roles: []fleet.Role{fleet.RoleBridge}, Shards: []string{"shard-2"}})
	require.NoError(t, err)
	require.Len(t, observations, 1)
	assert.Equal(t, "shard-2", observations[0].Group.Shard)
	assert.EqualValues(t, 2, observations[0].Signal.Status.Signal.Participants)
	assert.Equal(t, 3, w.calls["status"], "nobody else is asked")
}

func TestRecordersAreObservedBesideEveryShardsSignalNode(t *testing.T) {
	p := newPool(t, 3)
	p.signal(2).members[0].node.silent = true
	observations, err := p.jibris.Observer.Observe(context.Background(), fleet.Scope{Roles: []fleet.Role{fleet.RoleJibri}})
	require.NoError(t, err)
	require.Len(t, observations, 1)
	o := observations[0]
	assert.Len(t, o.Nodes, 3)
	assert.NoError(t, o.Signals["shard-1"].Err)
	assert.NotNil(t, o.Signals["shard-1"].Status.Signal)
	assert.ErrorIs(t, o.Signals["shard-2"].Err, errSilent)
	assert.Equal(t, 5, p.calls["status"], "the recorders and the signal nodes, and no bridge")
}

func TestASignalNodeThatIsNotInServiceSaysNothingForItsShard(t *testing.T) {
	w := newWorld(t, 1, 2)
	w.signal(1).members[0].Lifecycle = fleet.StatePendingWait
	observations, err := w.bridges.Observer.Observe(context.Background(), fleet.Scope{Roles: []fleet.Role{fleet.RoleBridge}})
	require.NoError(t, err)
	assert.ErrorIs(t, observations[0].Signal.Err, errNoSignalNode)
}

func TestAMachineThatEC2DoesNotTellIsNotAsked(t *testing.T) {
	w := newWorld(t, 1, 2)
	w.shard(1).members[0].Address = netip.Addr{}
	observations, err := w.bridges.Observer.Observe(context.Background(), fleet.Scope{Roles: []fleet.Role{fleet.RoleBridge}})
	require.NoError(t, err)
	assert.ErrorIs(t, observations[0].Nodes["i-002"].Err, errNoAddress)
	assert.Equal(t, 2, w.calls["status"])
}

func TestAtMostTheConcurrencyIsAskedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 9)
		observer := w.bridges.Observer
		observer.Agents = hung{agents{w.cloud}, nil, 100 * time.Millisecond}
		observer.Concurrency = 2
		began := time.Now()
		_, err := observer.Observe(context.Background(), fleet.Scope{Roles: []fleet.Role{fleet.RoleBridge}})
		require.NoError(t, err)
		assert.Equal(t, 500*time.Millisecond, time.Since(began), "ten agents, two at a time")
	})
}
