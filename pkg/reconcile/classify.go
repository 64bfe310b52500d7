package reconcile

import (
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// classify says what each instance of a group of bridges is to the capacity decision. leaving holds those
// whose drain was begun; an instance that Auto Scaling ends already is left out.
func classify(o fleet.Observation, leaving map[fleet.InstanceID]time.Time, staleAfter time.Duration) []capacity.Bridge {
	var bridges []capacity.Bridge
	for _, i := range o.Group.Instances {
		_, drains := leaving[i.ID]
		b := capacity.Bridge{ID: i.ID, Outdated: i.Outdated}
		switch {
		case i.Lifecycle.Booting():
			b.State = capacity.Booting
		case i.Lifecycle == fleet.StateInService:
			b.State = stateInService(o.Nodes[i.ID], drains, staleAfter)
		default:
			continue
		}
		if load := o.Nodes[i.ID].Status.Bridge; load != nil && o.Nodes[i.ID].Err == nil {
			b.Stress, b.Conferences, b.Endpoints = load.Stress, load.Conferences, load.LocalEndpoints
		}
		bridges = append(bridges, b)
	}
	return bridges
}

func stateInService(r fleet.Report, drains bool, staleAfter time.Duration) capacity.State {
	s := r.Status
	silent := r.Err != nil || s.Age() > staleAfter && !broken(s)
	switch {
	case drains && (silent || broken(s)):
		return capacity.Retiring
	case silent:
		return capacity.Silent
	case broken(s):
		return capacity.Broken
	}
	switch s.Phase {
	case fleet.PhaseServing:
		return capacity.Serving
	case fleet.PhaseDraining:
		return capacity.Draining
	case fleet.PhaseRetiring:
		return capacity.Retiring
	case fleet.PhaseStandby:
		return capacity.Booting
	default:
		return capacity.Silent
	}
}

// broken reports whether a node in service says that its component does not work. Its figures may then be of any age.
func broken(s fleet.Status) bool {
	return s.Phase == fleet.PhaseStarting || s.Phase == fleet.PhaseGone || s.Phase == fleet.PhaseSick
}

// counted is how many instances Auto Scaling counts toward a group's desired capacity.
func counted(g fleet.Group) int {
	n := 0
	for _, i := range g.Instances {
		if i.Lifecycle.Booting() || i.Lifecycle == fleet.StateInService {
			n++
		}
	}
	return n
}
