package drain

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

const me fleet.InstanceID = "i-1"

var errSilent = errors.New("no answer in 2s")

func held() Policy {
	return Policy{Limit: 6 * time.Hour, DeadAfter: 3 * time.Minute, StaleAfter: 30 * time.Second}
}

// leavingBridge was admitted, answers freshly and whose Jicofo lists it.
func leavingBridge(phase fleet.Phase, endpoints int64) Leaving {
	return Leaving{
		ID: me, Role: fleet.RoleBridge, For: time.Hour,
		Report: fleet.Report{Status: fleet.Status{Phase: phase, PhaseSeconds: 600, Admitted: true, Bridge: &fleet.BridgeLoad{LocalEndpoints: endpoints}}},
		Jicofo: jicofo(endpoints),
	}
}

func jicofo(endpoints int64) fleet.Report {
	return fleet.Report{Status: fleet.Status{Signal: &fleet.SignalLoad{BridgeViews: map[fleet.InstanceID]fleet.BridgeView{me: {Endpoints: endpoints}}}}}
}

func leavingSignal(participants int64) Leaving {
	return Leaving{
		ID: me, Role: fleet.RoleSignal, For: time.Hour,
		Report: fleet.Report{Status: fleet.Status{Phase: fleet.PhaseServing, Admitted: true, Signal: &fleet.SignalLoad{Participants: participants}}},
	}
}

