package simulate

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// hooks is Auto Scaling's part in the lives of the instances that are seen: it holds each that comes and each that leaves
// until its hook is answered or lapses. What lapses is abandoned, as the hooks of package cdk say: one that comes is ended
// then, whoever is on it, since AWS promises no terminate hook for it; one that leaves is retained until somebody ends it.
type hooks struct {
	timeout time.Duration
	lives   map[int]*life
	// ended are those that Auto Scaling ends now.
	ended []int
}

// life is what Auto Scaling says of one instance.
type life struct {
	state  fleet.LifecycleState
	lapses time.Time // the hook, unless it is prolonged
	most   time.Time // how long it can be prolonged
}

// heartbeats and longestHook are how long a hook can hold: in timeouts, and at most (reference/aws.md).
const (
	heartbeats  = 100
	longestHook = 48 * time.Hour
)

func newHooks(timeout time.Duration) hooks { return hooks{timeout: timeout, lives: map[int]*life{}} }

// meet takes notice of an instance: those of the beginning are in service, all others come.
func (h *hooks) meet(id int, launched time.Time, first bool) {
	switch {
	case h.lives[id] != nil:
	case first:
		h.lives[id] = &life{state: fleet.StateInService}
	default:
		h.hold(id, fleet.StatePendingWait, launched)
	}
}

func (h *hooks) hold(id int, state fleet.LifecycleState, since time.Time) {
	h.lives[id] = &life{state: state, lapses: since.Add(h.timeout), most: since.Add(min(heartbeats*h.timeout, longestHook))}
}

// lapse abandons the hooks whose time is over.
func (h *hooks) lapse(now time.Time) {
	for _, id := range slices.Sorted(maps.Keys(h.lives)) {
		switch l := h.lives[id]; {
		case !l.waits() || now.Before(l.lapses):
		case l.state == fleet.StatePendingWait:
			h.end(id)
		default:
			l.state = fleet.StateTerminatingRetained
		}
	}
}

func (l *life) waits() bool {
	return l.state == fleet.StatePendingWait || l.state == fleet.StateTerminatingWait
}

func (h *hooks) end(id int) {
	h.lives[id].state = fleet.StateTerminating
	h.ended = append(h.ended, id)
}

// terminate is Auto Scaling's answer to the order to end an instance, or to a person's click.
func (h *hooks) terminate(id int, now time.Time) {
	switch h.state(id) {
	case fleet.StateInService:
		h.hold(id, fleet.StateTerminatingWait, now)
	case fleet.StateTerminatingRetained:
		h.end(id)
	default: // it leaves already
	}
}

// state is Auto Scaling's word for an instance; Terminating for one that it does not know.
func (h *hooks) state(id int) fleet.LifecycleState {
	if l := h.lives[id]; l != nil {
		return l.state
	}
	return fleet.StateTerminating
}

// held is the instance that waits at a hook; nil when it does not wait there.
func (h *hooks) held(hook string, id int) *life {
	l := h.lives[id]
	if l == nil || hook == fleet.HookLaunch && l.state != fleet.StatePendingWait || hook == fleet.HookTerminate && l.state != fleet.StateTerminatingWait {
		return nil
	}
	return l
}

// complete answers a hook.
func (h *hooks) complete(hook string, id int, result fleet.HookResult) {
	l := h.held(hook, id)
	switch {
	case l == nil:
	case hook == fleet.HookTerminate && result == fleet.Abandon:
		l.state = fleet.StateTerminatingRetained
	case hook == fleet.HookTerminate || result == fleet.Abandon:
		h.end(id)
	default:
		l.state = fleet.StateInService
	}
}

// beat prolongs a hook by one timeout from now.
func (h *hooks) beat(hook string, id int, now time.Time) {
	if l := h.held(hook, id); l != nil {
		l.lapses = now.Add(h.timeout)
		if l.lapses.After(l.most) {
			l.lapses = l.most
		}
	}
}

// counted is how many instances count toward the desired capacity.
func (h *hooks) counted() int {
	n := 0
	for _, l := range h.lives {
		if l.state == fleet.StatePendingWait || l.state == fleet.StateInService {
			n++
		}
	}
	return n
}

// inService is the n-th of those in service, counted around; ok is false when none is.
func (h *hooks) inService(n int) (id int, ok bool) {
	var all []int
	for id, l := range h.lives {
		if l.state == fleet.StateInService {
			all = append(all, id)
		}
	}
	if len(all) == 0 {
		return 0, false
	}
	slices.SortFunc(all, cmp.Compare)
	return all[n%len(all)], true
}

// Complete ends an instance's wait at a hook.
func (s *stage) Complete(_ context.Context, _, hook string, id fleet.InstanceID, result fleet.HookResult) error {
	if err := s.call(); err != nil {
		return err
	}
	s.complete(hook, number(id), result)
	return nil
}

// Heartbeat prolongs an instance's wait at a hook.
func (s *stage) Heartbeat(_ context.Context, _, hook string, id fleet.InstanceID) error {
	if err := s.call(); err != nil {
		return err
	}
	s.beat(hook, number(id), s.view.Now)
	return nil
}
