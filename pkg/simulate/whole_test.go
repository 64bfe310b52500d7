package simulate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

func TestTheWholeLoopDropsNobodyWhateverGoesWrong(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, o := wholeSeconds().Draw(t, "workload"), anyWorld().Draw(t, "world")
		f := RunBridges(w, NewWhole(Ours(o), o), 1, o)
		assert.Zero(t, f.DroppedParticipants)
		assert.LessOrEqual(t, f.OverloadShare+f.UnservedShare, 1+1e-9)
	})
}

// quiet is a world of the defaults' boots in which nothing goes wrong.
var quiet = Options{BridgeBoot: 240 * time.Second, JibriBoot: 150 * time.Second, Spread: 0.15, Seed: 1}

// TestTheWholeLoopDoesAsThePureDecisionDoes holds the simulator's own way through capacity, which is quick, against the
// Lambda's. They differ by the minute in which an empty bridge is ended.
func TestTheWholeLoopDoesAsThePureDecisionDoes(t *testing.T) {
	for _, kind := range []string{"office", "webinar"} {
		t.Run(kind, func(t *testing.T) {
			w, err := Generate(kind, 2, 3)
			require.NoError(t, err)
			loop := NewWhole(Ours(quiet), quiet)
			whole, pure := RunBridges(w, loop, 1, quiet), RunBridges(w, ourBridges(Ours(quiet), quiet), 1, quiet)
			assert.Zero(t, loop.Failed)
			assert.InEpsilon(t, pure.InstanceHours, whole.InstanceHours, 0.03)
			assert.InDelta(t, pure.OverloadShare, whole.OverloadShare, 0.01+0.1*pure.OverloadShare)
			assert.InDelta(t, pure.Launches, whole.Launches, 0.15*float64(pure.Launches))
		})
	}
}

// TestEachFaultCostsWhatItMay plays a day of the office with each fault that can be named against the whole loop: nobody
// may be dropped, and the fleet may grow by what the fault explains and not run away.
func TestEachFaultCostsWhatItMay(t *testing.T) {
	w, err := Generate("office", 1, 1)
	require.NoError(t, err)
	calm := RunBridges(w, NewWhole(Ours(quiet), quiet), 1, quiet)
	for _, k := range faultKinds {
		t.Run(k.name, func(t *testing.T) {
			o := quiet
			k.set(&o.Faults)
			loop := NewWhole(Ours(o), o)
			f := RunBridges(w, loop, 1, o)
			assert.Zero(t, f.DroppedParticipants)
			assert.Less(t, f.InstanceHours, 3*calm.InstanceHours, "hours")
			assert.Less(t, f.Launches, 3*calm.Launches, "launches")
			t.Logf("%.2f x the hours, %.2f %% overloaded, %.2f %% severe, %.2f %% without a bridge, %d launches to %d, %d failed runs", f.InstanceHours/calm.InstanceHours,
				100*f.OverloadShare, 100*f.SevereShare, 100*f.UnservedShare, f.Launches, calm.Launches, loop.Failed)
		})
	}
}

func TestTheWholeLoopKillsNoRecordingWhateverGoesWrong(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, o := manyRecordings().Draw(t, "workload"), anyWorld().Draw(t, "world")
		s := Ours(o)
		s.Jibris.RetireAfter = time.Duration(rapid.IntRange(1, 10).Draw(t, "retire after")) * time.Minute
		s.Jibris.Free = rapid.IntRange(0, 3).Draw(t, "free")
		s.Jibris.Min = s.Jibris.Free
		f := RunJibris(w, NewWholeJibris(s, o), s.Jibris.Free, o)
		assert.Zero(t, f.KilledRecordings)
		assert.LessOrEqual(t, f.BusyHours, f.InstanceHours+1e-9)
	})
}

// TestTheWholeLoopKeepsRecordersAsThePureDecisionDoes is TestTheWholeLoopDoesAsThePureDecisionDoes' counterpart.
func TestTheWholeLoopKeepsRecordersAsThePureDecisionDoes(t *testing.T) {
	w, err := Generate("office", 2, 3)
	require.NoError(t, err)
	s := Ours(quiet)
	loop := NewWholeJibris(s, quiet)
	whole, pure := RunJibris(w, loop, s.Jibris.Free, quiet), RunJibris(w, ourJibris(s), s.Jibris.Free, quiet)
	assert.Zero(t, loop.Failed)
	assert.InEpsilon(t, pure.InstanceHours, whole.InstanceHours, 0.05)
	assert.InDelta(t, pure.FailedShare, whole.FailedShare, 0.01)
	assert.InDelta(t, pure.Launches, whole.Launches, 0.15*float64(pure.Launches))
}

func TestEachFaultCostsRecordersWhatItMay(t *testing.T) {
	w, err := Generate("office", 1, 1)
	require.NoError(t, err)
	s := Ours(quiet)
	calm := RunJibris(w, NewWholeJibris(s, quiet), s.Jibris.Free, quiet)
	for _, k := range faultKinds {
		t.Run(k.name, func(t *testing.T) {
			o := quiet
			k.set(&o.Faults)
			loop := NewWholeJibris(s, o)
			f := RunJibris(w, loop, s.Jibris.Free, o)
			assert.Zero(t, f.KilledRecordings)
			assert.Less(t, f.InstanceHours, 3*calm.InstanceHours, "hours")
			assert.Less(t, f.Launches, 3*calm.Launches, "launches")
			t.Logf("%.2f x the hours, %.2f %% failed, %d launches to %d, %d failed runs", f.InstanceHours/calm.InstanceHours, 100*f.FailedShare, f.Launches, calm.Launches, loop.Failed)
		})
	}
}

// TestAnEndedBridgeIsHeldWhileTheControlPlaneIsDown lets somebody end a bridge each minute through Auto Scaling, and the control
// plane be away for longer than a hook holds.
func TestAnEndedBridgeIsHeldWhileTheControlPlaneIsDown(t *testing.T) {
	w, err := Generate("office", 1, 1)
	require.NoError(t, err)
	o := quiet
	o.Faults = Faults{Ended: 1, Down: time.Hour, DownAt: 9 * time.Hour}
	loop := NewWhole(Ours(o), o)
	r := newBridgeRun(w, loop, 1, o)
	retained := 0
	r.policy = overseen{loop, func() {
		for _, l := range loop.stage.lives {
			if l.state == fleet.StateTerminatingRetained {
				retained++
			}
		}
	}}
	r.play(0)
	assert.Zero(t, r.pool.dropped)
	assert.Positive(t, retained, "of what was ended before the outage")
	assert.LessOrEqual(t, len(r.pool.bridges), 30, "what was retained is ended, too")
}

// overseen tells of each look of a control loop.
type overseen struct {
	*Whole
	look func()
}

func (w overseen) Elapse(v BridgeView) Deeds {
	w.look()
	return w.Whole.Elapse(v)
}
