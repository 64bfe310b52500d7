package agent

import (
	"fmt"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/jitsi"
)

// JibriLimits is how long a recorder may be at what, before its agent does something about it.
type JibriLimits struct {
	// Silence is how long Jibri may give no answer, or lack a shard, before it is not free. Until then it is as it
	// was, so that one slow answer is no news.
	Silence time.Duration
	// Join is how long Jibri may join a room; how long its container may take until it answers; how long it may lack a
	// shard that is there; and how long it must be free to count as well again.
	Join time.Duration
	// Finalize is how long it may end a session.
	Finalize time.Duration
	// Stall is how long an encoder may make no progress, and Jibri, once it answered, none.
	Stall time.Duration
	// Recording is how long a session may last before that is told; nothing is done about it.
	Recording time.Duration
}

// mostRestarts is how many restarts in a row may leave a recorder unwell before it is given up.
const mostRestarts = 2

// onceMore is after how many times what joining may take a sick recorder is started once more: a quarter of an hour by
// default, long after one that is sick alone was replaced.
const onceMore = 5

// Container is what systemd says of the service that is Jibri's container.
type Container int

// The states of a container.
const (
	ContainerAbsent   Container = iota // there is no such service: its image is not there yet
	ContainerDown                      // not running
	ContainerChanging                  // starting or stopping
	ContainerRunning
)

// Encoder is the ffmpeg of a session. No encoder is one whose PID is 0.
type Encoder struct {
	PID int
	// Session is the folder of a recording in the spool; empty for a stream.
	Session string
	Stream  bool
	// Position grows as it encodes: the bytes of its file, or for a stream the seconds of CPU time that it took.
	Position int64
}

// JibriLook is what one look at a recorder found.
type JibriLook struct {
	Container Container
	// Health is Jibri's own word; nil when there was no answer.
	Health  *jitsi.JibriHealth
	Encoder Encoder
	// Shards is how many shards' Prosodies it is connected to, of Wanted. Missing is how many of the others take
	// connections from this machine, so that it is Jibri that lacks them.
	Shards, Wanted, Missing int
	// Outdated is true when the container was started with another list of shards than the wanted one.
	Outdated bool
	// Room is whether the disk has what a recording needs.
	Room bool
	// Admitted and Retired are the control plane's intent.
	Admitted, Retired bool
}

// wanted reports whether the recorder shall take sessions.
func (l JibriLook) wanted() bool { return l.Admitted && !l.Retired }

// A Todo is what an agent has to do to Jibri's container.
type Todo string

// The things to do.
const (
	TodoNothing Todo = ""
	TodoStart   Todo = "start"   // with the wanted list of shards
	TodoRestart Todo = "restart" // at once, with the wanted list of shards
	TodoLeave   Todo = "leave"   // let Jibri end it once it is idle
	TodoStop    Todo = "stop"    // end it at once
)

// Judgement is what an agent thinks of its recorder: a fold over its looks. The zero Judgement knows nothing.
type Judgement struct {
	Activity fleet.Activity
	Since    time.Time
	// Overdue is true when Activity has lasted longer than its limit.
	Overdue bool
	Free    bool
	// Starts counts the sessions whose beginning was seen.
	Starts int64
	// Restarts counts the restarts since it last was well.
	Restarts int
	// Sick is true once restarts did not make it well: its container is stopped, so that no Jicofo chooses it, and the
	// control plane replaces its machine. It does not while so many are sick that it doubts what it sees; so a sick one is
	// started once more from time to time, and is well again once it could have recorded for long enough. An agent that
	// was restarted has forgotten it, and finds out anew.
	Sick bool
	// What is to be done now, and why, or what is wrong.
	Todo Todo
	Why  string

	encoder    Encoder
	advancedAt time.Time // when the encoder last made progress
	stalled    bool
	healthy    bool
	answeredAt time.Time // of this container; zero before its first answer
	changing   time.Time // since when the container starts or stops; zero when it does not
	joined     bool      // this container was joined to all shards once
	unjoined   time.Time // since when it lacks a shard; zero when it does not
	runs       bool
	startedAt  time.Time // when the agent last started it, or first saw it run
	ending     bool      // it was told to end
	endingFrom time.Time // since when
	freeSince  time.Time
	sickOf     string
	triedAt    time.Time // when it was given up, or started once more after that
	session    string    // of the last encoder that was seen
}

// After is the judgement once a look at a given time has become part of it.
func (j Judgement) After(l JibriLook, now time.Time, limits JibriLimits) Judgement {
	before := j.Activity
	j = j.progressed(l, now, limits).answered(l, now).connected(l, now)
	j.Activity = j.activity(l, now, limits)
	if j.Activity != before {
		j.Since = now
	}
	if before != "" && !before.Busy() && j.Activity.Busy() && !j.ending {
		j.Starts++ // one that waits for its end reports busy without a session
	}
	if before == fleet.ActivityFinalizing && j.Activity == fleet.ActivityIdle {
		j.Restarts = 0 // it has brought a session to its end
	}
	limit := limits.of(j.Activity)
	j.Overdue = limit > 0 && now.Sub(j.Since) >= limit || j.lingers(now, limits)
	j.Todo, j.Why = j.decide(l, now, limits)
	return j.givenUp(now, limits).freed(l, now, limits)
}

