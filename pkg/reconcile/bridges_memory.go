package reconcile

import (
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// bridgeMemory is what the loop that sizes a group leaves to its next run: what neither AWS nor the nodes know.
type bridgeMemory struct {
	// Demand of the last minutes, oldest first.
	Demand []capacity.Sample `json:"demand,omitempty"`
	// Leaving is when the drain of each bridge in service began, and Released when it was first not needed as a reserve.
	Leaving  map[fleet.InstanceID]time.Time `json:"leaving,omitempty"`
	Released map[fleet.InstanceID]time.Time `json:"released,omitempty"`
	// TakenBack is when bridges that have not served since were ordered to take work again.
	TakenBack map[fleet.InstanceID]time.Time `json:"takenBack,omitempty"`
	// Lost is the stress that would come here if the largest other shard were lost, by the last run over all shards.
	Lost float64 `json:"lost,omitempty"`
	// Quarantined is when broken bridges were replaced.
	Quarantined []time.Time `json:"quarantined,omitempty"`
	// Folded is when the demand profile was written.
	Folded time.Time `json:"folded,omitzero"`
	// Awaited is the forecast by which the next error is measured; nil while there is none.
	Awaited *awaited `json:"awaited,omitempty"`
}

func (m *bridgeMemory) leave(id fleet.InstanceID, since time.Time) { noteFirst(&m.Leaving, id, since) }

// released is for how long it has been so that a bridge may end: the limit of a drain is not for a reserve.
func (m *bridgeMemory) released(id fleet.InstanceID, reserve bool, at time.Time) time.Duration {
	if !reserve {
		noteFirst(&m.Released, id, at)
	}
	if since, known := m.Released[id]; known {
		return at.Sub(since)
	}
	return 0
}

// takeBack remembers the first order of several.
func (m *bridgeMemory) takeBack(id fleet.InstanceID, at time.Time) { noteFirst(&m.TakenBack, id, at) }

// disbelieve counts a bridge that was taken back before a moment and drains all the same as no capacity, so that what
// is missing is launched.
func (m *bridgeMemory) disbelieve(bridges []capacity.Bridge, before time.Time) []capacity.Bridge {
	for i, b := range bridges {
		if at, ok := m.TakenBack[b.ID]; ok && b.State == capacity.Draining && at.Before(before) {
			bridges[i].State = capacity.Retiring
		}
	}
	return bridges
}

// forget drops what is of no use any more: instances that are not in service, and those that serve again.
func (m *bridgeMemory) forget(o fleet.Observation) {
	inService := map[fleet.InstanceID]bool{}
	for _, i := range o.Group.Instances {
		inService[i.ID] = i.Lifecycle == fleet.StateInService
	}
	for _, times := range []map[fleet.InstanceID]time.Time{m.Leaving, m.Released, m.TakenBack} {
		for id := range times {
			r, known := o.Nodes[id]
			serves := known && r.Err == nil && (r.Status.Phase == fleet.PhaseServing || r.Status.Phase == fleet.PhaseStandby)
			if serves || !inService[id] {
				delete(times, id)
			}
		}
	}
}

// samplesKept bounds the history, however often wake-ups come: runs that are closer together share one sample, the
// highest. With the default of 20 minutes that is one in 12 s, and 10 kB of an item that DynamoDB bounds at 400 kB.
const samplesKept = 100

// remember keeps a sample of the demand for a while.
func (m *bridgeMemory) remember(at time.Time, demand float64, keep time.Duration) {
	if last := len(m.Demand) - 1; last >= 0 && at.Sub(m.Demand[last].At) < keep/samplesKept {
		m.Demand[last].Demand = max(m.Demand[last].Demand, demand)
		return
	}
	m.Demand = append(m.Demand, capacity.Sample{At: at, Demand: demand})
	m.Demand = slices.DeleteFunc(m.Demand, func(s capacity.Sample) bool { return at.Sub(s.At) > keep })
}

// quarantined counts the replacements since a moment and forgets older ones.
func (m *bridgeMemory) quarantined(since time.Time) int {
	m.Quarantined = slices.DeleteFunc(m.Quarantined, func(t time.Time) bool { return t.Before(since) })
	return len(m.Quarantined)
}
