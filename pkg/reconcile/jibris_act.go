package reconcile

import (
	"context"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/drain"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// leavingSteps are the next steps of the recorders in service that were told to shut down.
func (j Jibris) leavingSteps(o fleet.Observation, memory *jibriMemory) []leavingStep {
	var steps []leavingStep
	for _, i := range o.Group.Instances {
		if i.Lifecycle != fleet.StateInService {
			continue
		}
		r := o.Nodes[i.ID]
		if s := r.Status; r.Err == nil && (s.Phase == fleet.PhaseRetiring || s.Phase == fleet.PhaseGone) {
			memory.leave(i.ID, o.At.Add(-s.PhaseFor()))
		}
		since, leaves := memory.Leaving[i.ID]
		if !leaves {
			continue
		}
		steps = append(steps, leavingStep{i, drain.Decide(drain.Leaving{
			ID: i.ID, Role: fleet.RoleJibri, Report: r, For: o.At.Sub(since), Jicofos: o.Signals, Stopped: i.Stopped,
		}, drain.Policy{DeadAfter: j.Env.DeadAfter, StaleAfter: j.Env.StaleAfter})})
	}
	return steps
}

// jibriActor carries out what was decided for the pool and keeps what was done and what failed.
type jibriActor struct {
	Jibris
	o fleet.Observation
	t *tenure[jibriMemory]
	deeds
}

// apply launches before it does anything else, since somebody may be waiting for a recorder.
func (a *jibriActor) apply(ctx context.Context, d capacity.JibriDecision, v capacity.Verdict, steps []leavingStep) {
	enough := d.Short == 0 // without the broken ones
	if d.Launch > 0 {
		desired := max(a.o.Group.Desired, counted(a.o.Group)) + d.Launch
		if a.did(a.Observer.Groups.Raise(ctx, a.o.Group.Name, desired), "raise desired capacity to %d", desired) {
			a.o.Group.Desired = desired
		} else {
			enough = false
		}
	}
	if a.o.Group.Rebalances {
		a.did(a.Observer.Groups.KeepZones(ctx, a.o.Group.Name), "forbid moves between zones")
	}
	a.readmit(ctx)
	for _, id := range d.Retire {
		if a.order(ctx, a.instance(id), fleet.VerbRetire, "not needed") {
			a.t.memory.leave(id, a.o.At)
		}
	}
	for _, s := range steps {
		switch s.next.Step {
		case drain.Retire:
			a.order(ctx, s.instance, fleet.VerbRetire, s.next.Reason)
		case drain.End:
			a.end(ctx, s.instance.ID, true, s.next.Reason)
		default: // a recorder is neither drained nor moved; what it has is waited for
		}
	}
	for _, id := range v.Replace {
		if a.end(ctx, id, enough, "it is broken") {
			a.t.memory.Quarantined = append(a.t.memory.Quarantined, a.o.At)
		}
	}
}

// end terminates a recorder. Auto Scaling then holds it until the lifecycle loop has proof that it carries nothing.
// The desired capacity is lowered where its place is taken already or not needed, unless that would pass the minimum:
// then it is replaced.
func (a *jibriActor) end(ctx context.Context, id fleet.InstanceID, dispensable bool, reason string) bool {
	shrink := dispensable && a.o.Group.Desired > a.o.Group.Min
	ended := a.did(a.Observer.Groups.Terminate(ctx, a.o.Group.Name, id, shrink), "terminate %s: %s", id, reason)
	if ended && shrink {
		a.o.Group.Desired--
	}
	return ended
}

// readmit tells a recorder in service that lost its admission, such as one whose state file went with its disk, to
// take recordings again.
func (a *jibriActor) readmit(ctx context.Context) {
	for _, i := range a.o.Group.Instances {
		r := a.o.Nodes[i.ID]
		lost := r.Status.Phase == fleet.PhaseStandby || r.Status.Phase == fleet.PhaseDraining
		if i.Lifecycle == fleet.StateInService && r.Err == nil && lost {
			a.order(ctx, i, fleet.VerbAdmit, "in service")
		}
	}
}

func (a *jibriActor) instance(id fleet.InstanceID) fleet.Instance {
	for _, i := range a.o.Group.Instances {
		if i.ID == id {
			return i
		}
	}
	return fleet.Instance{ID: id}
}

func (a *jibriActor) order(ctx context.Context, i fleet.Instance, verb fleet.Verb, reason string) bool {
	_, err := a.Observer.Agents.Order(ctx, i.Address, verb, fleet.Order{Instance: i.ID, Loop: loopJibris, Fence: a.t.lease.Fence, Reason: reason})
	return a.ordered(err, verb, i.ID)
}
