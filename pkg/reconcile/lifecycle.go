package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/admit"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/drain"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/event"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// Lifecycle is the control loop that admits new instances, holds leaving ones until they carry nothing, lets them
// go, and reaps what Auto Scaling retained.
type Lifecycle struct {
	Env      settings.LifecycleEnv
	Observer Observer
	Leases   Leases
	Names    Names
	// Announcer tells of what was decided for each instance.
	Announcer Announcer
	Log       *slog.Logger
	Now       func() time.Time
}

const loopLifecycle = "lifecycle"

// admittedRoles are those whose instances this loop admits and lets go; an edge slot admits itself.
var admittedRoles = []fleet.Role{fleet.RoleBridge, fleet.RoleSignal, fleet.RoleJibri}

// Run reconciles every group that has an instance in waiting, until nobody asks for another run. The wake-ups
// only narrow the groups; none of their content is believed.
func (l Lifecycle) Run(ctx context.Context, wakeups []event.Wakeup) (*telemetry.Record, error) {
	record := telemetry.NewRecord(l.Env.Fleet, l.Now())
	scope, some := l.scope(wakeups)
	if !some {
		return record, nil
	}
	groups, err := l.Observer.list(ctx, scope)
	if err != nil {
		return record, err
	}
	if len(scope.Names) == 0 {
		publishRetained(groups, record)
	}
	var names []string
	for _, g := range groups {
		if slices.ContainsFunc(g.Instances, held) {
			names = append(names, g.Name)
		}
	}
	tenures, err := holdAll[lifecycleMemory](ctx, l.Leases, loopLifecycle, names, l.Now, l.Log)
	for round := 1; len(tenures) > 0; round++ {
		err = errors.Join(err, l.round(ctx, tenures, record))
		var releaseErr error
		tenures, releaseErr = releaseAll(ctx, l.Leases, tenures, round == rounds)
		err = errors.Join(err, releaseErr)
	}
	return record, err
}

func (l Lifecycle) scope(wakeups []event.Wakeup) (scope fleet.Scope, some bool) {
	scope = fleet.Scope{Fleet: l.Env.Fleet, Roles: admittedRoles}
	all := false
	for _, w := range wakeups {
		switch {
		case w.Kind == event.Ignored:
			l.Log.Info("ignored", "because", w.Because)
		case w.Group == "":
			all, some = true, true
		default:
			scope.Names, some = append(scope.Names, w.Group), true
		}
	}
	if all {
		scope.Names = nil
	}
	return scope, some
}

// held reports whether Auto Scaling holds an instance for this loop.
func held(i fleet.Instance) bool {
	switch i.Lifecycle {
	case fleet.StatePendingWait, fleet.StateTerminatingWait, fleet.StateTerminatingRetained:
		return true
	default:
		return false
	}
}

// publishRetained publishes how many instances are retained in all the groups of each shard, and how many recorders.
func publishRetained(groups []fleet.Group, record *telemetry.Record) {
	byShard := map[string]int{}
	for _, g := range groups {
		if g.Role == fleet.RoleJibri {
			record.Fleet(telemetry.JibrisRetained, float64(retained(g)))
			continue
		}
		byShard[g.Shard] += retained(g)
	}
	for shard, n := range byShard {
		record.Shard(shard, telemetry.Retained, float64(n))
	}
}

func retained(g fleet.Group) int {
	n := 0
	for _, i := range g.Instances {
		if i.Lifecycle == fleet.StateTerminatingRetained {
			n++
		}
	}
	return n
}

func (l Lifecycle) round(ctx context.Context, tenures map[string]*tenure[lifecycleMemory], record *telemetry.Record) error {
	observations, err := l.Observer.Observe(ctx, fleet.Scope{Roles: admittedRoles, Names: keys(tenures)})
	if err != nil {
		return err
	}
	byName := map[string]fleet.Observation{}
	for _, o := range observations {
		byName[o.Group.Name] = o
	}
	var mu sync.Mutex
	return sideBySide(keys(byName), func(name string) error {
		o, t := byName[name], tenures[name]
		done, slowest, err := l.reconcile(ctx, o, t)
		mu.Lock()
		defer mu.Unlock()
		record.Count(telemetry.Actions, done)
		switch o.Group.Role {
		case fleet.RoleBridge:
			record.Shard(o.Group.Shard, telemetry.LaunchFailures, float64(t.memory.Failures))
			if slowest > 0 {
				record.Shard(o.Group.Shard, telemetry.BootSeconds, slowest.Seconds())
			}
		case fleet.RoleJibri:
			record.Fleet(telemetry.JibriLaunchFailures, float64(t.memory.Failures))
		default: // a signal node that does not come is the alarm of its shard
		}
		return err
	})
}

