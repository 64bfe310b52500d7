package reconcile

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

func TestADeadBridgeIsReplacedOnlyWhenJicofoConfirmsIt(t *testing.T) {
	view := func(v *fleet.BridgeView) map[fleet.InstanceID]fleet.BridgeView {
		if v == nil {
			return nil
		}
		return map[fleet.InstanceID]fleet.BridgeView{"i-002": *v}
	}
	for _, c := range []struct {
		name     string
		views    map[fleet.InstanceID]fleet.BridgeView
		edit     func(w *world)
		replaced bool
	}{
		{"Jicofo does not list it", view(nil), nil, true},
		{"Jicofo does not use it and has nobody on it", view(&fleet.BridgeView{}), nil, true},
		{"Jicofo uses it", view(&fleet.BridgeView{Operational: true}), nil, false},
		{"Jicofo has people on it", view(&fleet.BridgeView{Endpoints: 3}), nil, false},
		{"Jicofo is silent", view(nil), func(w *world) { w.signal(1).members[0].node.silent = true }, false},
		{"Jicofo's word is stale", view(nil), func(w *world) { w.signal(1).members[0].node.age = time.Minute }, false},
		{"it is dead for a short time", view(nil), func(w *world) { w.shard(1).members[0].node.since = w.Now().Add(-time.Minute) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 1, 3)
			w.advance(10 * time.Minute)
			w.signal(1).members[0].node.views = c.views
			w.shard(1).members[0].node.phase = fleet.PhaseSick
			if c.edit != nil {
				c.edit(w)
			}
			w.runBridges()
			assert.Equal(t, c.replaced, slices.Contains(w.took(), "replace i-002"))
			w.well()
		})
	}
}

func TestAtMostOneBridgeIsReplacedAsBrokenInAWindow(t *testing.T) {
	w := newWorld(t, 1, 4)
	w.advance(10 * time.Minute)
	g := w.shard(1)
	g.members[0].node.phase = fleet.PhaseGone
	w.runBridges()
	require.Contains(t, w.took(), "replace i-002")
	w.advance(time.Minute)
	g.members[1].node.phase = fleet.PhaseGone
	w.runBridges()
	assert.NotContains(t, w.took(), "replace i-003")
	w.advance(10 * time.Minute)
	w.runBridges()
	assert.Contains(t, w.took(), "replace i-003")
}

func TestNothingIsEndedWhileManyAreSilent(t *testing.T) {
	w := newWorld(t, 1, 4)
	g := w.shard(1)
	w.loaded(g, 0.2, 10)
	w.took()
	for _, m := range g.members[:3] {
		m.node.silent = true
	}
	g.members[3].node.phase = fleet.PhaseSick
	for range 30 {
		w.advance(time.Minute)
		values := w.runBridges()
		assert.EqualValues(t, 1, values["Frozen shard-1"])
	}
	assert.Equal(t, []string{"raise jitsi-shard-1-bridges to 5"}, w.took(), "silence may add, and once")
	for _, m := range g.members {
		m.node.silent = false
		m.node.become(fleet.PhaseServing, w.Now())
	}
	values := w.runBridges()
	assert.Zero(t, values["Frozen shard-1"])
}

func TestAStaleFigureIsSilence(t *testing.T) {
	w := newWorld(t, 1, 4)
	g := w.shard(1)
	w.loaded(g, 0.2, 9)
	require.ElementsMatch(t, []string{"drain i-002", "drain i-003"}, w.took())
	g.members[3].node.age = 31 * time.Second
	w.loaded(g, 0.2, 30)
	assert.Empty(t, w.took())
}
