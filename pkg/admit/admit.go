// Package admit decides what to do next with one instance that Auto Scaling holds until it is fit to serve.
//
// It is pure. Its one promise: an instance that may carry work is never given up.
package admit

import (
	"fmt"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// Step is the next thing to do with a waiting instance.
type Step string

// The steps.
const (
	Wait     Step = "wait"     // keep holding it
	Admit    Step = "admit"    // fit: order it to take work, then let it into service
	Complete Step = "complete" // it was ordered already: let it into service
	GiveUp   Step = "give up"  // it did not become fit in time: have it replaced
)

// Policy is what the operator decided.
type Policy struct {
	// Grace is how long an instance may take from launch to fit.
	Grace      time.Duration
	StaleAfter time.Duration
}

// Waiting is one instance in Pending:Wait as it is observed now.
type Waiting struct {
	Report fleet.Report
	// For is how long ago it was launched.
	For time.Duration
	// Ordered is true when a run before this one ordered it to take work.
	Ordered bool
	// Stopped is true when EC2 says that the machine does not run any more.
	Stopped bool
	// ObserverDoubted is true when so many other nodes of the group are silent that the observer is presumed wrong.
	ObserverDoubted bool
	// Failures is how many launches of the group were given up in a row, the last one FailedAgo ago.
	Failures  int
	FailedAgo time.Duration
}

// Patience is how many launches in a row may be given up before giving up backs off
// (DESIGN, principle 3: "three failed launches in a row: back-off and an alarm").
const Patience = 3

// Next is the next step and its reason.
type Next struct {
	Step   Step
	Reason string
}

// Decide says what to do next with a waiting instance.
func Decide(w Waiting, p Policy) Next {
	s := w.Report.Status
	heard := w.Report.Err == nil
	switch {
	case w.Stopped:
		return Next{GiveUp, "EC2 says that it does not run any more"}
	case heard && s.Admitted:
		return Next{Complete, "it was admitted before"}
	case heard && (s.Phase == fleet.PhaseStandby || s.Phase == fleet.PhaseDraining) && s.Age() <= p.StaleAfter:
		return Next{Admit, "its component is healthy and has joined"}
	case heard && occupied(s):
		return Next{Wait, "people or recordings are on it, so it is not given up: " + plight(w)}
	case w.Ordered:
		return Next{Wait, "it was ordered to take work, so it is not given up: " + plight(w)}
	case w.For <= p.Grace:
		return Next{Wait, fmt.Sprintf("%s, launched %s of %s ago", plight(w), w.For.Round(time.Second), p.Grace)}
	case !heard && w.ObserverDoubted:
		return Next{Wait, "so many nodes are silent that the observer is presumed wrong"}
	case w.Failures >= Patience && w.FailedAgo < backOff(w.Failures, p.Grace):
		return Next{Wait, fmt.Sprintf("%d launches in a row were given up: the next is given up %s after the last", w.Failures, backOff(w.Failures, p.Grace))}
	default:
		return Next{GiveUp, fmt.Sprintf("%s, %s after its launch", plight(w), w.For.Round(time.Second))}
	}
}

// occupied reports whether a node says that it carries people or their recordings. One that was never admitted can,
// when its agent lost its memory; it then says that it drains.
func occupied(s fleet.Status) bool {
	if s.Jibri != nil && (s.Jibri.Activity.Busy() || s.Jibri.Spool.Recordings > 0) {
		return true
	}
	return s.Phase == fleet.PhaseDraining || s.Bridge != nil && s.Bridge.LocalEndpoints > 0 || s.Signal != nil && s.Signal.Participants > 0
}

func plight(w Waiting) string {
	switch {
	case w.Report.Err != nil:
		return "its agent is silent: " + w.Report.Err.Error()
	case w.Report.Status.Detail != "":
		return "it is not fit: " + w.Report.Status.Detail
	default:
		return "it is not fit: " + string(w.Report.Status.Phase)
	}
}

// backOff doubles from one grace after the third failure to 64 after the ninth.
func backOff(failures int, grace time.Duration) time.Duration {
	return grace << min(failures-Patience, 6)
}