// stay is one held instance with what is decided for it: admission for those that come, the next step for
// those that leave.
type stay struct {
	instance fleet.Instance
	admit    admit.Next
	leave    drain.Next
}

// reconcile decides on every held instance of a group before it acts on any. It tells how many things it did, and how
// long the slowest of the instances that it let come took from launch; 0 when none came.
func (l Lifecycle) reconcile(ctx context.Context, o fleet.Observation, t *tenure[lifecycleMemory]) (done int, slowest time.Duration, err error) {
	t.memory.forget(o)
	var stays []stay
	for _, i := range o.Group.Instances {
		if !held(i) {
			continue
		}
		s := stay{instance: i}
		if i.Lifecycle == fleet.StatePendingWait {
			s.admit = l.admission(o, i, t.memory)
		} else {
			s.leave = l.departure(o, i, &t.memory)
		}
		stays = append(stays, s)
	}
	if err := l.noteOrders(ctx, o, t, stays); err != nil {
		return 0, 0, err
	}
	var failed []error
	for _, s := range stays {
		a := warden{Lifecycle: l, o: o, t: t, instance: s.instance}
		if s.instance.Lifecycle == fleet.StatePendingWait {
			a.come(ctx, s.admit)
		} else {
			a.depart(ctx, s.leave)
		}
		a.log(ctx, s)
		failed = append(failed, a.failure())
		done += len(a.done)
		if a.came && !s.instance.Launched.IsZero() {
			slowest = max(slowest, o.At.Sub(s.instance.Launched))
		}
	}
	return done, slowest, errors.Join(failed...)
}

// noteOrders keeps, before anything is done, which signal nodes are about to be ordered to work before they are in service:
// even if this run ends in between, no later one takes them for instances that never carried anybody.
func (l Lifecycle) noteOrders(ctx context.Context, o fleet.Observation, t *tenure[lifecycleMemory], stays []stay) error {
	orders := false
	for _, s := range stays {
		if s.admit.Step == admit.Admit && o.Group.Role == fleet.RoleSignal {
			t.memory.order(s.instance.ID, o.At)
			orders = true
		}
	}
	if !orders {
		return nil
	}
	memory, err := json.Marshal(t.memory)
	if err == nil {
		err = l.Leases.Note(ctx, t.lease, memory)
	}
	if err != nil {
		return fmt.Errorf("nothing is done in group %s, for the orders to admit are not kept: %w", o.Group.Name, err)
	}
	return nil
}

func (l Lifecycle) admission(o fleet.Observation, i fleet.Instance, m lifecycleMemory) admit.Next {
	since := i.Launched
	if since.IsZero() {
		since = o.At
	}
	_, ordered := m.Ordered[i.ID]
	return admit.Decide(admit.Waiting{
		Report: o.Nodes[i.ID], For: o.At.Sub(since), Ordered: ordered, Stopped: i.Stopped,
		ObserverDoubted: doubted(o), Failures: m.Failures, FailedAgo: o.At.Sub(m.FailedAt),
	}, admit.Policy{Grace: l.grace(o.Group.Role), StaleAfter: l.Env.StaleAfter})
}

func (l Lifecycle) grace(role fleet.Role) time.Duration {
	switch role {
	case fleet.RoleSignal:
		return l.Env.SignalAdmissionGrace
	case fleet.RoleJibri:
		return l.Env.JibriAdmissionGrace
	default:
		return l.Env.BridgeAdmissionGrace
	}
}

// doubted reports whether so many nodes in service are silent that the observer is presumed wrong.
func doubted(o fleet.Observation) bool {
	silent, inService := 0, 0
	for _, i := range o.Group.Instances {
		if i.Lifecycle != fleet.StateInService {
			continue
		}
		inService++
		if o.Nodes[i.ID].Err != nil {
			silent++
		}
	}
	return silent > fleet.Tolerated(inService)
}

func (l Lifecycle) departure(o fleet.Observation, i fleet.Instance, m *lifecycleMemory) drain.Next {
	_, givenUp := m.GivenUp[i.ID]
	return drain.Decide(drain.Leaving{
		ID: i.ID, Role: o.Group.Role, Report: o.Nodes[i.ID], For: o.At.Sub(m.since(i.ID, o.At)), Jicofo: o.Signal, Jicofos: o.Signals,
		Stopped: i.Stopped, NeverServed: givenUp,
	}, drain.Policy{
		Limit: l.Env.DrainLimit, MoveAtEnd: l.Env.AtDrainLimit == settings.Move,
		DeadAfter: l.Env.DeadAfter, StaleAfter: l.Env.StaleAfter,
	})
}
