package drain

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// leavingJibri was admitted, answers freshly, and two Jicofos see it idle.
func leavingJibri(phase fleet.Phase, activity fleet.Activity, spool int) Leaving {
	seen := func() fleet.Report {
		return fleet.Report{Status: fleet.Status{Signal: &fleet.SignalLoad{JibriViews: map[fleet.InstanceID]fleet.JibriView{me: {Idle: true}}}}}
	}
	return Leaving{
		ID: me, Role: fleet.RoleJibri, For: time.Hour,
		Report: fleet.Report{Status: fleet.Status{
			Phase: phase, PhaseSeconds: 600, Admitted: true,
			Jibri: &fleet.JibriLoad{Activity: activity, Spool: fleet.SpoolLoad{Recordings: spool, Trouble: "AccessDenied"}},
		}},
		Jicofos: map[string]fleet.Report{"shard-1": seen(), "shard-2": seen()},
	}
}

func TestTheNextStepOfALeavingRecorder(t *testing.T) {
	edit := func(l Leaving, e func(*Leaving)) Leaving { e(&l); return l }
	says := func(l Leaving, v fleet.JibriView) Leaving {
		l.Jicofos["shard-2"].Status.Signal.JibriViews[me] = v
		return l
	}
	forgot := func(l *Leaving) { l.Report.Status.Admitted = false }
	for _, c := range []struct {
		name   string
		l      Leaving
		step   Step
		reason string
	}{
		{"an idle one is retired", leavingJibri(fleet.PhaseServing, fleet.ActivityIdle, 0), Retire, "it records nothing"},
		{"an idle one is retired while its recordings are uploaded", leavingJibri(fleet.PhaseServing, fleet.ActivityIdle, 3), Retire, ""},
		{"one that joins a room is left alone", leavingJibri(fleet.PhaseServing, fleet.ActivityJoining, 0), Wait, "it is joining"},
		{"one that records is left alone", leavingJibri(fleet.PhaseServing, fleet.ActivityRecording, 1), Wait, "it is recording"},
		{"one that streams is left alone", leavingJibri(fleet.PhaseServing, fleet.ActivityStreaming, 0), Wait, "it is streaming"},
		{"one that finalizes is left alone", leavingJibri(fleet.PhaseServing, fleet.ActivityFinalizing, 1), Wait, "it is finalizing"},
		{"one that got a recording before its end is waited for", leavingJibri(fleet.PhaseRetiring, fleet.ActivityRecording, 1), Wait, "it is recording"},
		{"one that records though its Jibri is gone is waited for", leavingJibri(fleet.PhaseGone, fleet.ActivityRecording, 0), Wait, "it is recording"},
		{"one that shuts down is waited for", leavingJibri(fleet.PhaseRetiring, fleet.ActivityIdle, 0), Wait, "shutting down"},
		{"one that has ended with an empty spool is let go", leavingJibri(fleet.PhaseGone, fleet.ActivityOff, 0), End, "in S3"},
		{"one that has ended with a recording is held, and why the upload fails is told", leavingJibri(fleet.PhaseGone, fleet.ActivityOff, 1), Wait, "1 recordings on its disk are not in S3: AccessDenied"},
		{"one that was never admitted is let go", edit(leavingJibri(fleet.PhaseStandby, fleet.ActivityOff, 0), forgot), End, "never admitted"},
		{"one that never came up is let go", edit(leavingJibri(fleet.PhaseStarting, fleet.ActivityOff, 0), forgot), End, "never admitted"},
		{"one that forgot its admission and has a recording is held", edit(leavingJibri(fleet.PhaseStandby, fleet.ActivityOff, 1), forgot), Wait, "not in S3"},
		{"a sick one without recordings is let go", leavingJibri(fleet.PhaseSick, fleet.ActivityLost, 0), End, "no Jicofo records with it"},
		{"a sick one with a recording is held", leavingJibri(fleet.PhaseSick, fleet.ActivityLost, 1), Wait, "not in S3"},
		{"a sick one that records is held", leavingJibri(fleet.PhaseSick, fleet.ActivityRecording, 0), Wait, "it is recording"},
		{"a sick one that one of two Jicofos records with is held", says(leavingJibri(fleet.PhaseSick, fleet.ActivityLost, 0), fleet.JibriView{}), Wait, "a Jicofo says that it records"},
		{"a sick one is held while every Jicofo is silent", edit(leavingJibri(fleet.PhaseSick, fleet.ActivityLost, 0), func(l *Leaving) { l.Jicofos = nil }), Wait, "no Jicofo says"},
		{"one that is sick for a short time is held", edit(leavingJibri(fleet.PhaseSick, fleet.ActivityLost, 0), func(l *Leaving) { l.Report.Status.PhaseSeconds = 179 }), Wait, "less than 3m0s"},
		{"a silent one is held", edit(leavingJibri(fleet.PhaseGone, fleet.ActivityOff, 0), func(l *Leaving) { l.Report = fleet.Report{Err: errSilent} }), Wait, "proves nothing"},
		{"stale figures do not retire", edit(leavingJibri(fleet.PhaseServing, fleet.ActivityIdle, 0), func(l *Leaving) { l.Report.Status.AgeSeconds = 31 }), Wait, "prove nothing"},
		{"one that has told no load is held", edit(leavingJibri(fleet.PhaseGone, fleet.ActivityOff, 0), func(l *Leaving) { l.Report.Status.Jibri = nil }), Wait, "not told"},
		{"a machine that EC2 stopped is let go whatever it had", edit(leavingJibri(fleet.PhaseServing, fleet.ActivityRecording, 2), func(l *Leaving) { l.Stopped = true }), End, "EC2"},
		{"one given up at launch is let go though it is silent", edit(leavingJibri(fleet.PhaseStarting, fleet.ActivityOff, 0), func(l *Leaving) { l.NeverServed, l.Report = true, fleet.Report{Err: errSilent} }), End, "given up"},
		{"one given up at launch that has a recording all the same is held", edit(leavingJibri(fleet.PhaseStandby, fleet.ActivityOff, 1), func(l *Leaving) { l.NeverServed, l.Report.Status.Admitted = true, false }), Wait, "not in S3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := Decide(c.l, held())
			assert.Equal(t, c.step, n.Step, n.Reason)
			assert.Contains(t, n.Reason, c.reason)
		})
	}
}

