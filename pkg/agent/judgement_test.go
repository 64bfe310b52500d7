package agent

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/jitsi"
)

var limits = JibriLimits{
	Silence: 15 * time.Second, Join: 3 * time.Minute, Finalize: 2 * time.Minute, Stall: time.Minute, Recording: 12 * time.Hour,
}

// answers are what Jibri says of itself.
func idle() *jitsi.JibriHealth    { return &jitsi.JibriHealth{Busy: jitsi.JibriIdle, Healthy: true} }
func busy() *jitsi.JibriHealth    { return &jitsi.JibriHealth{Busy: jitsi.JibriInUse, Healthy: true} }
func expired() *jitsi.JibriHealth { return &jitsi.JibriHealth{Busy: jitsi.JibriExpired, Healthy: true} }
func broken() *jitsi.JibriHealth  { return &jitsi.JibriHealth{Busy: jitsi.JibriIdle} }

// lookAt is a look at an admitted recorder with a wanted container, joined to both shards.
func lookAt(health *jitsi.JibriHealth) JibriLook {
	return JibriLook{Container: ContainerRunning, Health: health, Shards: 2, Wanted: 2, Room: true, Admitted: true}
}

func (l JibriLook) with(change func(*JibriLook)) JibriLook {
	change(&l)
	return l
}

// encoding is a recording that has come to a position.
func encoding(position int64) Encoder { return Encoder{PID: 7, Session: "abc", Position: position} }

// step is looks of one kind, one each second, that do what they say is to be done.
type step struct {
	look  JibriLook
	lasts time.Duration
	// grows is by how much the encoder advances each second.
	grows int64
}

// play folds steps and tells what was done, in order.
func play(steps ...step) (j Judgement, did []Todo, now time.Time) {
	now = noon
	for _, s := range steps {
		look := s.look
		for passed := time.Duration(0); passed <= s.lasts; passed += time.Second {
			now = now.Add(time.Second)
			look.Encoder.Position += s.grows
			j = j.After(look, now, limits)
			if j.Todo != TodoNothing {
				did = append(did, j.Todo)
				j = j.Did(j.Todo, now)
			}
		}
	}
	return j, did, now
}

