package simulate

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
)

// census is our policy, which sees each time how many conferences are on each bridge.
type census struct {
	*Fleet
	see func(BridgeView)
}

// Decide decides as Fleet does.
func (c *census) Decide(v BridgeView) Deeds {
	c.see(v)
	return c.Fleet.Decide(v)
}

func TestABridgesConferencesAreThoseThatHaveSomebodyOnIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy := &census{Fleet: ourBridges(Ours(steady), steady)}
		r := newBridgeRun(wholeSeconds().Draw(t, "workload"), policy, 3, steady)
		policy.see = func(v BridgeView) {
			for i, b := range r.pool.bridges {
				rooms := map[int32]bool{}
				for _, who := range b.places {
					rooms[who.room] = true
				}
				if v.Bridges[i].Conferences != len(rooms) {
					t.Fatalf("bridge %d of %d is seen with %d conferences, and has %d", i, b.id, v.Bridges[i].Conferences, len(rooms))
				}
			}
		}
		r.play(0)
	})
}

func TestBothOfOurPoliciesDrainTheBridgesWithTheFewestConferencesFirst(t *testing.T) {
	s := Ours(steady)
	view := BridgeView{Now: Monday, Bridges: []SeenBridge{
		{ID: 0, State: capacity.Serving, Stress: 0.1, People: 10, Conferences: 3},
		{ID: 1, State: capacity.Serving, Stress: 0.2, People: 20, Conferences: 1},
		{ID: 2, State: capacity.Serving, Stress: 0.15, People: 15, Conferences: 2},
	}}
	for name, p := range map[string]BridgePolicy{"alone": ourBridges(s, steady), "in the whole control plane": NewWhole(s, steady)} {
		assert.Equal(t, []int{1, 2}, p.Decide(view).Drain, name)
	}
}
