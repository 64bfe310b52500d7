package agent

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

func bridgeStatus(phase fleet.Phase, stress float64, local int64) fleet.Status {
	return fleet.Status{Phase: phase, Bridge: &fleet.BridgeLoad{Stress: stress, LocalEndpoints: local}}
}

func TestChangesThatAreWorthAWakeUp(t *testing.T) {
	const wake = 0.6
	for _, c := range []struct {
		name          string
		before, after fleet.Status
		lowest        float64
		want          string
	}{
		{"nothing changed", bridgeStatus(fleet.PhaseServing, 0.3, 9), bridgeStatus(fleet.PhaseServing, 0.3, 9), 0.3, ""},
		{"another phase", bridgeStatus(fleet.PhaseStandby, 0, 0), bridgeStatus(fleet.PhaseServing, 0, 0), 0, "phase serving"},
		{"the wake-up stress is reached", bridgeStatus(fleet.PhaseServing, 0.59, 9), bridgeStatus(fleet.PhaseServing, 0.6, 9), 0.59, "stress 0.60 reached 0.60"},
		{"it is left", bridgeStatus(fleet.PhaseServing, 0.6, 9), bridgeStatus(fleet.PhaseServing, 0.59, 9), 0.6, ""},
		{"it stays above", bridgeStatus(fleet.PhaseServing, 0.61, 9), bridgeStatus(fleet.PhaseServing, 0.65, 9), 0.61, ""},
		{"a tenth more in the upper half", bridgeStatus(fleet.PhaseServing, 0.44, 9), bridgeStatus(fleet.PhaseServing, 0.46, 9), 0.35, "stress grew from 0.35 to 0.46"},
		{"a tenth more in the lower half", bridgeStatus(fleet.PhaseServing, 0.1, 9), bridgeStatus(fleet.PhaseServing, 0.29, 9), 0.1, ""},
		{"the last endpoint leaves while it drains", bridgeStatus(fleet.PhaseDraining, 0, 1), bridgeStatus(fleet.PhaseDraining, 0, 0), 0, "the last endpoint left the draining bridge"},
		{"the last endpoint leaves while it serves", bridgeStatus(fleet.PhaseServing, 0, 1), bridgeStatus(fleet.PhaseServing, 0, 0), 0, ""},
		{"the first figures", fleet.Status{Phase: fleet.PhaseStarting}, bridgeStatus(fleet.PhaseStarting, 0.1, 0), 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, worthWaking(c.before, c.after, c.lowest, wake))
		})
	}
	assert.Empty(t, worthWaking(bridgeStatus(fleet.PhaseServing, 0, 9), bridgeStatus(fleet.PhaseServing, 3, 9), 0, 0), "without a wake-up stress")
}

func TestChangesOfARecorderThatAreWorthAWakeUp(t *testing.T) {
	status := func(a fleet.Activity, free bool, recordings int) fleet.Status {
		return fleet.Status{Phase: fleet.PhaseServing, Jibri: &fleet.JibriLoad{Activity: a, Free: free, Spool: fleet.SpoolLoad{Recordings: recordings}}}
	}
	idle, recording := status(fleet.ActivityIdle, true, 0), status(fleet.ActivityRecording, false, 1)
	for _, c := range []struct {
		name          string
		before, after fleet.Status
		want          string
	}{
		{"nothing changed", idle, idle, ""},
		{"a session begins", idle, status(fleet.ActivityJoining, false, 0), "the recorder is joining"},
		{"it comes to its recording", status(fleet.ActivityJoining, false, 0), recording, "the recorder is recording"},
		{"it stops being free while it is idle", idle, status(fleet.ActivityIdle, false, 0), "the recorder's being free is false"},
		{"a recording more is on its disk", idle, status(fleet.ActivityIdle, true, 1), ""},
		{"the last one has left it", status(fleet.ActivityOff, false, 1), status(fleet.ActivityOff, false, 0), "the last recording on its disk is in S3"},
		{"one of two has left it", status(fleet.ActivityOff, false, 2), status(fleet.ActivityOff, false, 1), ""},
		{"the first figures", fleet.Status{Phase: fleet.PhaseServing}, idle, ""},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, worthWaking(c.before, c.after, 0, 0)) })
	}
}

// waker remembers what was published and fails as often as it is told to.
type waker struct {
	mu    sync.Mutex
	fails int
	sent  []Wake
	at    []time.Time
}

func (w *waker) Wake(_ context.Context, wake Wake) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = append(w.at, time.Now())
	if w.fails > 0 {
		w.fails--
		return errors.New("throttled")
	}
	w.sent = append(w.sent, wake)
	return nil
}

func (w *waker) published() []Wake {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.sent)
}

func (w *waker) sequences() []uint64 {
	var all []uint64
	for _, wake := range w.published() {
		all = append(all, wake.Sequence)
	}
	return all
}

// attempts is when it was tried.
func (w *waker) attempts() []time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.at)
}

// publishing runs a waking in a bubble until the test ends.
func publishing(t *testing.T, w *waker) *waking {
	t.Helper()
	p := newWaking(Config{Waker: w, Instance: "i-1", Fleet: "f", Shard: "a", Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); p.run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return p
}

func TestWakeUpsSayWhoHasNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &waker{}
		publishing(t, w).want(3)
		synctest.Wait()
		assert.Equal(t, []Wake{{Instance: "i-1", Sequence: 3, Fleet: "f", Shard: "a"}}, w.published())
	})
}

func TestWakeUpsWithinASecondAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &waker{}
		p := publishing(t, w)
		for sequence := range uint64(50) {
			p.want(sequence + 1)
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		at := w.attempts()
		assert.LessOrEqual(t, len(at), 7)
		for i := range at[1:] {
			assert.GreaterOrEqual(t, at[i+1].Sub(at[i]), time.Second)
		}
		sent := w.sequences()
		assert.EqualValues(t, 50, sent[len(sent)-1], "the newest is always sent")
	})
}

func TestWakeUpIsRepeatedWithGrowingPausesAndTheNewestSequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &waker{fails: 2}
		p := publishing(t, w)
		begin := time.Now()
		p.want(1)
		time.Sleep(500 * time.Millisecond)
		p.want(2)
		time.Sleep(time.Minute)
		assert.Equal(t, []time.Time{begin, begin.Add(time.Second), begin.Add(3 * time.Second)}, w.attempts())
		assert.Equal(t, []uint64{2}, w.sequences())
	})
}

func TestWakeUpIsGivenUpAfterSomeAttemptsAndTheNextIsTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &waker{fails: wakeAttempts}
		p := publishing(t, w)
		p.want(1)
		time.Sleep(time.Minute)
		assert.Len(t, w.attempts(), wakeAttempts)
		assert.Empty(t, w.sequences())
		p.want(2)
		synctest.Wait()
		assert.Equal(t, []uint64{2}, w.sequences())
	})
}
