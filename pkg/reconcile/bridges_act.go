package reconcile

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/drain"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// actor carries out what was decided for one group and keeps what was done and what failed.
type actor struct {
	Bridges
	o fleet.Observation
	t *tenure[bridgeMemory]
	deeds
}

func (a *actor) apply(ctx context.Context, d capacity.Decision, v capacity.Verdict, steps []leavingStep) {
	if a.o.Group.Rebalances {
		a.did(a.Observer.Groups.KeepZones(ctx, a.o.Group.Name), "forbid moves between zones")
	}
	back := map[fleet.InstanceID]bool{}
	for _, id := range d.Undrain {
		back[id] = true
	}
	a.orderEach(ctx, d.Undrain, a.takeBack, "demand returned", func(id fleet.InstanceID) {
		delete(a.t.memory.Leaving, id)
		delete(a.t.memory.Released, id)
		a.t.memory.takeBack(id, a.o.At)
	})
	if d.Launch > 0 {
		desired := max(a.o.Group.Desired, counted(a.o.Group)) + d.Launch
		if a.did(a.Observer.Groups.Raise(ctx, a.o.Group.Name, desired), "raise desired capacity to %d", desired) {
			a.o.Group.Desired = desired
		}
	}
	a.readmit(ctx)
	a.orderEach(ctx, d.Drain, onlyDrain, "not needed", func(id fleet.InstanceID) {
		a.t.memory.leave(id, a.o.At)
		delete(a.t.memory.TakenBack, id)
	})
	steps = slices.DeleteFunc(steps, func(s leavingStep) bool { return back[s.instance.ID] })
	for _, s := range steps {
		a.step(ctx, s)
	}
	a.keep(ctx, steps)
	for _, id := range v.Replace {
		if a.did(a.Observer.Groups.Terminate(ctx, a.o.Group.Name, id, false), "replace %s, which is broken", id) {
			a.t.memory.Quarantined = append(a.t.memory.Quarantined, a.o.At)
		}
	}
}

// takeBack is the verb that makes a draining bridge take work again: one that forgot its admission is admitted.
func (a *actor) takeBack(id fleet.InstanceID) fleet.Verb {
	if a.o.Nodes[id].Status.Admitted {
		return fleet.VerbUndrain
	}
	return fleet.VerbAdmit
}

func onlyDrain(fleet.InstanceID) fleet.Verb { return fleet.VerbDrain }

// orderEach gives some bridges their orders, and does then what follows for each that obeyed.
func (a *actor) orderEach(ctx context.Context, ids []fleet.InstanceID, verb func(fleet.InstanceID) fleet.Verb, reason string, then func(fleet.InstanceID)) {
	for i, err := range a.tellEach(ctx, ids, verb, reason) {
		if a.ordered(err, verb(ids[i]), ids[i]) {
			then(ids[i])
		}
	}
}

// tellEach tells some agents their orders, side by side, and returns what became of each.
func (a *actor) tellEach(ctx context.Context, ids []fleet.InstanceID, verb func(fleet.InstanceID) fleet.Verb, reason string) []error {
	failed := make([]error, len(ids))
	var group errgroup.Group
	group.SetLimit(a.Observer.concurrency())
	for i, id := range ids {
		group.Go(func() error {
			failed[i] = a.tellAgent(ctx, a.instance(id), verb(id), reason)
			return nil
		})
	}
	_ = group.Wait() // the goroutines keep their errors in failed
	return failed
}

// readmit tells a bridge in service that lost its admission, such as one whose state file went with its disk,
// to take work again.
func (a *actor) readmit(ctx context.Context) {
	for _, i := range a.o.Group.Instances {
		r := a.o.Nodes[i.ID]
		if i.Lifecycle == fleet.StateInService && r.Err == nil && r.Status.Phase == fleet.PhaseStandby {
			a.order(ctx, i, fleet.VerbAdmit, "in service")
		}
	}
}

func (a *actor) step(ctx context.Context, s leavingStep) {
	switch s.next.Step {
	case drain.Drain:
		a.order(ctx, s.instance, fleet.VerbDrain, s.next.Reason)
	case drain.Retire:
		a.order(ctx, s.instance, fleet.VerbRetire, s.next.Reason)
	case drain.Move:
		a.order(ctx, s.instance, fleet.VerbMove, s.next.Reason)
	case drain.End:
		a.end(ctx, s)
	case drain.Keep, drain.Wait:
	}
}

// drainOn is the reason of an order that is repeated.
const drainOn = "drain on"

// keepsOn reports whether a bridge is to be told again to drain: its agent answers, and nothing else is ordered. One whose
// figures are old or missing is waited for, and is no more to take work for that.
func keepsOn(next drain.Next, r fleet.Report) bool {
	return next.Step == drain.Keep || next.Step == drain.Wait && r.Err == nil && r.Status.Phase == fleet.PhaseDraining
}

// keep repeats the order to drain to all that shall go on draining. It changes nothing and is no action.
func (a *actor) keep(ctx context.Context, steps []leavingStep) {
	var draining []fleet.InstanceID
	for _, s := range steps {
		if keepsOn(s.next, a.o.Nodes[s.instance.ID]) {
			draining = append(draining, s.instance.ID)
		}
	}
	if err := errors.Join(a.tellEach(ctx, draining, onlyDrain, drainOn)...); err != nil {
		a.errs = append(a.errs, err)
	}
}

// end terminates an empty bridge and lowers the desired capacity, unless that would pass the minimum: then it
// is replaced.
func (a *actor) end(ctx context.Context, s leavingStep) {
	shrink := a.o.Group.Desired > a.o.Group.Min
	if a.did(a.Observer.Groups.Terminate(ctx, a.o.Group.Name, s.instance.ID, shrink), "terminate %s: %s", s.instance.ID, s.next.Reason) && shrink {
		a.o.Group.Desired--
	}
}

func (a *actor) instance(id fleet.InstanceID) fleet.Instance {
	for _, i := range a.o.Group.Instances {
		if i.ID == id {
			return i
		}
	}
	return fleet.Instance{ID: id}
}

func (a *actor) order(ctx context.Context, i fleet.Instance, verb fleet.Verb, reason string) {
	a.ordered(a.tellAgent(ctx, i, verb, reason), verb, i.ID)
}

func (a *actor) tellAgent(ctx context.Context, i fleet.Instance, verb fleet.Verb, reason string) error {
	_, err := a.Observer.Agents.Order(ctx, i.Address, verb, fleet.Order{Instance: i.ID, Loop: loopBridges, Fence: a.t.lease.Fence, Reason: reason})
	return err
}
