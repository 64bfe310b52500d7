package reconcile

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

func TestALeaverWhoseFiguresGrowOldIsToldToDrainOn(t *testing.T) {
	w, _, m := leaver(t)
	w.runLifecycle()
	require.Equal(t, fleet.PhaseDraining, m.node.phase)
	before := len(m.node.orders)
	m.node.age = time.Hour
	w.advance(time.Minute)
	w.runLifecycle()
	assert.Greater(t, len(m.node.orders), before, "without an order its agent would take work again after five minutes")
	assert.Equal(t, drainOn, m.node.orders[len(m.node.orders)-1].Reason)
	assert.Equal(t, fleet.PhaseDraining, m.node.phase)
}

func TestAReserveWhoseFiguresGrowOldIsToldToDrainOn(t *testing.T) {
	w := newWorld(t, 1, 3)
	n := w.shard(1).members[2].node
	n.become(fleet.PhaseDraining, w.Now())
	w.runBridges()
	before := len(n.orders)
	n.age = time.Hour
	w.runBridges()
	assert.Greater(t, len(n.orders), before)
	assert.Equal(t, drainOn, n.orders[len(n.orders)-1].Reason)
}

func TestANewBridgeServesAtOnceWhereNoneDoes(t *testing.T) {
	for _, c := range []struct {
		name   string
		others func(n *node, at time.Time)
		phase  fleet.Phase
	}{
		{"where others serve it joins the reserve", func(*node, time.Time) {}, fleet.PhaseDraining},
		{"where the others drain it serves", func(n *node, at time.Time) { n.become(fleet.PhaseDraining, at) }, fleet.PhaseServing},
		{"where the others are sick it serves", func(n *node, at time.Time) { n.become(fleet.PhaseSick, at) }, fleet.PhaseServing},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, g, m := newcomer(t, fleet.RoleBridge)
			w.runLifecycle()
			w.advance(4 * time.Minute)
			for _, other := range g.members[:2] {
				c.others(other.node, w.Now())
			}
			w.runLifecycle()
			assert.Equal(t, c.phase, m.node.phase)
		})
	}
}