func TestWhatARecorderIsAt(t *testing.T) {
	recording := lookAt(busy()).with(func(l *JibriLook) { l.Encoder = encoding(1) })
	streaming := lookAt(busy()).with(func(l *JibriLook) { l.Encoder = Encoder{PID: 7, Stream: true, Position: 1} })
	silent := lookAt(nil)
	for _, c := range []struct {
		name     string
		steps    []step
		activity fleet.Activity
		free     bool
		starts   int64
	}{
		{"not started is off", []step{{look: lookAt(nil).with(func(l *JibriLook) { l.Container = ContainerDown })}}, fleet.ActivityOff, false, 0},
		{"started and not answering yet is off", []step{{look: silent, lasts: time.Minute}}, fleet.ActivityOff, false, 0},
		{"never answering is lost in the end", []step{{look: silent, lasts: limits.Join}}, fleet.ActivityLost, false, 0},
		{"idle and joined is free", []step{{look: lookAt(idle())}}, fleet.ActivityIdle, true, 0},
		{"busy with no encoder is joining", []step{{look: lookAt(idle())}, {look: lookAt(busy())}}, fleet.ActivityJoining, false, 1},
		{"a file encoder is a recording", []step{{look: lookAt(idle())}, {look: lookAt(busy())}, {look: recording}}, fleet.ActivityRecording, false, 1},
		{"an encoder to a service is a stream", []step{{look: lookAt(idle())}, {look: streaming}}, fleet.ActivityStreaming, false, 1},
		{"busy after the encoder is finalizing", []step{{look: lookAt(idle())}, {look: recording}, {look: lookAt(busy())}}, fleet.ActivityFinalizing, false, 1},
		{"idle after that is free again", []step{{look: lookAt(idle())}, {look: recording}, {look: lookAt(busy())}, {look: lookAt(idle())}}, fleet.ActivityIdle, true, 1},
		{"two sessions are two starts", []step{{look: lookAt(idle())}, {look: recording}, {look: lookAt(idle())}, {look: streaming}}, fleet.ActivityStreaming, false, 2},
		{"an encoder is believed before Jibri's word", []step{{look: lookAt(idle())},
			{look: lookAt(idle()).with(func(l *JibriLook) { l.Encoder = encoding(1) }), grows: 1}}, fleet.ActivityRecording, false, 1},
		{"a session that an agent finds is no start", []step{{look: recording}}, fleet.ActivityRecording, false, 0},
		{"one missing answer changes nothing", []step{{look: lookAt(idle())}, {look: silent}}, fleet.ActivityIdle, true, 0},
		{"silence that lasts is lost", []step{{look: lookAt(idle())}, {look: silent, lasts: 16 * time.Second}}, fleet.ActivityLost, false, 0},
		{"a silent Jibri whose encoder advances records", []step{{look: lookAt(idle())},
			{look: silent.with(func(l *JibriLook) { l.Encoder = encoding(1) }), lasts: time.Hour, grows: 1}}, fleet.ActivityRecording, false, 1},
		{"without room on the disk it is not free", []step{{look: lookAt(idle()).with(func(l *JibriLook) { l.Room = false })}}, fleet.ActivityIdle, false, 0},
		{"an unhealthy one that was just started is not free", []step{{look: lookAt(broken())}}, fleet.ActivityIdle, false, 0},
		{"without any shard it is not free", []step{{look: lookAt(idle()).with(func(l *JibriLook) { l.Shards = 0 })}}, fleet.ActivityIdle, false, 0},
		{"a shard that takes nobody keeps it not from being free", []step{{look: lookAt(idle()).with(func(l *JibriLook) { l.Shards = 1 }), lasts: time.Hour}}, fleet.ActivityIdle, true, 0},
		{"a shard that it lacks for a moment neither", []step{{look: lookAt(idle())},
			{look: lookAt(idle()).with(func(l *JibriLook) { l.Shards, l.Missing = 1, 1 }), lasts: 5 * time.Second}}, fleet.ActivityIdle, true, 0},
		{"a shard that it lacks for longer does", []step{{look: lookAt(idle())},
			{look: lookAt(idle()).with(func(l *JibriLook) { l.Shards, l.Missing = 1, 1 }), lasts: 20 * time.Second}}, fleet.ActivityIdle, false, 0},
		{"a shard that it lacks from the start does at once", []step{{look: lookAt(idle()).with(func(l *JibriLook) { l.Shards, l.Missing = 1, 1 })}}, fleet.ActivityIdle, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			j, _, _ := play(c.steps...)
			assert.Equal(t, c.activity, j.Activity)
			assert.Equal(t, c.free, j.Free, j.Why)
			assert.Equal(t, c.starts, j.Starts)
		})
	}
}