func TestTheNextStepOfALeavingInstance(t *testing.T) {
	edit := func(l Leaving, e func(*Leaving)) Leaving { e(&l); return l }
	for _, c := range []struct {
		name string
		l    Leaving
		p    func(*Policy)
		step Step
	}{
		{"a serving bridge is drained", leavingBridge(fleet.PhaseServing, 3), nil, Drain},
		{"an empty serving bridge is drained first", leavingBridge(fleet.PhaseServing, 0), nil, Drain},
		{"an admitted bridge that waits for work is drained", leavingBridge(fleet.PhaseStandby, 0), nil, Drain},
		{"an admitted bridge that starts anew is drained", leavingBridge(fleet.PhaseStarting, 0), nil, Drain},
		{"a reserve is kept though it is empty", edit(leavingBridge(fleet.PhaseDraining, 0), func(l *Leaving) { l.Reserve = true }), nil, Keep},
		{"a reserve past its limit is not moved", edit(leavingBridge(fleet.PhaseDraining, 2), func(l *Leaving) { l.Reserve, l.For = true, 7*time.Hour }), func(p *Policy) { p.MoveAtEnd = true }, Keep},
		{"a draining bridge with endpoints is held", leavingBridge(fleet.PhaseDraining, 1), nil, Keep},
		{"an empty draining bridge is retired", leavingBridge(fleet.PhaseDraining, 0), nil, Retire},
		{"an empty draining bridge past its limit is retired, not moved", edit(leavingBridge(fleet.PhaseDraining, 0), func(l *Leaving) { l.For = 7 * time.Hour }), func(p *Policy) { p.MoveAtEnd = true }, Retire},
		{"a retiring bridge is waited for", leavingBridge(fleet.PhaseRetiring, 0), nil, Wait},
		{"a retiring bridge with endpoints is waited for", leavingBridge(fleet.PhaseRetiring, 4), nil, Wait},
		{"a bridge whose process has ended is let go", leavingBridge(fleet.PhaseGone, 0), nil, End},
		{"a bridge whose process has ended is let go whatever was last counted", leavingBridge(fleet.PhaseGone, 9), nil, End},
		{"a bridge past its limit is held when the policy is to hold", edit(leavingBridge(fleet.PhaseDraining, 2), func(l *Leaving) { l.For = 7 * time.Hour }), nil, Keep},
		{"a bridge past its limit is moved when the policy is to move", edit(leavingBridge(fleet.PhaseDraining, 2), func(l *Leaving) { l.For = 7 * time.Hour }), func(p *Policy) { p.MoveAtEnd = true }, Move},
		{"a bridge at its limit is not past it", edit(leavingBridge(fleet.PhaseDraining, 2), func(l *Leaving) { l.For = 6 * time.Hour }), func(p *Policy) { p.MoveAtEnd = true }, Keep},
		{"a sick bridge without people in Jicofo's view is let go", edit(leavingBridge(fleet.PhaseSick, 5), func(l *Leaving) { l.Jicofo = jicofo(0) }), nil, End},
		{"a sick bridge with people in Jicofo's view is held", edit(leavingBridge(fleet.PhaseSick, 0), func(l *Leaving) { l.Jicofo = jicofo(1) }), nil, Wait},
		{"a sick bridge that Jicofo does not list is let go", edit(leavingBridge(fleet.PhaseSick, 5), func(l *Leaving) { l.Jicofo = fleet.Report{Status: fleet.Status{Signal: &fleet.SignalLoad{}}} }), nil, End},
		{"a sick bridge is held while Jicofo is silent", edit(leavingBridge(fleet.PhaseSick, 0), func(l *Leaving) { l.Jicofo = fleet.Report{Err: errSilent} }), nil, Wait},
		{"a sick bridge is held while Jicofo's word is stale", edit(leavingBridge(fleet.PhaseSick, 0), func(l *Leaving) { l.Jicofo.Status.AgeSeconds = 31 }), nil, Wait},
		{"a sick bridge is held while the signal node has no Jicofo", edit(leavingBridge(fleet.PhaseSick, 0), func(l *Leaving) { l.Jicofo.Status.Signal = nil }), nil, Wait},
		{"a bridge that is sick for a short time is held", edit(leavingBridge(fleet.PhaseSick, 0), func(l *Leaving) { l.Report.Status.PhaseSeconds = 179 }), nil, Wait},
		{"a silent bridge is held", edit(leavingBridge(fleet.PhaseDraining, 0), func(l *Leaving) { l.Report = fleet.Report{Err: errSilent} }), nil, Wait},
		{"a silent bridge is held past its limit even when the policy is to move", edit(leavingBridge(fleet.PhaseDraining, 0), func(l *Leaving) { l.Report, l.For = fleet.Report{Err: errSilent}, 99*time.Hour }), func(p *Policy) { p.MoveAtEnd = true }, Wait},
		{"stale figures prove nothing", edit(leavingBridge(fleet.PhaseDraining, 0), func(l *Leaving) { l.Report.Status.AgeSeconds = 31 }), nil, Wait},
		{"a bridge that has told no load is held", edit(leavingBridge(fleet.PhaseDraining, 0), func(l *Leaving) { l.Report.Status.Bridge = nil }), nil, Wait},
		{"a bridge that was never admitted is let go", edit(leavingBridge(fleet.PhaseStandby, 0), func(l *Leaving) { l.Report.Status.Admitted = false }), nil, End},
		{"a bridge that never came up is let go", edit(leavingBridge(fleet.PhaseStarting, 0), func(l *Leaving) { l.Report.Status.Admitted = false }), nil, End},
		{"a bridge with people that forgot its admission is held", edit(leavingBridge(fleet.PhaseDraining, 2), func(l *Leaving) { l.Report.Status.Admitted = false }), nil, Keep},
		{"a machine that EC2 stopped is let go though its agent is silent", edit(leavingBridge(fleet.PhaseServing, 5), func(l *Leaving) { l.Report, l.Stopped = fleet.Report{Err: errSilent}, true }), nil, End},
		{"a signal node with participants is held", leavingSignal(1), nil, Wait},
		{"a signal node without participants is let go", leavingSignal(0), nil, End},
		{"a signal node that has told no load is held", edit(leavingSignal(0), func(l *Leaving) { l.Report.Status.Signal = nil }), nil, Wait},
		{"a sick signal node is held", edit(leavingSignal(0), func(l *Leaving) { l.Report.Status.Phase = fleet.PhaseSick }), nil, Wait},
		{"a signal node with stale figures is held", edit(leavingSignal(0), func(l *Leaving) { l.Report.Status.AgeSeconds = 60 }), nil, Wait},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := held()
			if c.p != nil {
				c.p(&p)
			}
			n := Decide(c.l, p)
			assert.Equal(t, c.step, n.Step, n.Reason)
			assert.NotEmpty(t, n.Reason)
			assert.Equal(t, c.step != End && !c.l.Reserve && c.l.For > p.Limit, n.Overdue, "overdue")
		})
	}
}

var (
	phases = []fleet.Phase{
		fleet.PhaseStarting, fleet.PhaseStandby, fleet.PhaseServing, fleet.PhaseDraining, fleet.PhaseRetiring,
		fleet.PhaseGone, fleet.PhaseSick, "a phase of a later release", "",
	}
	roles = []fleet.Role{fleet.RoleBridge, fleet.RoleSignal, fleet.RoleEdge}
)

func seconds(t *rapid.T, most int, what string) float64 {
	return float64(rapid.IntRange(0, most).Draw(t, what))
}