// givenUp turns one restart too many into the end of trying.
func (j Judgement) givenUp(now time.Time, limits JibriLimits) Judgement {
	again := j.Todo == TodoRestart || j.Todo == TodoStart && j.crashed()
	if again && j.Restarts >= mostRestarts && !j.Sick {
		j.Sick, j.sickOf, j.triedAt = true, j.Why, now
	}
	if !j.Sick {
		return j
	}
	j.Why = fmt.Sprintf("%d restarts have not helped: %s", j.Restarts, j.sickOf)
	switch j.Todo {
	case TodoRestart:
		j.Todo = TodoStop
	case TodoStart:
		if now.Sub(j.triedAt) < onceMore*limits.Join {
			j.Todo = TodoNothing
		}
	case TodoNothing, TodoLeave, TodoStop:
	}
	return j
}

// Did is the judgement once what was to be done was done.
func (j Judgement) Did(todo Todo, now time.Time) Judgement {
	switch todo {
	case TodoStart, TodoRestart:
		if todo == TodoRestart || j.crashed() {
			j.Restarts++
		}
		j.startedAt, j.ending, j.triedAt = now, false, now
		j.answeredAt, j.joined, j.unjoined = time.Time{}, false, time.Time{}
	case TodoLeave, TodoStop:
		if !j.ending {
			j.ending, j.endingFrom = true, now
		}
	case TodoNothing:
	}
	j.Todo, j.Free, j.freeSince = TodoNothing, false, time.Time{}
	return j
}

// crashed reports whether a container that is down ended without having been told to.
func (j Judgement) crashed() bool { return !j.startedAt.IsZero() && !j.ending }

// progressed follows the encoder.
func (j Judgement) progressed(l JibriLook, now time.Time, limits JibriLimits) Judgement {
	same := j.encoder.PID == l.Encoder.PID && j.encoder.Session == l.Encoder.Session
	if !same || l.Encoder.Position > j.encoder.Position {
		j.encoder, j.advancedAt = l.Encoder, now
	}
	if l.Encoder.Session != "" {
		j.session = l.Encoder.Session
	}
	j.stalled = l.Encoder.PID != 0 && now.Sub(j.advancedAt) >= limits.Stall
	return j
}

// answered follows the container and Jibri's answers.
func (j Judgement) answered(l JibriLook, now time.Time) Judgement {
	switch {
	case l.Container != ContainerChanging:
		j.changing = time.Time{}
	case j.changing.IsZero():
		j.changing = now
	}
	if l.Container != ContainerRunning {
		j.runs, j.answeredAt, j.healthy = false, time.Time{}, false
		return j
	}
	if !j.runs {
		j.runs, j.startedAt = true, now
	}
	if l.Health != nil {
		j.answeredAt, j.healthy = now, l.Health.Healthy
	}
	return j
}

// connected follows Jibri's connections to the shards.
func (j Judgement) connected(l JibriLook, now time.Time) Judgement {
	switch {
	case l.Container != ContainerRunning:
		j.joined, j.unjoined = false, time.Time{}
	case l.Shards > 0 && l.Missing == 0:
		j.joined, j.unjoined = true, time.Time{}
	case j.unjoined.IsZero():
		j.unjoined = now
	}
	return j
}

// activity is what the recorder is at. An encoder is believed before Jibri is.
func (j Judgement) activity(l JibriLook, now time.Time, limits JibriLimits) fleet.Activity {
	switch {
	case l.Encoder.PID != 0 && l.Encoder.Stream:
		return fleet.ActivityStreaming
	case l.Encoder.PID != 0:
		return fleet.ActivityRecording
	case l.Container != ContainerRunning:
		return fleet.ActivityOff
	case l.Health == nil:
		return j.unheard(now, limits)
	case l.Health.Busy == jitsi.JibriExpired:
		return fleet.ActivityExpired
	case l.Health.Busy == jitsi.JibriIdle:
		return fleet.ActivityIdle
	}
	return j.afterEncoding(fleet.ActivityJoining)
}

// unheard is what a recorder is at that runs and does not answer.
func (j Judgement) unheard(now time.Time, limits JibriLimits) fleet.Activity {
	switch {
	case j.answeredAt.IsZero() && now.Sub(j.startedAt) < limits.Join:
		return fleet.ActivityOff
	case j.answeredAt.IsZero() || now.Sub(j.answeredAt) >= limits.Silence:
		return fleet.ActivityLost
	}
	return j.afterEncoding(j.Activity)
}

// afterEncoding is finalizing once something was encoded in this session, else what it is told.
func (j Judgement) afterEncoding(before fleet.Activity) fleet.Activity {
	switch j.Activity {
	case fleet.ActivityRecording, fleet.ActivityStreaming, fleet.ActivityFinalizing:
		return fleet.ActivityFinalizing
	default:
		return before
	}
}

// Writes reports whether a session's folder may still be written to by Jibri, its encoder or its finalize script. While
// nothing was seen yet, and while a room is joined, each may that is not known to have ended.
func (j Judgement) Writes(session string) bool {
	switch j.Activity {
	case fleet.ActivityRecording, fleet.ActivityStreaming, fleet.ActivityFinalizing:
		return session == j.session
	case fleet.ActivityJoining:
		return session != j.session
	default:
		return j.Activity == ""
	}
}

// of is how long an activity may last; 0 is for ever.
func (l JibriLimits) of(a fleet.Activity) time.Duration {
	switch a {
	case fleet.ActivityJoining:
		return l.Join
	case fleet.ActivityFinalizing:
		return l.Finalize
	case fleet.ActivityRecording, fleet.ActivityStreaming:
		return l.Recording
	default:
		return 0
	}
}