func TestWhatIsDoneToAContainer(t *testing.T) {
	down := lookAt(nil).with(func(l *JibriLook) { l.Container = ContainerDown })
	stuck := lookAt(busy()).with(func(l *JibriLook) { l.Encoder = encoding(5) })
	retired := func(l *JibriLook) { l.Retired = true }
	settled := step{look: lookAt(idle()), lasts: time.Minute}
	for _, c := range []struct {
		name  string
		steps []step
		want  []Todo
	}{
		{"an admitted recorder is started, once", []step{{look: down, lasts: 10 * time.Second}}, []Todo{TodoStart}},
		{"one that was not admitted is not", []step{{look: down.with(func(l *JibriLook) { l.Admitted = false }), lasts: time.Hour}}, nil},
		{"one that knows no shards is not", []step{{look: down.with(func(l *JibriLook) { l.Wanted = 0 }), lasts: time.Hour}}, nil},
		{"one whose image is missing is not", []step{{look: JibriLook{Admitted: true}, lasts: time.Hour}}, nil},
		{"one that runs though it was never admitted is let end", []step{{look: lookAt(idle()).with(func(l *JibriLook) { l.Admitted = false })}}, []Todo{TodoLeave}},
		{"a container that ended by itself is started twice more", []step{settled, {look: down, lasts: 15 * time.Minute}}, []Todo{TodoStart, TodoStart}},
		{"expired is restarted", []step{settled, {look: lookAt(expired())}}, []Todo{TodoRestart}},
		{"unhealthy is restarted", []step{settled, {look: lookAt(broken())}}, []Todo{TodoRestart}},
		{"unhealthy while it joins is waited for", []step{settled,
			{look: lookAt(&jitsi.JibriHealth{Busy: jitsi.JibriInUse}), lasts: time.Minute}}, nil},
		{"joining for too long is restarted", []step{settled, {look: lookAt(busy()), lasts: 181 * time.Second}}, []Todo{TodoRestart}},
		{"joining for a while is not", []step{settled, {look: lookAt(busy()), lasts: 170 * time.Second}}, nil},
		{"ending a session for too long is restarted", []step{settled, {look: stuck}, {look: lookAt(busy()), lasts: 121 * time.Second}}, []Todo{TodoRestart}},
		{"an encoder that stands still is restarted", []step{settled, {look: stuck, lasts: 62 * time.Second}}, []Todo{TodoRestart}},
		{"one that advances never is", []step{settled, {look: stuck, lasts: 13 * time.Hour, grows: 1}}, nil},
		{"one that advances is not, whatever Jibri says", []step{settled,
			{look: lookAt(expired()).with(func(l *JibriLook) { l.Encoder = encoding(1) }), lasts: time.Hour, grows: 1},
			{look: lookAt(broken()).with(func(l *JibriLook) { l.Encoder = encoding(9999) }), lasts: time.Hour, grows: 1}}, nil},
		{"a lost Jibri is restarted", []step{settled, {look: lookAt(nil), lasts: 61 * time.Second}}, []Todo{TodoRestart}},
		{"one that lacks a shard that is there is restarted", []step{settled,
			{look: lookAt(idle()).with(func(l *JibriLook) { l.Shards, l.Missing = 1, 1 }), lasts: 181 * time.Second}}, []Todo{TodoRestart}},
		{"one that lacks a shard that is not there is left alone", []step{settled,
			{look: lookAt(idle()).with(func(l *JibriLook) { l.Shards = 1 }), lasts: time.Hour}}, nil},
		{"one that lacks a shard for ever is restarted twice and kept", []step{settled,
			{look: lookAt(idle()).with(func(l *JibriLook) { l.Shards, l.Missing = 1, 1 }), lasts: 3 * time.Hour}}, []Todo{TodoRestart, TodoRestart}},
		{"a changed list is taken over by an idle one", []step{settled,
			{look: lookAt(idle()).with(func(l *JibriLook) { l.Outdated = true })}, {look: down}}, []Todo{TodoLeave, TodoStart}},
		{"a busy one waits with it", []step{settled,
			{look: stuck.with(func(l *JibriLook) { l.Outdated = true }), lasts: time.Hour, grows: 1}}, nil},
		{"retire lets an idle one end", []step{settled, {look: lookAt(idle()).with(retired)}, {look: down.with(retired), lasts: time.Hour}}, []Todo{TodoLeave}},
		{"retire lets a session go on to its end", []step{settled,
			{look: stuck.with(retired), lasts: time.Hour, grows: 1}, {look: lookAt(busy()).with(retired), lasts: time.Minute}, {look: down.with(retired), lasts: time.Hour}}, []Todo{TodoLeave}},
		{"retire stops what is stuck", []step{settled, {look: stuck.with(retired), lasts: time.Minute}}, []Todo{TodoLeave, TodoStop}},
		{"one that answers idle after it was told to end is told again", []step{settled,
			{look: lookAt(idle()).with(retired), lasts: time.Second}}, []Todo{TodoLeave, TodoLeave}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, did, _ := play(c.steps...)
			assert.Equal(t, c.want, did)
		})
	}
}

func TestTwoRestartsThatDoNotHelpAreEnough(t *testing.T) {
	steps := []step{{look: lookAt(idle()), lasts: time.Minute}, {look: lookAt(expired()), lasts: time.Minute}}
	j, did, _ := play(steps...)
	assert.Equal(t, []Todo{TodoRestart, TodoRestart, TodoStop}, did[:3])
	assert.True(t, j.Sick)
	assert.Equal(t, "2 restarts have not helped: Jibri has expired", j.Why)
	down := lookAt(nil).with(func(l *JibriLook) { l.Container = ContainerDown })
	j, did, _ = play(append(steps, step{look: down, lasts: 10 * time.Minute})...)
	assert.NotContains(t, did, TodoStart, "what is given up is not started again")
	assert.True(t, j.Sick)
}

// A fault that makes all recorders sick has none replaced, so that they must come back by themselves once it is over.
func TestASickRecorderThatNobodyReplacesIsTriedOnceMoreFromTimeToTime(t *testing.T) {
	down := lookAt(nil).with(func(l *JibriLook) { l.Container = ContainerDown })
	sick := []step{{look: lookAt(idle()), lasts: time.Minute}, {look: lookAt(expired()), lasts: time.Minute}, {look: down, lasts: onceMore * limits.Join}}
	j, did, _ := play(sick...)
	assert.Equal(t, TodoStart, did[len(did)-1])
	assert.True(t, j.Sick, "it has to prove itself")

	failed, did, _ := play(append(sick, step{look: lookAt(expired()), lasts: time.Minute}, step{look: down, lasts: 10 * time.Minute})...)
	assert.Equal(t, TodoStop, did[len(did)-1])
	assert.True(t, failed.Sick)

	proving, _, _ := play(append(sick, step{look: lookAt(idle()), lasts: limits.Join - time.Second})...)
	assert.True(t, proving.Sick)
	assert.False(t, proving.Free)
	well, _, _ := play(append(sick, step{look: lookAt(idle()), lasts: limits.Join + 2*time.Second})...)
	assert.False(t, well.Sick)
	assert.True(t, well.Free)
	assert.Empty(t, well.Why)
}