var activities = []fleet.Activity{
	fleet.ActivityOff, fleet.ActivityIdle, fleet.ActivityJoining, fleet.ActivityRecording, fleet.ActivityStreaming,
	fleet.ActivityFinalizing, fleet.ActivityExpired, fleet.ActivityLost, "",
}

// anyJibri draws any leaving recorder whose machine runs, with any report.
func anyJibri(t *rapid.T) Leaving {
	l := leavingJibri(rapid.SampledFrom(phases).Draw(t, "phase"), rapid.SampledFrom(activities).Draw(t, "activity"), rapid.IntRange(0, 2).Draw(t, "spool"))
	l.Report.Status.PhaseSeconds, l.Report.Status.AgeSeconds = seconds(t, 600, "phase seconds"), seconds(t, 60, "age")
	l.Report.Status.Admitted, l.NeverServed = rapid.Bool().Draw(t, "admitted"), rapid.Bool().Draw(t, "never served")
	if rapid.IntRange(0, 3).Draw(t, "no load") == 0 {
		l.Report.Status.Jibri = nil
	}
	if rapid.IntRange(0, 3).Draw(t, "silent") == 0 {
		l.Report = fleet.Report{Err: errSilent}
	}
	for shard, r := range l.Jicofos {
		r.Status.AgeSeconds = seconds(t, 60, "Jicofo's age")
		r.Status.Signal.JibriViews[me] = fleet.JibriView{Idle: rapid.Bool().Draw(t, "idle in Jicofo's view")}
		l.Jicofos[shard] = r
	}
	return l
}

func TestNoRecorderIsEndedOrRetiredWhileItRecordsOrEndedWithARecording(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, p := anyJibri(t), anyPolicy(t)
		n, load := Decide(l, p), l.Report.Status.Jibri
		if n.Step == Drain || n.Step == Move {
			t.Fatalf("a recorder is neither drained nor moved: %+v", n)
		}
		if load != nil && load.Activity.Busy() && n.Step != Wait {
			t.Fatalf("%+v while it is %s", n, load.Activity)
		}
		if n.Step != End {
			return
		}
		if load != nil && load.Spool.Recordings > 0 {
			t.Fatalf("%+v with %d recordings", n, load.Spool.Recordings)
		}
		if load == nil && !l.NeverServed {
			t.Fatalf("%+v for one that told nothing: %+v", n, l)
		}
	})
}
