package simulate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// held is one instance that came and one that leaves, with a timeout of half an hour, at a moment.
func held(at time.Time) hooks {
	h := newHooks(30 * time.Minute)
	h.meet(1, at, false)
	h.meet(2, at, true)
	h.terminate(2, at)
	return h
}

func TestAHookHoldsUntilItIsAnsweredOrLapses(t *testing.T) {
	for name, c := range map[string]struct {
		then       func(h *hooks)
		after      time.Duration
		one, other fleet.LifecycleState
		ended      []int
	}{
		"both are held":                {func(*hooks) {}, 29 * time.Minute, fleet.StatePendingWait, fleet.StateTerminatingWait, nil},
		"who comes is ended at last":   {func(*hooks) {}, 30 * time.Minute, fleet.StateTerminating, fleet.StateTerminatingRetained, []int{1}},
		"who comes is let in":          {func(h *hooks) { h.complete(fleet.HookLaunch, 1, fleet.Continue) }, time.Hour, fleet.StateInService, fleet.StateTerminatingRetained, nil},
		"who comes is given up":        {func(h *hooks) { h.complete(fleet.HookLaunch, 1, fleet.Abandon) }, 0, fleet.StateTerminating, fleet.StateTerminatingWait, []int{1}},
		"who leaves is let go":         {func(h *hooks) { h.complete(fleet.HookTerminate, 2, fleet.Continue) }, 0, fleet.StatePendingWait, fleet.StateTerminating, []int{2}},
		"who leaves is retained":       {func(h *hooks) { h.complete(fleet.HookTerminate, 2, fleet.Abandon) }, 0, fleet.StatePendingWait, fleet.StateTerminatingRetained, nil},
		"the other hook is no answer":  {func(h *hooks) { h.complete(fleet.HookLaunch, 2, fleet.Continue) }, 0, fleet.StatePendingWait, fleet.StateTerminatingWait, nil},
		"who leaves cannot be ended":   {func(h *hooks) { h.terminate(2, time.Time{}) }, 0, fleet.StatePendingWait, fleet.StateTerminatingWait, nil},
		"nobody ends who is not known": {func(h *hooks) { h.terminate(3, time.Time{}) }, 0, fleet.StatePendingWait, fleet.StateTerminatingWait, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := held(Monday)
			c.then(&h)
			h.lapse(Monday.Add(c.after))
			assert.Equal(t, c.one, h.state(1))
			assert.Equal(t, c.other, h.state(2))
			assert.Equal(t, c.ended, h.ended)
		})
	}
}

func TestAHookIsProlongedForTwoDaysAtMost(t *testing.T) {
	h := held(Monday)
	for at := Monday; at.Before(Monday.Add(48 * time.Hour)); at = at.Add(10 * time.Minute) {
		h.lapse(at)
		h.beat(fleet.HookTerminate, 2, at)
		assert.Equal(t, fleet.StateTerminatingWait, h.state(2))
	}
	h.lapse(Monday.Add(48 * time.Hour))
	assert.Equal(t, fleet.StateTerminatingRetained, h.state(2))
	h.terminate(2, Monday)
	assert.Equal(t, []int{1, 2}, h.ended)
}
