package reconcile

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/drain"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/event"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// Bridges is the control loop that sizes every shard's group of bridges.
type Bridges struct {
	Env      settings.BridgesEnv
	Observer Observer
	Leases   Leases
	Runtime  Runtime
	Profiles Profiles
	Log      *slog.Logger
	Now      func() time.Time
}

// rounds bounds how often one run repeats because somebody asked for another while it ran.
const rounds = 3

const loopBridges = "bridges"

// Run reconciles the shards that the wake-ups name, or all of them, until nobody asks for another run. Each
// group is on its own: one that fails does not keep the others from being reconciled.
//
// When hundreds of bridges wake it at once, on the hour, all runs but one lose the lease and leave before they have
// asked Auto Scaling anything.
func (b Bridges) Run(ctx context.Context, wakeups []event.Wakeup) (*telemetry.Record, error) {
	record := telemetry.NewRecord(b.Env.Fleet, b.Now())
	shards, all := b.named(wakeups)
	if all {
		groups, err := b.Observer.list(ctx, fleet.Scope{Roles: []fleet.Role{fleet.RoleBridge}})
		if err != nil {
			return record, err
		}
		shards = keys(sizes(groups))
	}
	held, err := holdAll[bridgeMemory](ctx, b.Leases, loopBridges, shards, b.Now, b.Log)
	for round := 1; len(held) > 0; round++ {
		if all && len(held) == len(shards) {
			b.survive(held)
		}
		err = errors.Join(err, b.round(ctx, held, record))
		var releaseErr error
		held, releaseErr = releaseAll(ctx, b.Leases, held, round == rounds)
		err = errors.Join(err, releaseErr)
	}
	return record, err
}

// named are the shards that the wake-ups name; all is true when one of them means every shard.
func (b Bridges) named(wakeups []event.Wakeup) (shards []string, all bool) {
	names := map[string]bool{}
	for _, w := range wakeups {
		switch {
		case w.Kind == event.Ignored:
			b.Log.Info("ignored", "because", w.Because)
		case w.Shard == "":
			all = true
		default:
			names[w.Shard] = true
		}
	}
	return keys(names), all
}

// sizes are the bounds of each shard's group in the template.
func sizes(groups []fleet.Group) map[string]settings.Range {
	bounds := map[string]settings.Range{}
	for _, g := range groups {
		if g.Role != fleet.RoleBridge {
			continue
		}
		bounds[g.Shard] = settings.Range{Min: g.Min, Max: g.Max}
	}
	return bounds
}

func (b Bridges) round(ctx context.Context, held map[string]*tenure[bridgeMemory], record *telemetry.Record) error {
	groups, err := b.Observer.list(ctx, fleet.Scope{})
	if err != nil {
		return err
	}
	values, refused, err := b.Runtime.Read(ctx, b.Env.Bounds(sizes(groups)))
	if err != nil {
		return err
	}
	record.Fleet(telemetry.SettingsRefused, float64(refused))
	observations, err := b.Observer.observe(ctx, groups, fleet.Scope{Roles: []fleet.Role{fleet.RoleBridge}, Shards: keys(held)})
	if err != nil {
		return errors.Join(values.beside, err)
	}
	byShard := map[string]fleet.Observation{}
	for _, o := range observations {
		byShard[o.Group.Shard] = o
	}
	var mu sync.Mutex
	failed := sideBySide(keys(byShard), func(shard string) error {
		outcome := b.reconcile(ctx, byShard[shard], held[shard], values)
		mu.Lock()
		defer mu.Unlock()
		outcome.publish(shard, record)
		return outcome.err
	})
	return errors.Join(values.beside, failed)
}

// outcome is what became of one group in one round.
type outcome struct {
	decision capacity.Decision
	verdict  capacity.Verdict
	overdue  int
	done     []string
	outlook  outlook
	err      error
}

