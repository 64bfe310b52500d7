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
	// Leaving is when the drain of each bridge in service began.
	Leaving map[fleet.InstanceID]time.Time `json:"leaving,omitempty"`
	// Quarantined is when broken bridges were replaced.
	Quarantined []time.Time `json:"quarantined,omitempty"`
}

func (m *bridgeMemory) leave(id fleet.InstanceID, since time.Time) {
	if _, known := m.Leaving[id]; known {
		return
	}
	if m.Leaving == nil {
		m.Leaving = map[fleet.InstanceID]time.Time{}
	}
	m.Leaving[id] = since
}

// forget drops what is of no use any more: instances that are not in service, and those that serve again.
func (m *bridgeMemory) forget(o fleet.Observation) {
	for id := range m.Leaving {
		r, known := o.Nodes[id]
		serves := known && r.Err == nil && (r.Status.Phase == fleet.PhaseServing || r.Status.Phase == fleet.PhaseStandby)
		inService := slices.ContainsFunc(o.Group.Instances, func(i fleet.Instance) bool {
			return i.ID == id && i.Lifecycle == fleet.StateInService
		})
		if serves || !inService {
			delete(m.Leaving, id)
		}
	}
}

func (m *bridgeMemory) remember(at time.Time, demand float64, keep time.Duration) {
	m.Demand = append(m.Demand, capacity.Sample{At: at, Demand: demand})
	m.Demand = slices.DeleteFunc(m.Demand, func(s capacity.Sample) bool { return at.Sub(s.At) > keep })
}

// quarantined counts the replacements since a moment and forgets older ones.
func (m *bridgeMemory) quarantined(since time.Time) int {
	m.Quarantined = slices.DeleteFunc(m.Quarantined, func(t time.Time) bool { return t.Before(since) })
	return len(m.Quarantined)
}