// anybody draws any leaving instance, with any report.
func anybody(t *rapid.T) Leaving {
	l := Leaving{
		ID: me, Role: rapid.SampledFrom(roles).Draw(t, "role"), Stopped: rapid.IntRange(0, 9).Draw(t, "stopped") == 0,
		For: time.Duration(seconds(t, 50*3600, "for")) * time.Second,
		Report: fleet.Report{Status: fleet.Status{
			Phase: rapid.SampledFrom(phases).Draw(t, "phase"), PhaseSeconds: seconds(t, 600, "phase seconds"),
			AgeSeconds: seconds(t, 60, "age"), Admitted: rapid.Bool().Draw(t, "admitted"),
		}},
	}
	if rapid.Bool().Draw(t, "has bridge figures") {
		l.Report.Status.Bridge = &fleet.BridgeLoad{LocalEndpoints: int64(rapid.IntRange(0, 3).Draw(t, "endpoints"))}
	}
	if rapid.Bool().Draw(t, "has signal figures") {
		l.Report.Status.Signal = &fleet.SignalLoad{Participants: int64(rapid.IntRange(0, 3).Draw(t, "participants"))}
	}
	if rapid.IntRange(0, 3).Draw(t, "silent") == 0 {
		l.Report = fleet.Report{Err: errSilent}
	}
	switch rapid.IntRange(0, 3).Draw(t, "jicofo") {
	case 0:
		l.Jicofo = fleet.Report{Err: errSilent}
	case 1:
		l.Jicofo = fleet.Report{Status: fleet.Status{Signal: &fleet.SignalLoad{}}}
	default:
		l.Jicofo = jicofo(int64(rapid.IntRange(0, 2).Draw(t, "in Jicofo's view")))
		l.Jicofo.Status.AgeSeconds = seconds(t, 60, "Jicofo's age")
	}
	return l
}

func anyPolicy(t *rapid.T) Policy {
	p := held()
	p.MoveAtEnd = rapid.Bool().Draw(t, "move at the limit")
	return p
}

// proof is what may end an instance, said anew and independently of the code under test.
func proof(l Leaving, p Policy) string {
	s, heard := l.Report.Status, l.Report.Err == nil
	fresh := heard && s.AgeSeconds <= p.StaleAfter.Seconds()
	view, listed := l.Jicofo.Status.BridgeView(l.ID)
	jicofoSpeaks := l.Jicofo.Err == nil && l.Jicofo.Status.Signal != nil && l.Jicofo.Status.Age() <= p.StaleAfter
	switch {
	case l.Stopped:
		return "it does not run"
	case heard && s.Phase == fleet.PhaseGone:
		return "its process is gone"
	case heard && !s.Admitted && slices.Contains([]fleet.Phase{fleet.PhaseStarting, fleet.PhaseStandby}, s.Phase):
		return "it was never admitted"
	case heard && l.Role == fleet.RoleBridge && s.Phase == fleet.PhaseSick && s.PhaseFor() >= p.DeadAfter &&
		jicofoSpeaks && (!listed || view.Endpoints == 0):
		return "it is sick and Jicofo has nobody on it"
	case fresh && l.Role != fleet.RoleBridge && s.Phase != fleet.PhaseSick && s.Signal != nil && s.Signal.Participants == 0:
		return "nobody is on its shard"
	default:
		return ""
	}
}

func TestAnInstanceIsEndedWithProofAndOnlyWithProof(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, p := anybody(t), anyPolicy(t)
		n := Decide(l, p)
		if (n.Step == End) != (proof(l, p) != "") {
			t.Fatalf("%+v for %+v, of which is proven: %q", n, l, proof(l, p))
		}
	})
}

func TestSilenceAloneOnlyWaits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, p := anybody(t), anyPolicy(t)
		l.Report, l.Stopped = fleet.Report{Err: errSilent}, false
		if n := Decide(l, p); n.Step != Wait {
			t.Fatalf("%+v for a silent instance", n)
		}
	})
}

func TestAReserveIsNeitherRetiredNorMovedNorOverdue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, p := anybody(t), anyPolicy(t)
		l.Role, l.Reserve = fleet.RoleBridge, true
		if n := Decide(l, p); n.Step == Retire || n.Step == Move || n.Overdue {
			t.Fatalf("%+v for %+v", n, l)
		}
	})
}

func TestPeopleAreMovedOnlyByPolicyAndPastTheLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, p := anybody(t), anyPolicy(t)
		if n := Decide(l, p); n.Step == Move && (!p.MoveAtEnd || l.For <= p.Limit || l.Role != fleet.RoleBridge) {
			t.Fatalf("%+v for %+v", n, l)
		}
	})
}

func TestABridgeIsRetiredOnlyWhenItIsKnownToBeEmpty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, p := anybody(t), anyPolicy(t)
		s := l.Report.Status
		if n := Decide(l, p); n.Step == Retire && (s.Bridge == nil || s.Bridge.LocalEndpoints > 0 || s.Phase != fleet.PhaseDraining || s.Age() > p.StaleAfter) {
			t.Fatalf("%+v for %+v", n, l)
		}
	})
}

func TestTimeAloneOnlyEscalatesFromDrainingToMoving(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, p := anybody(t), anyPolicy(t)
		early := Decide(l, p)
		l.For += time.Duration(seconds(t, 50*3600, "later")) * time.Second
		late := Decide(l, p)
		if early.Step != late.Step && (early.Step != Keep || late.Step != Move) {
			t.Fatalf("%+v becomes %+v", early, late)
		}
		if early.Overdue && !late.Overdue {
			t.Fatalf("%+v is overdue and %+v is not", early, late)
		}
	})
}