func (o outcome) publish(shard string, record *telemetry.Record) {
	frozen := 0.0
	if o.verdict.Frozen {
		frozen = 1
	}
	record.Shard(shard, telemetry.BridgesWanted, float64(o.decision.Wanted))
	record.Shard(shard, telemetry.BridgesShort, float64(o.decision.Short))
	record.Shard(shard, telemetry.DrainsOverdue, float64(o.overdue))
	record.Shard(shard, telemetry.Frozen, frozen)
	record.Count(telemetry.Actions, len(o.done))
	o.outlook.publish(shard, o.decision.Demand, record)
}

// reconcile observes nothing: it decides on one observation and acts. All decisions are made before the first
// side effect.
func (b Bridges) reconcile(ctx context.Context, o fleet.Observation, t *tenure[bridgeMemory], values RuntimeValues) outcome {
	memory := &t.memory
	memory.forget(o)
	policy := b.policy(o, values)
	bridges := memory.disbelieve(classify(o, memory.Leaving, b.Env.StaleAfter), o.At.Add(-b.Env.StaleAfter))
	ahead := b.foresee(ctx, o.Group.Shard, memory, bridges, o.At)
	decision := capacity.DecideBridges(capacity.Input{
		Now: o.At, Bridges: bridges, Counted: counted(o.Group), Desired: o.Group.Desired, History: memory.Demand, Lost: memory.Lost,
		Expected: ahead.forecast.Growth(), Soon: ahead.soon.Growth(),
	}, policy)
	if errors.Is(o.Signal.Err, errNoSignalNode) {
		decision = decision.WithoutLaunches("a bridge could not join, for the shard has no signal node in service")
	}
	verdict := capacity.Quarantine(b.suspects(o, memory), b.crowd(o, memory, bridges), b.Env.DeadAfter)
	steps := b.leavingSteps(o, memory, inReserve(bridges, decision))
	if decision.Complete {
		ahead.learn(memory, o.At, decision.Demand, capacity.Lead(policy.BootTime))
		memory.remember(o.At, decision.Demand, 2*max(policy.ShrinkAfter, policy.BootTime))
	}
	a := actor{Bridges: b, o: o, t: t}
	a.apply(ctx, decision, verdict, steps)
	folded, kept := ahead.fold(ctx, b.Profiles, memory.Folded, o.At)
	if folded {
		memory.Folded = o.At
	}
	out := outcome{decision: decision, verdict: verdict, overdue: overdue(steps), outlook: ahead, done: a.done, err: errors.Join(a.failure(), kept)}
	b.log(ctx, o, t.lease, bridges, out)
	b.tell(ctx, o, t.lease, out)
	return out
}

func (b Bridges) policy(o fleet.Observation, values RuntimeValues) capacity.Policy {
	v := values.At(o.At, o.Group.Shard)
	return capacity.Policy{
		Target: *v.TargetStress, Spare: *v.SpareBridges, Slack: b.Env.Slack,
		BootTime: b.Env.BootTime, Reaction: b.Env.Reaction, ShrinkAfter: b.Env.ShrinkAfter,
		// Auto Scaling refuses what is outside the template's bounds, whatever the run-time values say.
		Min: max(*v.MinBridges, o.Group.Min), Max: min(*v.MaxBridges, o.Group.Max),
	}
}

func (b Bridges) suspects(o fleet.Observation, memory *bridgeMemory) []capacity.Suspect {
	var suspects []capacity.Suspect
	for _, i := range o.Group.Instances {
		_, leaves := memory.Leaving[i.ID]
		r, answered := o.Nodes[i.ID]
		if !answered || r.Err != nil || leaves || i.Lifecycle != fleet.StateInService {
			continue
		}
		if !broken(r.Status) {
			continue
		}
		suspects = append(suspects, capacity.Suspect{ID: i.ID, For: r.Status.PhaseFor(), Confirmed: b.confirmedDead(o.Signal, i.ID)})
	}
	return suspects
}

