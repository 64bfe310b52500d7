// Package pace divides every duration of the emulated cloud by one factor, with the wall clock underneath, so
// that a day can be played in minutes and all parts stay in proportion.
//
// It must not know what the durations are for.
package pace

import (
	"context"
	"time"
)

// Clock scales durations. Points in time are wall time; only the distances between them shrink.
type Clock struct {
	// Factor is how many simulated seconds pass in one second of wall time. 0 is 1.
	Factor float64
}

// Scale is how long d of simulated time takes on the wall; at least a microsecond, so that what takes time never
// takes none.
func (c Clock) Scale(d time.Duration) time.Duration {
	if c.Factor <= 0 || c.Factor == 1 || d <= 0 {
		return d
	}
	return max(time.Duration(float64(d)/c.Factor), time.Microsecond)
}

// Unscale is how much simulated time passes in d of wall time.
func (c Clock) Unscale(d time.Duration) time.Duration {
	if c.Factor <= 0 {
		return d
	}
	return time.Duration(float64(d) * c.Factor)
}

// Now is the wall clock's time.
func (c Clock) Now() time.Time { return time.Now() }

// Sleep waits for d of simulated time, or until ctx ends and then returns its error.
func (c Clock) Sleep(ctx context.Context, d time.Duration) error {
	return Wait(ctx, c.Scale(d))
}

// Wait waits for d of wall time, or until ctx ends and then returns its error.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Seconds is d of simulated time in whole seconds of wall time, rounded up: for what moto counts in seconds.
func (c Clock) Seconds(d time.Duration) int {
	scaled := c.Scale(d)
	return int((scaled + time.Second - 1) / time.Second)
}
