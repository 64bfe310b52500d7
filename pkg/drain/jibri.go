package drain

import (
	"fmt"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// jibri decides on a recorder whose agent answered. It is ended only when its container has ended, or never began,
// and no recording is on its disk any more; so what it records is recorded to the end, and is in S3 before it goes.
func jibri(l Leaving, p Policy) Next {
	s := l.Report.Status
	unstarted := !s.Admitted && (s.Phase == fleet.PhaseStarting || s.Phase == fleet.PhaseStandby)
	switch {
	case s.Jibri == nil:
		return Next{Step: Wait, Reason: "it has not told what it records"}
	case s.Jibri.Activity.Busy():
		return Next{Step: Wait, Reason: fmt.Sprintf("it is %s", s.Jibri.Activity)}
	case (s.Phase == fleet.PhaseGone || unstarted) && s.Jibri.Spool.Recordings > 0:
		return Next{Step: Wait, Reason: spooled(s.Jibri.Spool)}
	case s.Phase == fleet.PhaseGone:
		return Next{Step: End, Reason: "its container has ended and its recordings are in S3"}
	case unstarted:
		return Next{Step: End, Reason: "it was never admitted and has no recordings"}
	case s.Phase == fleet.PhaseSick:
		return sickJibri(l, p)
	case s.Age() > p.StaleAfter:
		return Next{Step: Wait, Reason: fmt.Sprintf("its figures are %s old and prove nothing", s.Age().Round(time.Second))}
	case s.Phase == fleet.PhaseRetiring:
		return Next{Step: Wait, Reason: "its container is shutting down"}
	default:
		return Next{Step: Retire, Reason: "it records nothing"}
	}
}

// sickJibri ends a recorder that has not worked for long when nothing is on its disk and no Jicofo records with it.
func sickJibri(l Leaving, p Policy) Next {
	s := l.Report.Status
	opinion := fleet.OpinionOf(l.Jicofos, l.ID, p.StaleAfter)
	switch {
	case s.PhaseFor() < p.DeadAfter:
		return Next{Step: Wait, Reason: "its Jibri does not work, for less than " + p.DeadAfter.String()}
	case s.Jibri.Spool.Recordings > 0:
		return Next{Step: Wait, Reason: "its Jibri does not work, and " + spooled(s.Jibri.Spool)}
	case opinion.Jicofos == 0:
		return Next{Step: Wait, Reason: "its Jibri does not work, and no Jicofo says whether it records"}
	case opinion.Busy > 0:
		return Next{Step: Wait, Reason: "its Jibri does not work, and a Jicofo says that it records"}
	default:
		return Next{Step: End, Reason: "its Jibri does not work, no Jicofo records with it and its recordings are in S3"}
	}
}

// records reports whether a node says that it records, or that recordings are on its disk.
func records(s fleet.Status) bool {
	return s.Jibri != nil && (s.Jibri.Activity.Busy() || s.Jibri.Spool.Recordings > 0)
}

func spooled(s fleet.SpoolLoad) string {
	text := fmt.Sprintf("%d recordings on its disk are not in S3", s.Recordings)
	if s.Trouble != "" {
		text += ": " + s.Trouble
	}
	return text
}
