package reconcile

import "github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"

// survive notes for each shard what would come to it if the largest other one were lost: an equal share of the peak of
// its demand within the time after which a group shrinks, so that a dip of another shard shrinks nothing here. It is
// known only to a run that holds every shard, as the schedule's does; others go by what was noted last.
func (b Bridges) survive(held map[string]*tenure[bridgeMemory]) {
	for name, t := range held {
		t.memory.Lost = 0
		if b.Env.Survivors == 0 {
			continue
		}
		for other, o := range held {
			if other == name {
				continue
			}
			peak := capacity.Peak(b.Now().Add(-b.Env.ShrinkAfter), o.memory.Demand)
			t.memory.Lost = max(t.memory.Lost, peak/float64(len(held)-1))
		}
	}
}
