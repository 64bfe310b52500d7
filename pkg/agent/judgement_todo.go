package agent

import (
	"fmt"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/jitsi"
)

// decide says what is to be done and why. What advances is never cut: while an encoder makes progress the most that
// Jibri is told is to end when it is idle again.
func (j Judgement) decide(l JibriLook, now time.Time, limits JibriLimits) (Todo, string) {
	advancing := l.Encoder.PID != 0 && !j.stalled
	switch {
	case l.Container == ContainerAbsent:
		return TodoNothing, "its image is not there yet"
	case l.Container == ContainerDown && !advancing:
		return j.whenDown(l, now, limits)
	case advancing:
		if !l.wanted() && !j.ending && l.Container == ContainerRunning {
			return TodoLeave, "it shall take no further session"
		}
		return TodoNothing, ""
	case l.Container == ContainerChanging && now.Sub(j.changing) < limits.Join:
		return TodoNothing, ""
	}
	switch broken := j.broken(l, now, limits); {
	case broken != "" && !l.wanted():
		return TodoStop, broken
	case broken != "":
		return TodoRestart, broken
	}
	return j.whenWell(l)
}

// whenDown is what is to be done with a container that does not run.
func (j Judgement) whenDown(l JibriLook, now time.Time, limits JibriLimits) (Todo, string) {
	switch {
	case !l.wanted():
		return TodoNothing, ""
	case l.Wanted == 0:
		return TodoNothing, "it knows of no shards"
	case !j.crashed():
		return TodoStart, "it was admitted"
	case now.Sub(j.startedAt) < limits.Silence:
		return TodoNothing, "it was started a moment ago"
	default:
		return TodoStart, "its container ended by itself"
	}
}

// whenWell is what is to be done with a container that is not broken.
func (j Judgement) whenWell(l JibriLook) (Todo, string) {
	idle := l.Health != nil && l.Health.Busy == jitsi.JibriIdle
	switch {
	case l.Container != ContainerRunning || l.Health == nil:
		return TodoNothing, ""
	case !l.wanted() && (idle || !j.ending):
		return TodoLeave, "it shall take no further session"
	case l.wanted() && idle && (l.Outdated || j.ending):
		return TodoLeave, "the list of shards has changed"
	default:
		return TodoNothing, ""
	}
}

// broken says why only a new container can help, or nothing.
func (j Judgement) broken(l JibriLook, now time.Time, limits JibriLimits) string {
	lasted := func(since time.Time) time.Duration { return now.Sub(since).Round(time.Second) }
	switch {
	case !j.startedAt.IsZero() && !j.ending && now.Sub(j.startedAt) < limits.Silence:
		return "" // what is seen may be of the container before
	case l.Container == ContainerChanging:
		return fmt.Sprintf("its container has neither started nor stopped for %s", lasted(j.changing))
	case j.stalled:
		return fmt.Sprintf("its encoder has made no progress for %s", lasted(j.advancedAt))
	case l.Container != ContainerRunning:
		return ""
	case j.Activity == fleet.ActivityExpired:
		return "Jibri has expired"
	case j.Activity == fleet.ActivityJoining && j.Overdue:
		return fmt.Sprintf("it has been joining a room for %s", lasted(j.Since))
	case j.Activity == fleet.ActivityFinalizing && j.Overdue:
		return fmt.Sprintf("it has been ending a session for %s", lasted(j.Since))
	case j.Activity == fleet.ActivityLost && (j.answeredAt.IsZero() || now.Sub(j.answeredAt) >= limits.Stall):
		return "Jibri does not answer"
	case j.lingers(now, limits):
		return fmt.Sprintf("it was told to end %s ago, has nothing to do and runs", lasted(j.endingFrom))
	case j.Activity == fleet.ActivityIdle && !j.healthy:
		return "Jibri is unhealthy"
	case j.Activity == fleet.ActivityIdle && l.Missing > 0 && now.Sub(j.unjoined) >= limits.Join && j.Restarts < mostRestarts:
		// One shard that takes nobody must not end all recorders of the others: restarts are all that is tried.
		return fmt.Sprintf("it has lacked a shard that takes connections for %s", lasted(j.unjoined))
	default:
		return ""
	}
}

// lingers reports whether a container that was told to end once it is idle is idle and does not end. Jibri takes no
// session once it was told, so that nothing can be cut.
func (j Judgement) lingers(now time.Time, limits JibriLimits) bool {
	return j.ending && j.Activity == fleet.ActivityIdle && now.Sub(j.endingFrom) >= limits.Finalize && now.Sub(j.Since) >= limits.Finalize
}

// freed says whether a session can start now, and forgets restarts and sickness once one could have for long enough.
func (j Judgement) freed(l JibriLook, now time.Time, limits JibriLimits) Judgement {
	connected := j.joined && l.Shards > 0 && (j.unjoined.IsZero() || now.Sub(j.unjoined) < limits.Silence)
	well := l.wanted() && l.Room && l.Container == ContainerRunning && j.Activity == fleet.ActivityIdle &&
		j.healthy && connected && !l.Outdated && !j.ending && j.Todo == TodoNothing
	j.Free = well && !j.Sick
	switch {
	case !well:
		j.freeSince = time.Time{}
	case j.freeSince.IsZero():
		j.freeSince = now
	case now.Sub(j.freeSince) >= limits.Join:
		j.Restarts, j.Sick = 0, false
	}
	return j
}

// StalledFor is how long the encoder has made no progress; 0 while it does.
func (j Judgement) StalledFor(now time.Time) time.Duration {
	if !j.stalled {
		return 0
	}
	return now.Sub(j.advancedAt)
}

// unfree says in words what keeps a wanted recorder that is idle from being free; empty when nothing does.
func (j Judgement) unfree(l JibriLook) string {
	switch {
	case j.Why != "":
		return j.Why
	case !l.wanted() || j.Free || j.Activity != fleet.ActivityIdle:
		return ""
	case !l.Room:
		return "its disk has less free than a recording needs"
	case l.Shards == 0 || l.Missing > 0:
		return fmt.Sprintf("it is connected to %d of %d shards", l.Shards, l.Wanted)
	default:
		return ""
	}
}
