package agent

import (
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// Answer is how a component took to being asked.
type Answer int

// The answers.
const (
	Silent   Answer = iota // there, but no usable answer in time
	Refused                // nobody listens: the process is not there
	Answered               // it told its figures
)

// View is what one look at the component found.
type View struct {
	Answer Answer
	// Ready is true when the component could take work: healthy, and joined to its shard.
	Ready bool
	// Trouble says in words what is not as it should be; it can be said of a component that is ready.
	Trouble string
	Drain   bool // it advertises that it wants nothing new
	Leaving bool // it shuts down, which cannot be undone
	// Occupied is true when people are on it.
	Occupied bool
	Version  string
	Bridge   *fleet.BridgeLoad // on a bridge
	Signal   *fleet.SignalLoad // on a signal node
	Edge     *fleet.EdgeLoad   // on an edge node; Open is whether it is warm
	// Jibri is a recorder's figures. They are the agent's own, so they are fresh whether Jibri answers or not.
	Jibri *fleet.JibriLoad
	// Unasked is true of a component that takes work without having been admitted.
	Unasked bool
}

// butFailing is the last good view after a look that got no figures: what was known stays known, though older.
func (v View) butFailing(failed View) View {
	v.Answer, v.Ready, v.Trouble = failed.Answer, false, failed.Trouble
	return v
}

// Past is what the agent remembers of earlier looks.
type Past struct {
	// WasUp is true once the component was ready.
	WasUp bool
	// FailingSince is when the present run of looks without a ready component began, and Failures its length.
	FailingSince time.Time
	Failures     int
	// RefusedSince and Refusals are the same for looks that were refused.
	RefusedSince time.Time
	Refusals     int
}

// After is the past once a view at a given time has become part of it.
func (p Past) After(v View, now time.Time) Past {
	p.WasUp = p.WasUp || v.Ready
	p.FailingSince, p.Failures = extend(p.FailingSince, p.Failures, !v.Ready, now)
	p.RefusedSince, p.Refusals = extend(p.RefusedSince, p.Refusals, v.Answer == Refused, now)
	return p
}

// extend lengthens a run by one look, or ends it.
func extend(since time.Time, looks int, goesOn bool, now time.Time) (time.Time, int) {
	switch {
	case !goesOn:
		return time.Time{}, 0
	case looks == 0:
		return now, 1
	default:
		return since, looks + 1
	}
}

// enoughLooks is how many failed looks in a row are needed besides the time that they took, so that one slow
// answer is no illness where SickAfter is shorter than an answer's time limit.
const enoughLooks = 3

func lasting(since time.Time, looks int, now time.Time, least time.Duration) bool {
	return looks >= enoughLooks && now.Sub(since) >= least
}

// PhaseOf is the phase of a node whose component looks like v now.
//
// Gone is said only of a process that was up and that nobody listens for any more: at once when it was told to
// end, else when it has lasted. Standby and Starting are said only of a node with nobody on it, because the control
// plane may end such a node without asking again.
func PhaseOf(v View, i Intent, p Past, now time.Time, sickAfter time.Duration) fleet.Phase {
	admitted := i.Admitted || v.Unasked
	wasUp := p.WasUp || i.Admitted || i.Retired || v.Occupied
	switch {
	case wasUp && v.Answer == Refused && (i.Retired || lasting(p.RefusedSince, p.Refusals, now, sickAfter)):
		return fleet.PhaseGone
	case wasUp && !v.Ready && lasting(p.FailingSince, p.Failures, now, sickAfter):
		return fleet.PhaseSick
	case v.Leaving || i.Retired:
		return fleet.PhaseRetiring
	case !wasUp && !v.Ready:
		return fleet.PhaseStarting
	case !admitted && v.Occupied:
		return fleet.PhaseDraining
	case !admitted:
		return fleet.PhaseStandby
	case i.Drained || v.Drain:
		return fleet.PhaseDraining
	default:
		return fleet.PhaseServing
	}
}

// Bounds of how long a component may take to answer one question.
const (
	shortestQuestion = 250 * time.Millisecond
	longestQuestion  = time.Second
)

// QuestionLimit is how long a component may take to answer one question when it is looked at every poll: half of
// that, within bounds, so that a look is over before the next and an order is answered within a caller's patience.
func QuestionLimit(poll time.Duration) time.Duration {
	return min(max(poll/2, shortestQuestion), longestQuestion)
}
