package scaling

import (
	"context"
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/ident"
)

// idle is how long Run sleeps at most when nothing is due.
const idle = time.Minute

// heldTimeouts is how many heartbeat timeouts, and heldAtMost how long, a lifecycle action can be held.
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks.html
const (
	heldTimeouts = 100
	heldAtMost   = 48 * time.Hour
)

// effect is something to do outside the lock.
type effect func(context.Context)

// plan moves every instance as far as it goes at now, and returns what must be done outside the lock, and for
// how long there is nothing else to do.
func (e *Engine) plan(now time.Time) ([]effect, time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var effects []effect
	due := now.Add(idle)
	for _, name := range e.order {
		g := e.groups[name]
		for _, i := range slices.Clone(g.instances) {
			effects = append(effects, e.advance(g, i, now)...)
			due = earliest(due, i.nextTime(now))
		}
		effects = append(effects, e.fit(g, now)...)
		if g.next.After(now) {
			due = earliest(due, g.next)
		}
	}
	return effects, max(due.Sub(now), time.Millisecond)
}

func earliest(a, b time.Time) time.Time {
	if b.IsZero() || a.Before(b) {
		return a
	}
	return b
}

// nextTime is when the instance moves if nobody says anything; zero when it does not.
func (i *instance) nextTime(now time.Time) time.Time {
	var next time.Time
	for _, a := range i.actions {
		if a.result == "" && (next.IsZero() || a.deadline.Before(next)) {
			next = a.deadline
		}
	}
	if i.sick.After(now) && i.counts() && (next.IsZero() || i.sick.Before(next)) {
		next = i.sick
	}
	return next
}

// advance moves one instance along its life until it must wait.
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks-overview.html
func (e *Engine) advance(g *group, i *instance, now time.Time) []effect {
	if e.isSick(g, i, now) {
		e.leave(g, i, "an instance was taken out of service in response to an EC2 health check")
	}
	switch i.State {
	case Pending:
		if waits := e.begin(g, i, Launching, now); waits != nil {
			i.State = PendingWait
			i.activity.status = "MidLifecycleAction"
			return waits
		}
		e.serve(g, i, now)
	case PendingWait:
		switch i.outcome(now) {
		case Continue:
			e.serve(g, i, now)
		case Abandon:
			i.activity.end(now, "Cancelled", "the launch lifecycle action was abandoned")
			g.launchFailed(now, e.options.Clock.Scale)
			e.leave(g, i, "its launch lifecycle action was abandoned")
			return e.advance(g, i, now)
		}
	case TerminatingState:
		if waits := e.begin(g, i, Terminating, now); waits != nil {
			i.State = TerminatingWait
			i.activity.status = "MidLifecycleAction"
			return waits
		}
		i.State = TerminatingProceed
		return e.advance(g, i, now)
	case TerminatingWait:
		switch outcome := i.outcome(now); {
		case outcome == Abandon && g.Retain:
			i.State = Retained
			i.activity.end(now, "Cancelled", "the terminate lifecycle action was abandoned and the instance is retained")
		case outcome != "":
			i.State = TerminatingProceed
			return e.advance(g, i, now)
		}
	case TerminatingProceed:
		if !i.ending {
			i.ending = true
			return []effect{func(ctx context.Context) { e.end(ctx, g, i) }}
		}
	}
	return nil
}

func (e *Engine) isSick(g *group, i *instance, now time.Time) bool {
	if i.sick.IsZero() || i.sick.After(now) || !i.counts() {
		return false
	}
	i.Healthy = g.suspended["HealthCheck"] && i.Healthy
	return !i.Healthy && !g.suspended["ReplaceUnhealthy"] && !g.suspended["Terminate"]
}

// begin starts the lifecycle actions of a transition and returns their notifications; nil without hooks.
func (e *Engine) begin(g *group, i *instance, transition string, now time.Time) []effect {
	i.actions = nil
	var notes []effect
	for _, h := range g.hooks(transition) {
		scale := e.options.Clock.Scale
		a := &action{hook: h, token: ident.UUID(), deadline: now.Add(scale(h.Timeout)),
			limit: now.Add(scale(min(heldAtMost, heldTimeouts*h.Timeout)))}
		i.actions = append(i.actions, a)
		body := e.hookMessage(g, i, a)
		notes = append(notes, func(ctx context.Context) {
			if a.hook.TargetARN == "" {
				return
			}
			if err := e.options.Notify(ctx, a.hook, body); err != nil {
				e.options.Problem(err)
			}
		})
	}
	return notes
}

// outcome is the result of an instance's lifecycle actions: Abandon as soon as one is, Continue when all are,
// empty while one waits. An action whose time is over takes its default result.
func (i *instance) outcome(now time.Time) string {
	result := Continue
	for _, a := range i.actions {
		if a.result == "" && (!now.Before(a.deadline) || !now.Before(a.limit)) {
			a.result = a.hook.DefaultResult
		}
		switch a.result {
		case Abandon:
			return Abandon
		case "":
			result = ""
		}
	}
	return result
}

func (e *Engine) serve(g *group, i *instance, now time.Time) {
	i.State, i.serving, i.actions = InService, now, nil
	i.Protected = g.ProtectNew
	g.failures, g.stuck = 0, false
	i.activity.end(now, "Successful", "")
}

// leave starts an instance's termination. A terminate hook fires also for an instance that is unhealthy, and for
// one whose launch was abandoned: AWS does not say so of the latter, and it is the harder case for who answers.
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks.html
func (e *Engine) leave(g *group, i *instance, because string) {
	now := e.options.Clock.Now()
	if i.activity.ended.IsZero() {
		i.activity.end(now, "Cancelled", because)
	}
	i.State, i.actions = TerminatingState, nil
	i.activity = g.begun("Terminating EC2 instance: "+i.ID, because, now)
}

// end ends a machine in EC2 and forgets the instance.
func (e *Engine) end(ctx context.Context, g *group, i *instance) {
	e.mu.Lock()
	gone := i.gone
	e.mu.Unlock()
	if !gone {
		if err := e.options.Machines.Terminate(ctx, []string{i.ID}); err != nil {
			e.options.Problem(err)
		}
		e.options.OnTerminate(i.ID)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	i.activity.end(e.options.Clock.Now(), "Successful", "")
	g.remove(i)
}
