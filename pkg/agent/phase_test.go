package agent

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

var noon = time.Date(2026, 9, 14, 12, 0, 0, 0, time.UTC)

const sickAfter = 15 * time.Second

// failing is the past of a component that was up and has failed for a time, refused or not.
func failing(since time.Duration, refused bool) Past {
	p := Past{WasUp: true, FailingSince: noon.Add(-since), Failures: enoughLooks}
	if refused {
		p.RefusedSince, p.Refusals = p.FailingSince, enoughLooks
	}
	return p
}

func TestPhaseOfABridge(t *testing.T) {
	up := Past{WasUp: true}
	admitted, drained := Intent{Admitted: true}, Intent{Admitted: true, Drained: true}
	retired := Intent{Admitted: true, Drained: true, Retired: true}
	ready := View{Answer: Answered, Ready: true}
	for _, c := range []struct {
		name   string
		view   View
		intent Intent
		past   Past
		want   fleet.Phase
	}{
		{"refused and never seen up is starting", View{Answer: Refused}, Intent{}, Past{}, fleet.PhaseStarting},
		{"refused for long and never seen up is starting still", View{Answer: Refused}, Intent{},
			Past{RefusedSince: noon.Add(-time.Hour), Refusals: 9, FailingSince: noon.Add(-time.Hour), Failures: 9}, fleet.PhaseStarting},
		{"answering but not joined is starting", View{Answer: Answered, Drain: true}, Intent{}, Past{}, fleet.PhaseStarting},
		{"ready and not admitted is standby", View{Answer: Answered, Ready: true, Drain: true}, Intent{}, up, fleet.PhaseStandby},
		{"ready, not admitted and not yet in drain is standby", ready, Intent{}, up, fleet.PhaseStandby},
		{"not admitted but carrying people is draining", View{Answer: Answered, Ready: true, Drain: true, Occupied: true}, Intent{}, up, fleet.PhaseDraining},
		{"never seen ready but carrying people is not starting", View{Answer: Answered, Drain: true, Occupied: true}, Intent{}, Past{}, fleet.PhaseDraining},
		{"admitted is serving", ready, admitted, up, fleet.PhaseServing},
		{"admitted but in drain is draining", View{Answer: Answered, Ready: true, Drain: true}, admitted, up, fleet.PhaseDraining},
		{"drained is draining before the component is", ready, drained, up, fleet.PhaseDraining},
		{"shutting down is retiring, whoever ordered it", View{Answer: Answered, Ready: true, Leaving: true}, admitted, up, fleet.PhaseRetiring},
		{"retired is retiring before the component is", ready, retired, up, fleet.PhaseRetiring},
		{"retired and refused is gone at once", View{Answer: Refused}, retired, up, fleet.PhaseGone},
		{"refused for a moment keeps its phase", View{Answer: Refused}, admitted, failing(time.Second, true), fleet.PhaseServing},
		{"refused for long is gone", View{Answer: Refused}, admitted, failing(sickAfter, true), fleet.PhaseGone},
		{"refused for long is gone while drained", View{Answer: Refused, Drain: true}, drained, failing(sickAfter, true), fleet.PhaseGone},
		{"silent for a moment keeps its phase", View{Answer: Silent, Drain: true}, drained, failing(time.Second, false), fleet.PhaseDraining},
		{"silent for long is sick", View{Answer: Silent}, admitted, failing(sickAfter, false), fleet.PhaseSick},
		{"silent for long while retiring is sick, not gone", View{Answer: Silent, Leaving: true}, retired, failing(sickAfter, false), fleet.PhaseSick},
		{"unhealthy for long is sick", View{Answer: Answered}, admitted, failing(sickAfter, false), fleet.PhaseSick},
		{"two slow answers are no illness", View{Answer: Silent}, admitted,
			Past{WasUp: true, FailingSince: noon.Add(-time.Hour), Failures: 2}, fleet.PhaseServing},
		{"refused after a long silence is sick until that lasted", View{Answer: Refused}, admitted,
			Past{WasUp: true, FailingSince: noon.Add(-time.Hour), Failures: 9, RefusedSince: noon, Refusals: 1}, fleet.PhaseSick},
		{"unasked and not ready yet is starting", View{Answer: Answered, Unasked: true}, Intent{}, Past{}, fleet.PhaseStarting},
		{"unasked and ready is serving", View{Answer: Answered, Ready: true, Occupied: true, Unasked: true}, Intent{}, up, fleet.PhaseServing},
		{"unasked and told to leave is draining", View{Answer: Answered, Ready: true, Unasked: true}, Intent{Drained: true}, up, fleet.PhaseDraining},
		{"unasked and refused for long is gone", View{Answer: Refused, Unasked: true}, Intent{}, failing(sickAfter, true), fleet.PhaseGone},
		{"an admitted node whose new agent finds nobody is not starting", View{Answer: Refused}, admitted, Past{}, fleet.PhaseServing},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, PhaseOf(c.view, c.intent, c.past, noon, sickAfter))
		})
	}
}

