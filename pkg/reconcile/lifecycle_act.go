package reconcile

import (
	"context"
	"log/slog"
	"slices"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/admit"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/drain"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// warden acts on one held instance.
type warden struct {
	Lifecycle
	o        fleet.Observation
	t        *tenure[lifecycleMemory]
	instance fleet.Instance
	came     bool // it was let into service
	deeds
}

// come acts on an instance that waits to be admitted. The hold is prolonged when its hook is not answered.
func (a *warden) come(ctx context.Context, next admit.Next) {
	switch next.Step {
	case admit.Admit:
		if !a.admit(ctx, next.Reason) {
			a.heartbeat(ctx, fleet.HookLaunch)
		}
	case admit.Complete:
		if !a.point(ctx) || !a.complete(ctx) {
			a.heartbeat(ctx, fleet.HookLaunch)
		}
	case admit.GiveUp:
		if a.answer(ctx, fleet.HookLaunch, fleet.Abandon) {
			a.t.memory.failed(a.instance.ID, a.o.At)
		}
	case admit.Wait:
		a.heartbeat(ctx, fleet.HookLaunch)
	}
}

// admit lets an instance into service and orders it to work, and reports whether its hook is answered.
//
// Whoever works before its hook is answered is ended under its people when the control plane is gone for the hook's timeout. So
// a bridge or a recorder is let into service first; an order that fails is repeated by the loop that sizes its group. Nobody
// would repeat a signal node's, so it is given its name, by which its bridges and HAProxy find it, and its order before that.
func (a *warden) admit(ctx context.Context, reason string) bool {
	if a.o.Group.Role == fleet.RoleSignal {
		return a.point(ctx) && a.order(ctx, fleet.VerbAdmit, fleet.Order{Reason: reason}) && a.complete(ctx)
	}
	if !a.complete(ctx) {
		return false
	}
	// A new bridge joins the reserve: the loop that sizes the group takes it back when its room is needed. Where none is known
	// to serve, it is needed at once.
	a.order(ctx, fleet.VerbAdmit, fleet.Order{Reason: reason, Reserve: a.o.Group.Role == fleet.RoleBridge && serves(a.o)})
	return true
}

// serves reports whether any node in service of a group says that it takes work.
func serves(o fleet.Observation) bool {
	return slices.ContainsFunc(o.Group.Instances, func(i fleet.Instance) bool {
		r, known := o.Nodes[i.ID]
		return i.Lifecycle == fleet.StateInService && known && r.Err == nil && r.Status.Phase == fleet.PhaseServing
	})
}

// point moves a shard's name to its new signal node.
func (a *warden) point(ctx context.Context) bool {
	if a.o.Group.Role != fleet.RoleSignal {
		return true
	}
	name := settings.SignalName(a.Env.Fleet, a.o.Group.Shard)
	return a.did(a.Names.Point(ctx, name, a.instance.Address), "point %s at %s", name, a.instance.Address)
}

func (a *warden) complete(ctx context.Context) bool {
	completed := a.answer(ctx, fleet.HookLaunch, fleet.Continue)
	if completed {
		a.came = true
		a.t.memory.succeeded()
	}
	return completed
}

// depart acts on an instance that leaves.
func (a *warden) depart(ctx context.Context, next drain.Next) {
	if next.Step != drain.End && a.instance.Lifecycle == fleet.StateTerminatingWait {
		a.heartbeat(ctx, fleet.HookTerminate)
	}
	switch next.Step {
	case drain.Drain:
		a.order(ctx, fleet.VerbDrain, fleet.Order{Reason: next.Reason})
	case drain.Retire:
		a.order(ctx, fleet.VerbRetire, fleet.Order{Reason: next.Reason})
	case drain.Move:
		a.order(ctx, fleet.VerbMove, fleet.Order{Reason: next.Reason})
	case drain.End:
		a.end(ctx)
	case drain.Keep, drain.Wait:
		if a.o.Group.Role == fleet.RoleBridge && keepsOn(next, a.o.Nodes[a.instance.ID]) {
			a.keep(ctx)
		}
	}
}

// keep repeats the order to drain, which changes nothing and is no action.
func (a *warden) keep(ctx context.Context) {
	if err := a.tell(ctx, fleet.VerbDrain, fleet.Order{Reason: drainOn}); err != nil {
		a.errs = append(a.errs, err)
	}
}

func (a *warden) end(ctx context.Context) {
	if a.instance.Lifecycle == fleet.StateTerminatingRetained {
		a.did(a.Observer.Groups.Terminate(ctx, a.o.Group.Name, a.instance.ID, false), "reap %s, which Auto Scaling retained", a.instance.ID)
		return
	}
	a.answer(ctx, fleet.HookTerminate, fleet.Continue)
}

func (a *warden) answer(ctx context.Context, hook string, result fleet.HookResult) bool {
	return a.did(a.Observer.Groups.Complete(ctx, a.o.Group.Name, hook, a.instance.ID, result), "answer hook %s of %s: %s", hook, a.instance.ID, result)
}

// heartbeat prolongs the hold when a third of the hook's timeout has passed since the last time.
func (a *warden) heartbeat(ctx context.Context, hook string) {
	if a.o.At.Sub(a.t.memory.Beats[a.instance.ID]) < a.Env.HookTimeout/3 {
		return
	}
	if a.did(a.Observer.Groups.Heartbeat(ctx, a.o.Group.Name, hook, a.instance.ID), "hold %s at hook %s", a.instance.ID, hook) {
		a.t.memory.beat(a.instance.ID, a.o.At)
	}
}

func (a *warden) order(ctx context.Context, verb fleet.Verb, order fleet.Order) bool {
	return a.ordered(a.tell(ctx, verb, order), verb, a.instance.ID)
}

func (a *warden) tell(ctx context.Context, verb fleet.Verb, order fleet.Order) error {
	order.Instance, order.Loop, order.Fence = a.instance.ID, loopLifecycle, a.t.lease.Fence
	_, err := a.Observer.Agents.Order(ctx, a.instance.Address, verb, order)
	return err
}

// log writes the one line of what was decided for this instance, and tells of it.
func (a *warden) log(ctx context.Context, s stay) {
	step, reason, overdue := string(s.admit.Step), s.admit.Reason, false
	if s.instance.Lifecycle != fleet.StatePendingWait {
		step, reason, overdue = string(s.leave.Step), s.leave.Reason, s.leave.Overdue
	}
	level := slog.LevelInfo
	if len(a.errs) > 0 {
		level = slog.LevelError
	}
	a.Log.Log(ctx, level, "decision", "loop", loopLifecycle, "group", a.o.Group.Name, "shard", a.o.Group.Shard,
		"fence", a.t.lease.Fence, "instance", s.instance.ID, "lifecycle", s.instance.Lifecycle,
		"observed", a.o.Nodes[s.instance.ID].Status.Phase, "step", step, "reason", reason, "overdue", overdue,
		"actions", a.done, "spared", a.spared, "error", errorText(a.failure()))
	tell(ctx, a.Announcer, a.Log, decided{
		Loop: loopLifecycle, Group: a.o.Group.Name, Shard: a.o.Group.Shard, Instance: s.instance.ID, At: a.o.At, Fence: a.t.lease.Fence,
		Actions: a.done, Reasons: append([]string{reason}, a.spared...), Error: errorText(a.failure()),
	})
}
