package reconcile

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/event"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// The chaos: wake-ups in any order and number, runs that are lost, calls that fail, memory that is not kept, agents
// that fall silent or sick, machines that stop, an operator who ends instances, launch templates that change, and
// load that comes and goes. A fault of AWS may last for longer than a lifecycle hook holds.

// calamities are what may befall the fleet in one minute.
var calamities = []string{
	"nothing", "nothing", "nothing", "load", "load", "silence", "speech", "sickness", "stop", "operator", "template",
	"throttle", "calm", "lose the lease", "restart", "double",
}

func (w *world) befall(t *rapid.T, what string) {
	g := w.shard(1)
	var victim *member
	if len(g.members) > 0 {
		victim = g.members[rapid.IntRange(0, len(g.members)-1).Draw(t, "victim")]
	}
	switch {
	case what == "throttle":
		verb := rapid.SampledFrom([]string{"raise", "complete", "drain", "retire", "undrain", "admit", "replace", "shrink by", "heartbeat", "describe machines"}).Draw(t, "call")
		w.faults[verb] = errThrottled
	case what == "calm":
		clear(w.faults)
		clear(w.leases.fail)
	case what == "lose the lease":
		w.leases.fail["release bridges/shard-1"] = errThrottled
	case victim == nil:
	case what == "silence":
		victim.node.silent = true
	case what == "speech":
		victim.node.silent = false
	case what == "sickness" && victim.node.phase == fleet.PhaseServing:
		victim.node.become(fleet.PhaseSick, w.Now())
	case what == "stop":
		victim.Stopped = true
		if victim.Lifecycle == fleet.StateInService { // Auto Scaling replaces what EC2 ended
			w.replace(victim)
		}
	case what == "operator" && victim.Lifecycle == fleet.StateInService:
		w.replace(victim)
	case what == "template":
		for _, m := range g.members {
			m.Outdated = true
		}
	case what == "restart" && victim.node.admitted && victim.node.phase == fleet.PhaseServing && victim.node.endpoints == 0:
		victim.node.admitted, victim.node.wiped = false, true // its disk was lost, and with it the agent's memory
		victim.node.become(fleet.PhaseStandby, w.Now())
	}
}

// replace is what somebody else than the loops has Auto Scaling do.
func (w *world) replace(m *member) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m.Lifecycle, m.deadline = fleet.StateTerminatingWait, w.now.Add(w.hookTimeout)
}

// view lets Jicofo see the bridges as they are: it counts the people on a sick bridge until they have rejoined.
func (w *world) view() {
	w.mu.Lock()
	defer w.mu.Unlock()
	views := map[fleet.InstanceID]fleet.BridgeView{}
	for _, m := range w.shard(1).members {
		views[m.ID] = fleet.BridgeView{Operational: m.node.phase == fleet.PhaseServing, Endpoints: m.node.endpoints}
	}
	w.signal(1).members[0].node.views = views
}

func TestChaosEndsNothingThatPeopleAreOnAndCalmBringsTheWantedCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, 1, 3)
		g := w.shard(1)
		demand := 0.5
		run := func(bridges bool) {
			wakeups := []event.Wakeup{schedule, {Kind: event.Node, Shard: "shard-1"}}[rapid.IntRange(0, 1).Draw(t, "wake-up"):]
			if bridges {
				_, _ = w.bridges.Run(context.Background(), wakeups) // its errors are of the chaos
			} else {
				_, _ = w.lifecycle.Run(context.Background(), wakeups)
			}
		}
		for range rapid.IntRange(10, 120).Draw(t, "minutes") {
			switch what := rapid.SampledFrom(calamities).Draw(t, "calamity"); what {
			case "load":
				demand = hundredth(t, 400)
			case "double":
				run(true)
				run(true)
				run(false)
			default:
				w.befall(t, what)
			}
			w.load(g, demand)
			w.view()
			for range rapid.IntRange(0, 2).Draw(t, "runs") {
				run(rapid.Bool().Draw(t, "of the bridges loop"))
			}
			w.advance(time.Minute)
			if len(w.wrongs) > 0 {
				t.Fatalf("%v", w.wrongs)
			}
		}
		w.settleDown(t, demand)
	})
}

// heal restarts all but one of the sick bridges in service: when there are more, the loop freezes and a person comes.
func (w *world) heal() {
	sick := 0
	for _, m := range w.shard(1).members {
		if m.Lifecycle == fleet.StateInService && (m.node.phase == fleet.PhaseSick || m.node.phase == fleet.PhaseGone) {
			if sick++; sick > 1 {
				m.node.become(fleet.PhaseServing, w.Now())
			}
		}
	}
}

func hundredth(t *rapid.T, most int) float64 {
	return float64(rapid.IntRange(0, most).Draw(t, "demand")) / 100
}

// settleDown ends the chaos and checks that the fleet comes to rest within twelve hours, at the wanted count.
func (w *world) settleDown(t *rapid.T, demand float64) {
	g := w.shard(1)
	clear(w.faults)
	clear(w.leases.fail)
	clear(w.profiles.kept) // a first day's forecast expects the chaos of the last hours again, and rightly
	w.took()
	for quiet, minute := 0, 0; quiet < 45; quiet, minute = quiet+1, minute+1 {
		if minute > 12*60 {
			t.Fatalf("it does not come to rest: %v", w.decisions())
		}
		w.log.Reset()
		w.calmMinute(t, demand)
		if len(w.took()) > 0 {
			quiet = 0
		}
	}
	if len(w.wrongs) > 0 {
		t.Fatalf("%v", w.wrongs)
	}
	serving := w.inPhase(g, fleet.PhaseServing) + w.inPhase(g, fleet.PhaseDraining) // with the reserve
	if serving != len(g.members) || serving != g.Desired {
		for _, m := range g.members {
			t.Logf("%s %s outdated %v: %+v", m.ID, m.Lifecycle, m.Outdated, *m.node)
		}
		decisions := w.decisions()
		t.Logf("%+v", decisions[len(decisions)-1])
		t.Fatalf("%d of %d serve and %d are desired at a demand of %.2f", serving, len(g.members), g.Desired, demand)
	}
	// Enough for the demand and the spare, and less than what would let one more go.
	need, most := demand/0.6+1, demand/0.6+1+0.25+1
	if g.Desired > g.Min && float64(serving) > most+1e-6 || float64(serving) < min(need, float64(g.Max))-1e-6 {
		t.Fatalf("%d serve at a demand of %.2f", serving, demand)
	}
	for _, m := range g.members {
		if m.Outdated && g.Desired < g.Max {
			decisions := w.decisions()
			for _, m := range g.members {
				t.Logf("%s %s outdated %v: %+v", m.ID, m.Lifecycle, m.Outdated, *m.node)
			}
			t.Fatalf("%s is still outdated: %v", m.ID, decisions[len(decisions)-1])
		}
	}
}

// calmMinute is a minute in which every agent answers and both loops run.
func (w *world) calmMinute(t *rapid.T, demand float64) {
	for _, m := range w.shard(1).members {
		m.node.silent = false
		if m.node.phase == fleet.PhaseSick { // its people rejoin elsewhere
			m.node.endpoints, m.node.stress = 0, 0
		}
	}
	w.heal()
	w.load(w.shard(1), demand)
	w.view()
	w.advance(time.Minute)
	if _, err := w.bridges.Run(context.Background(), []event.Wakeup{schedule}); err != nil {
		t.Logf("bridges: %v", err)
	}
	if _, err := w.lifecycle.Run(context.Background(), []event.Wakeup{schedule}); err != nil {
		t.Logf("lifecycle: %v", err)
	}
}
