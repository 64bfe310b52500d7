package agent

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// Bounds of publishing wake-ups. A wake-up only shortens a delay, and the control plane's schedule of one minute
// is the backstop, so a wake-up that could not be sent for that long is not worth sending.
const (
	wakeGap      = time.Second // the shortest time between two wake-ups; changes in between are one
	wakeTimeout  = 5 * time.Second
	wakeAttempts = 5
	wakeBackoff  = time.Second // doubles with each attempt
)

// stressGrowth is by how much stress must grow since the last wake-up to be worth one.
const stressGrowth = 0.1

// worthWaking says why the change from one status to the next deserves a wake-up, or nothing. Lowest is the lowest
// stress since the last wake-up, wake the stress to wake at, 0 for none.
func worthWaking(before, after fleet.Status, lowest, wake float64) string {
	from, to := stressOf(before), stressOf(after)
	switch {
	case before.Phase != after.Phase:
		return fmt.Sprintf("phase %s", after.Phase)
	case wake > 0 && from < wake && to >= wake:
		return fmt.Sprintf("stress %.2f reached %.2f", to, wake)
	case wake > 0 && to > wake/2 && to-lowest >= stressGrowth:
		return fmt.Sprintf("stress grew from %.2f to %.2f", lowest, to)
	case after.Phase == fleet.PhaseDraining && localEndpoints(before) > 0 && localEndpoints(after) == 0:
		return "the last endpoint left the draining bridge"
	default:
		return recorderNews(before.Jibri, after.Jibri)
	}
}

// recorderNews says what changed of a recorder that the control plane waits for, or nothing. A count of free recorders is
// kept by what they are at and by whether they are free, and one that leaves is held until its spool is empty.
func recorderNews(before, after *fleet.JibriLoad) string {
	switch {
	case before == nil || after == nil:
		return ""
	case before.Activity != after.Activity:
		return fmt.Sprintf("the recorder is %s", after.Activity)
	case before.Free != after.Free:
		return fmt.Sprintf("the recorder's being free is %t", after.Free)
	case before.Spool.Recordings > 0 && after.Spool.Recordings == 0:
		return "the last recording on its disk is in S3"
	default:
		return ""
	}
}

func stressOf(s fleet.Status) float64 {
	if s.Bridge == nil {
		return 0
	}
	return s.Bridge.Stress
}

func localEndpoints(s fleet.Status) int64 {
	if s.Bridge == nil {
		return 0
	}
	return s.Bridge.LocalEndpoints
}

// waking publishes the newest wanted wake-up, at most one each wakeGap.
type waking struct {
	waker Waker
	wake  Wake
	log   *slog.Logger
	// wanted holds the newest sequence that was not sent yet.
	wanted chan uint64
}

func newWaking(c Config) *waking {
	return &waking{
		waker:  c.Waker,
		wake:   Wake{Instance: c.Instance, Fleet: c.Fleet, Shard: c.Shard},
		log:    c.Log,
		wanted: make(chan uint64, 1),
	}
}

// want asks for a wake-up and never waits. It is called by one goroutine at a time.
func (w *waking) want(sequence uint64) {
	select {
	case <-w.wanted: // the newer one stands for it
	default:
	}
	w.wanted <- sequence
}

// run publishes until the context ends.
func (w *waking) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case sequence := <-w.wanted:
			if w.waker != nil {
				w.publish(ctx, sequence)
			}
		}
		if !pause(ctx, wakeGap) {
			return
		}
	}
}

// publish tries a bounded number of times, each time with the newest sequence.
func (w *waking) publish(ctx context.Context, sequence uint64) {
	wake, wait := w.wake, wakeBackoff
	for attempt := 1; ; attempt++ {
		wake.Sequence = sequence
		limited, cancel := context.WithTimeout(ctx, wakeTimeout)
		err := w.waker.Wake(limited, wake)
		cancel()
		if err == nil {
			return
		}
		w.log.Warn("wake-up not published", "sequence", sequence, "attempt", attempt, "why", err)
		if attempt == wakeAttempts || !pause(ctx, wait) {
			return
		}
		wait *= 2
		select {
		case sequence = <-w.wanted:
		default:
		}
	}
}

// pause waits; false when the context ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