func TestAContainerThatIsToldToEndAndDoesNotIsStoppedAndTold(t *testing.T) {
	retired := lookAt(idle()).with(func(l *JibriLook) { l.Retired = true })
	_, did, _ := play(step{look: lookAt(idle()), lasts: time.Minute}, step{look: retired, lasts: limits.Finalize - 2*time.Second})
	assert.NotContains(t, did, TodoStop)
	j, did, _ := play(step{look: lookAt(idle()), lasts: time.Minute}, step{look: retired, lasts: limits.Finalize + time.Second})
	assert.Equal(t, TodoStop, did[len(did)-1])
	assert.True(t, j.Overdue, "the alarm of overdue recorders must tell if stopping does not help")
}

func TestWhatIsWellForgetsItsRestarts(t *testing.T) {
	restarted := []step{{look: lookAt(idle()), lasts: time.Minute}, {look: lookAt(expired())}, {look: lookAt(idle()), lasts: 10 * time.Second}}
	j, _, _ := play(restarted...)
	require.Equal(t, 1, j.Restarts)
	free, _, _ := play(append(restarted, step{look: lookAt(idle()), lasts: limits.Join})...)
	assert.Zero(t, free.Restarts, "it was free for long enough")
	recorded, _, _ := play(append(restarted,
		step{look: lookAt(busy()).with(func(l *JibriLook) { l.Encoder = encoding(1) })}, step{look: lookAt(busy())}, step{look: lookAt(idle())})...)
	assert.Zero(t, recorded.Restarts, "it brought a session to its end")
}

func TestASessionsLimitIsToldAndNothingIsDone(t *testing.T) {
	j, did, now := play(step{look: lookAt(idle())},
		step{look: lookAt(busy()).with(func(l *JibriLook) { l.Encoder = encoding(1) }), lasts: limits.Recording, grows: 1})
	assert.True(t, j.Overdue)
	assert.Empty(t, did)
	assert.Zero(t, j.StalledFor(now))
}

func TestASlowStopIsNoSecondIllness(t *testing.T) {
	stopping := lookAt(nil).with(func(l *JibriLook) { l.Container, l.Encoder = ContainerChanging, encoding(5) })
	_, did, _ := play(step{look: lookAt(idle()), lasts: time.Minute},
		step{look: lookAt(busy()).with(func(l *JibriLook) { l.Encoder = encoding(5) }), lasts: 62 * time.Second},
		step{look: stopping, lasts: 90 * time.Second}, step{look: lookAt(nil), lasts: 90 * time.Second}, step{look: lookAt(idle()), lasts: time.Minute})
	assert.Equal(t, []Todo{TodoRestart}, did)
}

func TestWhichSessionsMayStillBeWritten(t *testing.T) {
	recording := lookAt(busy()).with(func(l *JibriLook) { l.Encoder = encoding(1) })
	for _, c := range []struct {
		name        string
		steps       []step
		this, other bool
	}{
		{"each before anything was seen", nil, true, true},
		{"none when idle", []step{{look: lookAt(idle())}}, false, false},
		{"any while a room is joined", []step{{look: lookAt(idle())}, {look: lookAt(busy())}}, true, true},
		{"that of the encoder", []step{{look: lookAt(idle())}, {look: recording}}, true, false},
		{"that of the last encoder while it is finalized", []step{{look: lookAt(idle())}, {look: recording}, {look: lookAt(busy())}}, true, false},
		{"not the one before while the next room is joined", []step{{look: recording}, {look: lookAt(idle())}, {look: lookAt(busy())}}, false, true},
		{"none when Jibri has expired", []step{{look: recording}, {look: lookAt(expired())}}, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			j, _, _ := play(c.steps...)
			assert.Equal(t, c.this, j.Writes("abc"))
			assert.Equal(t, c.other, j.Writes("other"))
		})
	}
}
