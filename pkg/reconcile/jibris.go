package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/event"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// Jibris is the control loop that keeps enough recorders free, for all shards in one pool.
type Jibris struct {
	Env      settings.JibrisEnv
	Observer Observer
	Leases   Leases
	Runtime  Runtime
	Profiles Profiles
	Log      *slog.Logger
	Now      func() time.Time
}

const loopJibris = "jibris"

// jibriRounds bounds how often one run repeats because somebody asked for another while it ran. Whoever asks in the
// last round waits for the next wake-up, so it is many; with one silent agent's timeout in each they last 20 s.
const jibriRounds = 10

// thePool is the one name that the loop holds a lease for.
const thePool = "pool"

// Run reconciles the pool until nobody asks for another run. The wake-ups only say that there is something to look at:
// every one of them means the whole pool.
//
// When forty recorders wake it at once, on the hour, all runs but one lose the lease and leave before they have asked
// Auto Scaling anything; the one runs again for them.
func (j Jibris) Run(ctx context.Context, wakeups []event.Wakeup) (*telemetry.Record, error) {
	record := telemetry.NewRecord(j.Env.Fleet, j.Now())
	if !j.some(wakeups) {
		return record, nil
	}
	held, err := holdAll[jibriMemory](ctx, j.Leases, loopJibris, []string{thePool}, j.Now, j.Log)
	started := 0
	for round := 1; len(held) > 0; round++ {
		began, failed := j.round(ctx, held[thePool], record)
		started += began
		record.Fleet(telemetry.JibriStarts, float64(started))
		var releaseErr error
		held, releaseErr = releaseAll(ctx, j.Leases, held, round == jibriRounds)
		err = errors.Join(err, failed, releaseErr)
	}
	return record, err
}

func (j Jibris) some(wakeups []event.Wakeup) bool {
	some := false
	for _, w := range wakeups {
		if w.Kind == event.Ignored {
			j.Log.Info("ignored", "because", w.Because)
			continue
		}
		some = true
	}
	return some
}

// round observes, decides and acts once, and says how many recordings and streams have begun since the round before.
func (j Jibris) round(ctx context.Context, t *tenure[jibriMemory], record *telemetry.Record) (started int, err error) {
	groups, err := j.Observer.list(ctx, fleet.Scope{})
	if err != nil {
		return 0, err
	}
	values, _, err := j.Runtime.Read(ctx, j.Env.Bounds(sizes(groups)))
	if err != nil {
		return 0, err
	}
	observer := j.Observer
	observer.OnlyInService = true
	observations, err := observer.observe(ctx, groups, fleet.Scope{Roles: []fleet.Role{fleet.RoleJibri}})
	if err != nil {
		return 0, errors.Join(values.beside, err)
	}
	if len(observations) != 1 {
		return 0, errors.Join(values.beside, fmt.Errorf("the pool of recorders is not known: the fleet has %d groups of recorders instead of one", len(observations)))
	}
	out := j.reconcile(ctx, observations[0], t, values)
	out.publish(record)
	return out.started, errors.Join(values.beside, out.err)
}

// jibriOutcome is what became of the pool in one round.
type jibriOutcome struct {
	ahead    rush
	decision capacity.JibriDecision
	verdict  capacity.Verdict
	started  int
	done     []string
	spared   []string
	err      error
}

func (out jibriOutcome) publish(record *telemetry.Record) {
	record.Fleet(telemetry.JibrisWanted, float64(out.decision.Wanted))
	record.Fleet(telemetry.JibrisShort, float64(out.decision.Short))
	frozen := 0.0
	if out.verdict.Frozen {
		frozen = 1
	}
	record.Fleet(telemetry.JibrisFrozen, frozen)
	record.Count(telemetry.Actions, len(out.done))
	out.ahead.publish(record)
}

// reconcile decides on everything before it acts on anything.
func (j Jibris) reconcile(ctx context.Context, o fleet.Observation, t *tenure[jibriMemory], values RuntimeValues) jibriOutcome {
	memory := &t.memory
	memory.forget(o)
	policy := j.policy(o, values)
	started := memory.count(o, policy.BootTime)
	sights := memory.follow(o.At, lookAtJibris(o, memory.Leaving, j.Env.StaleAfter))
	jibris := judgeJibris(o.At, sights, memory, j.Env)
	ahead := j.foresee(ctx, memory, o.At, started)
	decision := capacity.DecideJibris(capacity.JibriInput{
		Now: o.At, Jibris: jibris, Counted: counted(o.Group), Desired: o.Group.Desired,
		Starts: memory.Starts, History: memory.Needed, Expected: ahead.beyond(policy.Free),
	}, policy)
	verdict := j.quarantine(o, sights, memory, decision)
	steps := j.leavingSteps(o, memory)
	if decision.Complete {
		memory.remember(o.At, decision.Needed, 2*policy.RetireAfter)
	}
	a := jibriActor{Jibris: j, o: o, t: t}
	a.apply(ctx, decision, verdict, steps)
	kept := j.fold(ctx, memory, ahead.past, o.At)
	out := jibriOutcome{ahead: ahead, decision: decision, verdict: verdict, started: started, done: a.done, spared: a.spared, err: errors.Join(a.failure(), kept)}
	j.log(ctx, o, t.lease, jibris, out)
	j.tell(ctx, o, t.lease, out)
	return out
}

func (j Jibris) policy(o fleet.Observation, values RuntimeValues) capacity.JibriPolicy {
	v := values.At(o.At, o.Group.Shard)
	return capacity.JibriPolicy{
		Free: *v.FreeJibris, BootTime: j.Env.BootTime, RetireAfter: j.Env.RetireAfter,
		// Auto Scaling refuses what is outside the template's bounds, whatever the run-time values say.
		Min: max(*v.MinJibris, o.Group.Min), Max: min(*v.MaxJibris, o.Group.Max),
	}
}

// quarantine chooses which broken recorders are replaced; none while the decision doubts what is observed.
func (j Jibris) quarantine(o fleet.Observation, sights []sight, memory *jibriMemory, d capacity.JibriDecision) capacity.Verdict {
	if d.Doubted {
		return capacity.Verdict{Frozen: true, Reasons: []string{"so many recorders are unfit or silent that nothing is ended"}}
	}
	crowd := capacity.Crowd{Window: j.Env.QuarantineWindow, Recent: memory.quarantined(o.At.Add(-j.Env.QuarantineWindow))}
	for _, s := range sights {
		if s.instance.Lifecycle == fleet.StateInService {
			crowd.InService++
		}
		if s.kind == looksSilent {
			crowd.Silent++
		}
	}
	return capacity.Quarantine(jibriSuspects(o.At, sights, memory, j.Env.StaleAfter), crowd, j.Env.DeadAfter)
}

// log writes the one line of this decision.
func (j Jibris) log(ctx context.Context, o fleet.Observation, lease fleet.Lease, jibris []capacity.Jibri, out jibriOutcome) {
	states := map[capacity.JibriState]int{}
	for _, jibri := range jibris {
		states[jibri.State]++
	}
	level := slog.LevelInfo
	if out.err != nil {
		level = slog.LevelError
	}
	j.Log.Log(ctx, level, "decision", "loop", loopJibris, "group", o.Group.Name, "fence", lease.Fence,
		"recorders", states, "started", out.started, "desired", o.Group.Desired, "decision", out.decision,
		"quarantine", out.verdict, "actions", out.done, "spared", out.spared, "error", errorText(out.err))
}
