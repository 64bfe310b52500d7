package admit

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

var (
	errSilent = errors.New("no answer in 2s")
	policy    = Policy{Grace: 10 * time.Minute, StaleAfter: 30 * time.Second}
)

func waiting(phase fleet.Phase, since time.Duration) Waiting {
	return Waiting{Report: fleet.Report{Status: fleet.Status{Phase: phase}}, For: since}
}

func TestTheNextStepOfAWaitingInstance(t *testing.T) {
	edit := func(w Waiting, e func(*Waiting)) Waiting { e(&w); return w }
	silent := func(since time.Duration) Waiting {
		return Waiting{Report: fleet.Report{Err: errSilent}, For: since}
	}
	const early, late = time.Minute, 11 * time.Minute
	for _, c := range []struct {
		name string
		w    Waiting
		step Step
	}{
		{"an instance that boots is held", silent(early), Wait},
		{"an instance whose component starts is held", waiting(fleet.PhaseStarting, early), Wait},
		{"a fit instance is admitted", waiting(fleet.PhaseStandby, early), Admit},
		{"a fit instance is admitted after its grace too", waiting(fleet.PhaseStandby, late), Admit},
		{"figures that are stale do not admit", edit(waiting(fleet.PhaseStandby, early), func(w *Waiting) { w.Report.Status.AgeSeconds = 31 }), Wait},
		{"an instance with people that forgot its admission is admitted", waiting(fleet.PhaseDraining, late), Admit},
		{"an instance with people and stale figures is held", edit(waiting(fleet.PhaseDraining, late), func(w *Waiting) { w.Report.Status.AgeSeconds = 31 }), Wait},
		{"a sick instance with people is held", edit(waiting(fleet.PhaseSick, late), func(w *Waiting) { w.Report.Status.Bridge = &fleet.BridgeLoad{LocalEndpoints: 1} }), Wait},
		{"a signal node with participants is held", edit(waiting(fleet.PhaseSick, late), func(w *Waiting) { w.Report.Status.Signal = &fleet.SignalLoad{Participants: 1} }), Wait},
		{"a recorder that records is held", edit(waiting(fleet.PhaseSick, late), func(w *Waiting) { w.Report.Status.Jibri = &fleet.JibriLoad{Activity: fleet.ActivityRecording} }), Wait},
		{"a recorder with a recording on its disk is held", edit(waiting(fleet.PhaseStarting, late), func(w *Waiting) { w.Report.Status.Jibri = &fleet.JibriLoad{Spool: fleet.SpoolLoad{Recordings: 1}} }), Wait},
		{"a recorder without any is given up after its grace", edit(waiting(fleet.PhaseStarting, late), func(w *Waiting) { w.Report.Status.Jibri = &fleet.JibriLoad{Activity: fleet.ActivityOff} }), GiveUp},
		{"an instance that was admitted is let into service", edit(waiting(fleet.PhaseServing, late), func(w *Waiting) { w.Report.Status.Admitted = true }), Complete},
		{"an instance that was admitted and is sick is let into service, where it is judged", edit(waiting(fleet.PhaseSick, late), func(w *Waiting) { w.Report.Status.Admitted = true }), Complete},
		{"an instance that was ordered to work and is silent is held past its grace", edit(silent(99*late), func(w *Waiting) { w.Ordered = true }), Wait},
		{"an instance at its grace is held", silent(policy.Grace), Wait},
		{"a silent instance is given up after its grace", silent(late), GiveUp},
		{"an instance that never became fit is given up after its grace", waiting(fleet.PhaseStarting, late), GiveUp},
		{"a silent instance is held while the observer is doubted", edit(silent(late), func(w *Waiting) { w.ObserverDoubted = true }), Wait},
		{"an unfit instance is given up though the observer is doubted", edit(waiting(fleet.PhaseStarting, late), func(w *Waiting) { w.ObserverDoubted = true }), GiveUp},
		{"a stopped machine is given up at once", edit(silent(early), func(w *Waiting) { w.Stopped = true }), GiveUp},
		{"a stopped machine is given up though it was ordered to work", edit(silent(early), func(w *Waiting) { w.Stopped, w.Ordered = true, true }), GiveUp},
		{"the third failure in a row does not back off yet", edit(silent(late), func(w *Waiting) { w.Failures, w.FailedAgo = 2, time.Second }), GiveUp},
		{"the fourth waits one grace after the third", edit(silent(late), func(w *Waiting) { w.Failures, w.FailedAgo = 3, 10*time.Minute-1 }), Wait},
		{"the fourth is given up one grace after the third", edit(silent(late), func(w *Waiting) { w.Failures, w.FailedAgo = 3, 10*time.Minute }), GiveUp},
		{"the fifth waits two", edit(silent(late), func(w *Waiting) { w.Failures, w.FailedAgo = 4, 20*time.Minute-1 }), Wait},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := Decide(c.w, policy)
			assert.Equal(t, c.step, n.Step, n.Reason)
			assert.NotEmpty(t, n.Reason)
		})
	}
}

