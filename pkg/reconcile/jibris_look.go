package reconcile

import (
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// sight is what is seen of one recorder that neither has ended nor is being ended by Auto Scaling.
type sight struct {
	instance fleet.Instance
	status   fleet.Status
	opinion  fleet.JibriOpinion
	kind     sightKind
}

// sightKind is what a recorder looks like at this moment.
type sightKind int

const (
	looksSilent   sightKind = iota
	looksBooting            // Auto Scaling holds it, or it waits to be admitted
	looksLeaving            // told to shut down, or ended
	looksBusy               // in its own view or in a Jicofo's
	looksFree               // in its own view and in every Jicofo's
	looksDisputed           // says that it is free, and a Jicofo would not choose it
	looksIdle               // works in its agent's judgement, and is not free
	looksBroken             // does not work in its agent's judgement
)

// lookAtJibris sees each recorder in the pool. leaving holds those that were told to shut down.
func lookAtJibris(o fleet.Observation, leaving map[fleet.InstanceID]time.Time, staleAfter time.Duration) []sight {
	var sights []sight
	for _, i := range o.Group.Instances {
		if !i.Lifecycle.Booting() && i.Lifecycle != fleet.StateInService {
			continue
		}
		_, leaves := leaving[i.ID]
		r := o.Nodes[i.ID]
		s := sight{instance: i, status: r.Status, opinion: fleet.OpinionOf(o.Signals, i.ID, staleAfter)}
		s.kind = s.look(r.Err, leaves, staleAfter)
		sights = append(sights, s)
	}
	return sights
}

func (s sight) look(silence error, leaves bool, staleAfter time.Duration) sightKind {
	load, phase := s.status.Jibri, s.status.Phase
	switch {
	case s.instance.Lifecycle.Booting():
		return looksBooting
	case leaves:
		return looksLeaving
	case silence != nil:
		return looksSilent
	case phase == fleet.PhaseRetiring || phase == fleet.PhaseGone:
		return looksLeaving
	case load != nil && load.Activity.Busy() || s.opinion.Busy > 0:
		return looksBusy
	case phase == fleet.PhaseSick || phase == fleet.PhaseStarting:
		return looksBroken
	case load == nil || s.status.Age() > staleAfter:
		return looksSilent
	case phase != fleet.PhaseServing:
		return looksBooting
	case !load.Free:
		return looksIdle
	case s.opinion.Contradicts():
		return looksDisputed
	default:
		return looksFree
	}
}

// state is what a recorder is to the capacity decision, were it judged by this moment alone.
func (s sight) state() capacity.JibriState {
	switch s.kind {
	case looksBooting:
		return capacity.JibriBooting
	case looksLeaving:
		return capacity.JibriRetiring
	case looksBusy:
		return capacity.JibriBusy
	case looksFree:
		return capacity.JibriFree
	case looksDisputed, looksIdle, looksBroken:
		return capacity.JibriUnfit
	default:
		return capacity.JibriSilent
	}
}

// judgeJibris says what each recorder is to the capacity decision. One that is not free is waited for a little, since
// restarting its container, or Jicofo's hearing of it, takes seconds and another machine minutes: for a boot time after
// its admission, for StaleAfter later on.
func judgeJibris(now time.Time, sights []sight, memory *jibriMemory, env settings.JibrisEnv) []capacity.Jibri {
	jibris := make([]capacity.Jibri, 0, len(sights))
	for _, s := range sights {
		j := capacity.Jibri{ID: s.instance.ID, State: s.state(), Outdated: s.instance.Outdated}
		if s.status.Jibri != nil {
			j.IdleFor = s.status.Jibri.For()
		}
		waits := s.kind == looksDisputed || s.kind == looksIdle
		if waits && (now.Sub(memory.Unfit[j.ID]) < env.StaleAfter || s.status.PhaseFor() < env.BootTime) {
			j.State = capacity.JibriBooting
		}
		jibris = append(jibris, j)
	}
	return jibris
}

// jibriSuspects are the recorders that look broken: in their agent's judgement, or since no Jicofo that said something
// would choose them while they say that they are free, for longer than its hearing of them may take. Nobody suspects a
// busy one.
func jibriSuspects(now time.Time, sights []sight, memory *jibriMemory, staleAfter time.Duration) []capacity.Suspect {
	var suspects []capacity.Suspect
	for _, s := range sights {
		shunned := now.Sub(memory.Shunned[s.instance.ID])
		switch {
		case s.kind == looksBroken:
			suspects = append(suspects, capacity.Suspect{ID: s.instance.ID, For: s.status.PhaseFor(), Confirmed: s.opinion.Jicofos > 0})
		case s.kind == looksDisputed && s.opinion.Unanimous() && shunned > staleAfter:
			suspects = append(suspects, capacity.Suspect{ID: s.instance.ID, For: shunned, Confirmed: true})
		}
	}
	return suspects
}