// confirmedDead reports whether a shard's Jicofo answered and has nobody on a bridge that it does not use.
func (b Bridges) confirmedDead(signal fleet.Report, id fleet.InstanceID) bool {
	if signal.Err != nil || signal.Status.Signal == nil || signal.Status.Age() > b.Env.StaleAfter {
		return false
	}
	view, listed := signal.Status.BridgeView(id)
	return !listed || !view.Operational && view.Endpoints == 0
}

func (b Bridges) crowd(o fleet.Observation, memory *bridgeMemory, bridges []capacity.Bridge) capacity.Crowd {
	c := capacity.Crowd{Window: b.Env.QuarantineWindow, Recent: memory.quarantined(o.At.Add(-b.Env.QuarantineWindow))}
	for _, i := range o.Group.Instances {
		if i.Lifecycle == fleet.StateInService {
			c.InService++
		}
	}
	for _, bridge := range bridges {
		if bridge.State == capacity.Silent {
			c.Silent++
		}
	}
	return c
}

// leavingStep is the next step of one bridge in service that drains.
type leavingStep struct {
	instance fleet.Instance
	next     drain.Next
}

// inReserve are the draining bridges that a decision neither releases nor takes back.
func inReserve(bridges []capacity.Bridge, d capacity.Decision) map[fleet.InstanceID]bool {
	kept := map[fleet.InstanceID]bool{}
	for _, bridge := range bridges {
		kept[bridge.ID] = bridge.State == capacity.Draining
	}
	for _, id := range d.Release {
		delete(kept, id)
	}
	return kept
}

func (b Bridges) leavingSteps(o fleet.Observation, memory *bridgeMemory, reserve map[fleet.InstanceID]bool) []leavingStep {
	var steps []leavingStep
	for _, i := range o.Group.Instances {
		if i.Lifecycle != fleet.StateInService {
			continue
		}
		s := o.Nodes[i.ID].Status
		if s.Phase == fleet.PhaseDraining || s.Phase == fleet.PhaseRetiring {
			memory.leave(i.ID, o.At.Add(-s.PhaseFor()))
		}
		if _, leaves := memory.Leaving[i.ID]; !leaves {
			continue
		}
		steps = append(steps, leavingStep{i, drain.Decide(drain.Leaving{
			ID: i.ID, Role: fleet.RoleBridge, Report: o.Nodes[i.ID], For: memory.released(i.ID, reserve[i.ID], o.At),
			Jicofo: o.Signal, Stopped: i.Stopped, Reserve: reserve[i.ID],
		}, b.drainPolicy())})
	}
	return steps
}

func (b Bridges) drainPolicy() drain.Policy {
	return drain.Policy{
		Limit: b.Env.DrainLimit, MoveAtEnd: b.Env.AtDrainLimit == settings.Move,
		DeadAfter: b.Env.DeadAfter, StaleAfter: b.Env.StaleAfter,
	}
}

func overdue(steps []leavingStep) int {
	n := 0
	for _, s := range steps {
		if s.next.Overdue {
			n++
		}
	}
	return n
}

// log writes the one line of this decision.
func (b Bridges) log(ctx context.Context, o fleet.Observation, lease fleet.Lease, bridges []capacity.Bridge, out outcome) {
	states := map[capacity.State]int{}
	for _, bridge := range bridges {
		states[bridge.State]++
	}
	level := slog.LevelInfo
	if out.err != nil {
		level = slog.LevelError
	}
	b.Log.Log(ctx, level, "decision", "loop", loopBridges, "group", o.Group.Name, "shard", o.Group.Shard,
		"fence", lease.Fence, "bridges", states, "desired", o.Group.Desired, "decision", out.decision, "forecast", out.outlook.forecast,
		"quarantine", out.verdict, "overdue", out.overdue, "actions", out.done, "error", errorText(out.err))
}