func TestBackOffDoublesUpToSixtyFourGraces(t *testing.T) {
	assert.Equal(t, policy.Grace, backOff(Patience, policy.Grace))
	for failures := Patience + 1; failures <= Patience+6; failures++ {
		assert.Equal(t, 2*backOff(failures-1, policy.Grace), backOff(failures, policy.Grace), "after %d failures", failures)
	}
	assert.Equal(t, 64*policy.Grace, backOff(1000, policy.Grace))
	assert.Positive(t, backOff(1<<30, 2*time.Hour), "the longest grace does not overflow")
}

var phases = []fleet.Phase{
	fleet.PhaseStarting, fleet.PhaseStandby, fleet.PhaseServing, fleet.PhaseDraining, fleet.PhaseRetiring,
	fleet.PhaseGone, fleet.PhaseSick, "a phase of a later release", "",
}

func anybody(t *rapid.T) Waiting {
	seconds := func(most int, what string) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(t, what)) * time.Second
	}
	w := Waiting{
		For: seconds(7200, "for"), Ordered: rapid.Bool().Draw(t, "ordered"), Stopped: rapid.IntRange(0, 9).Draw(t, "stopped") == 0,
		ObserverDoubted: rapid.Bool().Draw(t, "doubted"), Failures: rapid.IntRange(0, 12).Draw(t, "failures"), FailedAgo: seconds(90000, "failed ago"),
		Report: fleet.Report{Status: fleet.Status{
			Phase: rapid.SampledFrom(phases).Draw(t, "phase"), Admitted: rapid.Bool().Draw(t, "admitted"), AgeSeconds: seconds(60, "age").Seconds(),
		}},
	}
	if rapid.Bool().Draw(t, "has figures") {
		w.Report.Status.Bridge = &fleet.BridgeLoad{LocalEndpoints: int64(rapid.IntRange(0, 2).Draw(t, "endpoints"))}
	}
	if rapid.Bool().Draw(t, "is a recorder") {
		w.Report.Status.Jibri = &fleet.JibriLoad{Spool: fleet.SpoolLoad{Recordings: rapid.IntRange(0, 1).Draw(t, "spool")}}
	}
	if rapid.IntRange(0, 2).Draw(t, "silent") == 0 {
		w.Report = fleet.Report{Err: errSilent}
	}
	return w
}

func TestNobodyWhoMayCarryWorkIsGivenUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := anybody(t)
		if n := Decide(w, policy); n.Step != GiveUp || w.Stopped {
			return
		}
		s := w.Report.Status
		if w.Ordered || s.Admitted || s.Phase == fleet.PhaseDraining || s.Bridge != nil && s.Bridge.LocalEndpoints > 0 ||
			s.Jibri != nil && s.Jibri.Spool.Recordings > 0 {
			t.Fatalf("%+v is given up", w)
		}
		if w.Report.Err != nil && w.ObserverDoubted {
			t.Fatal("it is given up on silence while the observer is doubted")
		}
		if w.For <= policy.Grace {
			t.Fatal("it is given up within its grace")
		}
	})
}

func TestOnlyHealthyInstancesAreAdmittedAndOnlyAdmittedOnesCompleted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := anybody(t)
		s, heard := w.Report.Status, w.Report.Err == nil
		fit := heard && slices.Contains([]fleet.Phase{fleet.PhaseStandby, fleet.PhaseDraining}, s.Phase) && s.Age() <= policy.StaleAfter
		switch n := Decide(w, policy); {
		case n.Step == Admit && (!fit || s.Admitted || w.Stopped):
			t.Fatalf("%+v is admitted", w)
		case n.Step == Complete && (!heard || !s.Admitted || w.Stopped):
			t.Fatalf("%+v is completed", w)
		case fit && !w.Stopped && n.Step != Admit && n.Step != Complete:
			t.Fatalf("%+v is fit, and %+v", w, n)
		}
	})
}

func TestTimeAloneNeverUndoesAGiveUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := anybody(t)
		early := Decide(w, policy)
		more := time.Duration(rapid.IntRange(0, 90000).Draw(t, "later")) * time.Second
		w.For, w.FailedAgo = w.For+more, w.FailedAgo+more
		late := Decide(w, policy)
		if early.Step != late.Step && (early.Step != Wait || late.Step != GiveUp) {
			t.Fatalf("%+v becomes %+v", early, late)
		}
	})
}