func drawView(t *rapid.T) View {
	return View{
		Answer:   rapid.SampledFrom([]Answer{Silent, Refused, Answered}).Draw(t, "answer"),
		Ready:    rapid.Bool().Draw(t, "ready"),
		Drain:    rapid.Bool().Draw(t, "drain"),
		Leaving:  rapid.Bool().Draw(t, "leaving"),
		Occupied: rapid.Bool().Draw(t, "occupied"),
	}
}

func drawIntent(t *rapid.T) Intent {
	i := Intent{
		Admitted: rapid.Bool().Draw(t, "admitted"),
		Drained:  rapid.Bool().Draw(t, "drained"),
		Retired:  rapid.Bool().Draw(t, "retired"),
	}
	i.Moved = i.Retired && rapid.Bool().Draw(t, "moved")
	return i
}

// TestPhasesThatLetANodeBeEnded holds what the control plane builds upon: it ends nodes that are gone, and nodes
// that were never admitted and are starting or standby.
func TestPhasesThatLetANodeBeEnded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		intent, now := drawIntent(t), noon
		var past Past
		for range rapid.IntRange(1, 12).Draw(t, "looks") {
			view := drawView(t)
			view.Ready = view.Ready && view.Answer == Answered
			past = past.After(view, now)
			phase := PhaseOf(view, intent, past, now, sickAfter)
			if phase == fleet.PhaseGone && view.Answer != Refused {
				t.Fatalf("gone, but it answered %v", view.Answer)
			}
			if (phase == fleet.PhaseStarting || phase == fleet.PhaseStandby) && view.Occupied {
				t.Fatalf("%s, but people are on it", phase)
			}
			if (phase == fleet.PhaseStarting || phase == fleet.PhaseStandby) && intent.Admitted {
				t.Fatalf("%s, but it was admitted", phase)
			}
			if phase == fleet.PhaseServing && (intent.Drained || intent.Retired || !intent.Admitted) {
				t.Fatalf("serving against the intent %+v", intent)
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "seconds")) * time.Second)
		}
	})
}

func TestAGoodLookEndsARunOfFailures(t *testing.T) {
	p := Past{}.After(View{Answer: Refused}, noon).After(View{Answer: Silent}, noon.Add(time.Second))
	assert.Equal(t, Past{FailingSince: noon, Failures: 2}, p)
	p = p.After(View{Answer: Answered, Ready: true}, noon.Add(2*time.Second))
	assert.Equal(t, Past{WasUp: true}, p)
}

func TestQuestionsAreShorterThanAPollWithinBounds(t *testing.T) {
	assert.Equal(t, time.Second, QuestionLimit(2*time.Second))
	assert.Equal(t, time.Second, QuestionLimit(time.Minute))
	assert.Equal(t, 300*time.Millisecond, QuestionLimit(600*time.Millisecond))
	assert.Equal(t, 250*time.Millisecond, QuestionLimit(time.Millisecond))
}
