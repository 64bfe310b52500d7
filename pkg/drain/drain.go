// Package drain decides what to do next with one instance that leaves the fleet.
//
// It is pure, and it is asked anew on every run: the answer depends on what is observed now, never on what was
// answered before. Its one promise: an instance is ended only when it is proven that it carries nothing.
package drain

import (
	"fmt"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// Step is the next thing to do with a leaving instance.
type Step string

// The steps.
const (
	Wait   Step = "wait"   // nothing to do but to keep holding it
	Drain  Step = "drain"  // order it to take nothing new
	Keep   Step = "keep"   // it drains and shall go on: repeat that order, without which its agent would take work again
	Retire Step = "retire" // it is empty: order it to shut down for good
	Move   Step = "move"   // at the limit: order it to shut down and let Jicofo move its participants
	End    Step = "end"    // it carries nothing: let it be terminated
)

// Policy is what the operator decided about leaving instances.
type Policy struct {
	Limit      time.Duration // how long a drain may last
	MoveAtEnd  bool          // at the limit participants are moved; otherwise the bridge is held
	DeadAfter  time.Duration // how long a component must fail before its word alone is doubted no more
	StaleAfter time.Duration // figures older than this prove nothing
}

// Leaving is one leaving instance as it is observed now.
type Leaving struct {
	Role   fleet.Role
	Report fleet.Report
	// For is how long it has been leaving.
	For time.Duration
	// Jicofo is the answer of the shard's Jicofo, for bridges; Jicofos is those of all shards, for recorders.
	Jicofo  fleet.Report
	Jicofos map[string]fleet.Report
	ID      fleet.InstanceID
	// Stopped is true when EC2 says that the machine does not run any more.
	Stopped bool
	// Reserve is true when the group may need it within a boot time: it drains, and is not ended though it is empty.
	Reserve bool
	// NeverServed is true when it was given up before it was let into service.
	NeverServed bool
}

// Next is the next step and its reason. Overdue is true when the drain is past its limit.
type Next struct {
	Step    Step
	Overdue bool
	Reason  string
}

// Decide says what to do next with a leaving instance.
func Decide(l Leaving, p Policy) Next {
	n := decide(l, p)
	n.Overdue = n.Step != End && !l.Reserve && l.For > p.Limit
	return n
}

func decide(l Leaving, p Policy) Next {
	s := l.Report.Status
	switch {
	case l.Stopped:
		return Next{Step: End, Reason: "EC2 says that it does not run any more"}
	case l.NeverServed && (l.Report.Err != nil || !s.Admitted && !records(s)):
		return Next{Step: End, Reason: "it was given up before it served"}
	case l.Report.Err != nil:
		return Next{Step: Wait, Reason: "its agent is silent, which proves nothing: " + l.Report.Err.Error()}
	case l.Role == fleet.RoleJibri:
		return jibri(l, p)
	case s.Phase == fleet.PhaseGone:
		return Next{Step: End, Reason: "its component has ended"}
	case !s.Admitted && (s.Phase == fleet.PhaseStarting || s.Phase == fleet.PhaseStandby):
		return Next{Step: End, Reason: "it was never admitted and carries nothing"}
	case s.Phase == fleet.PhaseSick:
		return sick(l, p)
	case s.Age() > p.StaleAfter:
		return Next{Step: Wait, Reason: fmt.Sprintf("its figures are %s old and prove nothing", s.Age().Round(time.Second))}
	case l.Role == fleet.RoleBridge:
		return bridge(l, p)
	default:
		return signal(l)
	}
}

func bridge(l Leaving, p Policy) Next {
	s := l.Report.Status
	switch {
	case s.Bridge == nil:
		return Next{Step: Wait, Reason: "its bridge has not told its load"}
	case s.Phase == fleet.PhaseRetiring:
		return Next{Step: Wait, Reason: "its bridge is shutting down"}
	case s.Phase != fleet.PhaseDraining:
		return Next{Step: Drain, Reason: "it takes new work still"}
	case l.Reserve:
		return Next{Step: Keep, Reason: fmt.Sprintf("it is a reserve, with %d endpoints", s.Bridge.LocalEndpoints)}
	case s.Bridge.LocalEndpoints == 0:
		return Next{Step: Retire, Reason: "it drains and has no endpoints"}
	case l.For > p.Limit && p.MoveAtEnd:
		return Next{Step: Move, Reason: fmt.Sprintf("%d endpoints after the limit of %s", s.Bridge.LocalEndpoints, p.Limit)}
	default:
		return Next{Step: Keep, Reason: fmt.Sprintf("it has %d endpoints", s.Bridge.LocalEndpoints)}
	}
}

// sick ends a bridge that has not worked for long only when Jicofo has no participants on it either.
func sick(l Leaving, p Policy) Next {
	view, listed := l.Jicofo.Status.BridgeView(l.ID)
	switch {
	case l.Role != fleet.RoleBridge:
		return Next{Step: Wait, Reason: "its components do not work: " + l.Report.Status.Detail}
	case l.Report.Status.PhaseFor() < p.DeadAfter:
		return Next{Step: Wait, Reason: "its bridge does not work, for less than " + p.DeadAfter.String()}
	case l.Jicofo.Err != nil || l.Jicofo.Status.Signal == nil || l.Jicofo.Status.Age() > p.StaleAfter:
		return Next{Step: Wait, Reason: "its bridge does not work, and Jicofo does not say whether anybody is on it"}
	case listed && view.Endpoints > 0:
		return Next{Step: Wait, Reason: fmt.Sprintf("its bridge does not work, and Jicofo has %d endpoints on it", view.Endpoints)}
	default:
		return Next{Step: End, Reason: "its bridge does not work, and Jicofo has nobody on it"}
	}
}

func signal(l Leaving) Next {
	s := l.Report.Status
	switch {
	case s.Signal == nil:
		return Next{Step: Wait, Reason: "its Jicofo has not told its load"}
	case s.Signal.Participants > 0:
		return Next{Step: Wait, Reason: fmt.Sprintf("it has %d participants", s.Signal.Participants)}
	default:
		return Next{Step: End, Reason: "it has no participants"}
	}
}
