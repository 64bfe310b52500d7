package reconcile

import (
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// lifecycleMemory is what the loop leaves to its next run of a group.
type lifecycleMemory struct {
	Ordered  map[fleet.InstanceID]time.Time `json:"ordered,omitempty"` // admitted, not yet in service
	GivenUp  map[fleet.InstanceID]time.Time `json:"givenUp,omitempty"` // at launch: never in service
	Since    map[fleet.InstanceID]time.Time `json:"since,omitempty"`   // first seen to leave
	Beats    map[fleet.InstanceID]time.Time `json:"beats,omitempty"`   // last heartbeat
	Failures int                            `json:"failures,omitempty"`
	FailedAt time.Time                      `json:"failedAt,omitzero"`
}

// failed remembers an instance that was given up: it carries nothing, however silent it is when it leaves.
func (m *lifecycleMemory) failed(id fleet.InstanceID, at time.Time) {
	m.Failures, m.FailedAt = m.Failures+1, at
	note(&m.GivenUp, id, at)
}

func (m *lifecycleMemory) succeeded() { m.Failures, m.FailedAt = 0, time.Time{} }

func (m *lifecycleMemory) order(id fleet.InstanceID, at time.Time) { note(&m.Ordered, id, at) }

func (m *lifecycleMemory) beat(id fleet.InstanceID, at time.Time) { note(&m.Beats, id, at) }

// since is when an instance was first seen to leave.
func (m *lifecycleMemory) since(id fleet.InstanceID, now time.Time) time.Time {
	if at, ok := m.Since[id]; ok {
		return at
	}
	note(&m.Since, id, now)
	return now
}

func note(m *map[fleet.InstanceID]time.Time, id fleet.InstanceID, at time.Time) {
	if *m == nil {
		*m = map[fleet.InstanceID]time.Time{}
	}
	(*m)[id] = at
}

// forget drops instances that the group does not hold any more.
func (m *lifecycleMemory) forget(o fleet.Observation) {
	waiting := map[fleet.InstanceID]bool{}
	for _, i := range o.Group.Instances {
		waiting[i.ID] = held(i) || i.Lifecycle == fleet.StateTerminating
	}
	for _, times := range []map[fleet.InstanceID]time.Time{m.Ordered, m.GivenUp, m.Since, m.Beats} {
		for id := range times {
			if !waiting[id] {
				delete(times, id)
			}
		}
	}
}
