package reconcile

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/event"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// The chaos of the recorders is that of the bridges, and S3 that takes nothing, Jicofos that see nobody, recordings
// that begin between choice and order, and recorders that lose the shards. The cloud calls it wrong when a machine that
// runs is ended with a recording that is on, or with one on its disk.

var jibriCalamities = []string{
	"nothing", "nothing", "begin", "begin", "begin", "silence", "speech", "sickness", "stop", "operator", "template",
	"throttle", "calm", "lose the lease", "restart", "double", "S3 refuses", "shun", "cut off", "mend", "slip",
}

func (p *poolWorld) befallJibris(t *rapid.T, what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch what {
	case "throttle":
		verb := rapid.SampledFrom([]string{"raise", "complete", "retire", "admit", "replace", "shrink by", "heartbeat", "describe machines"}).Draw(t, "call")
		p.faults[verb] = errThrottled
	case "calm":
		clear(p.faults)
		clear(p.leases.fail)
	case "lose the lease":
		p.leases.fail["release jibris/pool"] = errThrottled
	case "template":
		for _, m := range p.pool.members {
			m.Outdated = true
		}
	}
	if len(p.pool.members) == 0 {
		return
	}
	victim := p.pool.members[rapid.IntRange(0, len(p.pool.members)-1).Draw(t, "victim")]
	n, j := victim.node, victim.node.jibri
	switch {
	case what == "begin" && victim.Lifecycle == fleet.StateInService,
		what == "slip" && n.phase == fleet.PhaseRetiring && j.activity == fleet.ActivityIdle:
		j.record(n, p.now, time.Duration(rapid.IntRange(10, 5400).Draw(t, "lasting"))*time.Second)
	case what == "silence":
		n.silent = true
	case what == "speech":
		n.silent = false
	case what == "sickness" && n.phase == fleet.PhaseServing && !j.activity.Busy():
		n.become(fleet.PhaseSick, p.now)
		j.turn(fleet.ActivityLost, p.now)
	case what == "stop":
		victim.Stopped = true
		if victim.Lifecycle == fleet.StateInService {
			victim.Lifecycle, victim.deadline = fleet.StateTerminatingWait, p.now.Add(p.hookTimeout)
		}
	case what == "operator" && victim.Lifecycle == fleet.StateInService:
		victim.Lifecycle, victim.deadline = fleet.StateTerminatingWait, p.now.Add(p.hookTimeout)
	case what == "restart" && n.phase == fleet.PhaseServing && !j.activity.Busy():
		n.admitted, n.wiped = false, true // its agent lost its memory
		n.become(fleet.PhaseStandby, p.now)
	case what == "S3 refuses":
		j.stuck = true
	case what == "shun":
		j.shunned = true
	case what == "cut off" && !j.activity.Busy():
		j.cutOff = true
	case what == "mend":
		j.stuck, j.shunned, j.cutOff = false, false, false
	}
}

func TestChaosEndsNoRecordingAndCalmBringsTheFreeRecordersBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPool(t, rapid.IntRange(3, 8).Draw(t, "recorders"))
		run := func(pool bool) {
			wakeups := []event.Wakeup{schedule, {Kind: event.Node, Instance: "i-7"}}[rapid.IntRange(0, 1).Draw(t, "wake-up"):]
			if pool {
				_, _ = p.jibris.Run(context.Background(), wakeups) // its errors are of the chaos
			} else {
				_, _ = p.lifecycle.Run(context.Background(), wakeups)
			}
		}
		for range rapid.IntRange(10, 120).Draw(t, "minutes") {
			if what := rapid.SampledFrom(jibriCalamities).Draw(t, "calamity"); what == "double" {
				run(true)
				run(true)
				run(false)
			} else {
				p.befallJibris(t, what)
			}
			if rapid.Bool().Draw(t, "Jicofo hears of it") {
				p.hear()
			}
			for range rapid.IntRange(0, 2).Draw(t, "runs") {
				run(rapid.Bool().Draw(t, "of the pool's loop"))
			}
			p.advance(time.Minute)
			if len(p.wrongs) > 0 {
				t.Fatalf("%v", p.wrongs)
			}
		}
		p.comeToRest(t)
	})
}

// comeToRest ends the chaos and checks that the pool is as it should be within six hours.
func (p *poolWorld) comeToRest(t *rapid.T) {
	clear(p.faults)
	clear(p.leases.fail)
	clear(p.profiles.kept) // a first day's forecast expects the chaos of the last hours again, and rightly
	for quiet, minute := 0, 0; quiet < 45; quiet, minute = quiet+1, minute+1 {
		if minute > 6*60 {
			t.Fatalf("it does not come to rest: %v", p.decisions())
		}
		p.log.Reset()
		p.calmJibris()
		p.took()
		p.advance(time.Minute)
		p.hear()
		if _, err := p.jibris.Run(context.Background(), []event.Wakeup{schedule}); err != nil {
			t.Logf("jibris: %v", err)
		}
		if _, err := p.lifecycle.Run(context.Background(), []event.Wakeup{schedule}); err != nil {
			t.Logf("lifecycle: %v", err)
		}
		if len(p.took()) > 0 || p.at(fleet.ActivityRecording) > 0 {
			quiet = 0
		}
	}
	if len(p.wrongs) > 0 {
		t.Fatalf("%v", p.wrongs)
	}
	idle := p.at(fleet.ActivityIdle)
	if idle != 3 || idle != len(p.pool.members) || idle != p.pool.Desired {
		for _, m := range p.pool.members {
			t.Logf("%s %s: %s %+v", m.ID, m.Lifecycle, m.node.phase, *m.node.jibri)
		}
		t.Fatalf("%d of %d recorders are free and %d desired: %v", idle, len(p.pool.members), p.pool.Desired, p.decisions())
	}
	for _, m := range p.pool.members {
		if m.Outdated {
			t.Fatalf("%s is still outdated", m.ID)
		}
	}
}

// calmJibris lets everybody speak, S3 take what it is given, and Jicofos see everybody. Of the sick all but one get
// well: when there are more, the loop freezes and a person comes.
func (p *poolWorld) calmJibris() {
	p.mu.Lock()
	defer p.mu.Unlock()
	sick := 0
	for _, m := range p.pool.members {
		m.node.silent = false
		m.node.jibri.stuck, m.node.jibri.shunned, m.node.jibri.cutOff = false, false, false
		if m.Lifecycle == fleet.StateInService && m.node.phase == fleet.PhaseSick {
			if sick++; sick > 1 {
				m.node.become(fleet.PhaseServing, p.now)
				m.node.jibri.turn(fleet.ActivityIdle, p.now)
			}
		}
	}
}
