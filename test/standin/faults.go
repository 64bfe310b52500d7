package standin

import (
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// KillBridge ends a bridge's process without a word, as a crash does. The machine stays. Its participants have no
// media until Jicofo notices and invites them elsewhere.
func (w *World) KillBridge(id fleet.InstanceID) bool {
	return w.onBridge(id, func(b *bridge) {
		if !b.dead {
			w.die(b)
		}
	})
}

// RestartBridge boots a new process on a machine whose bridge is dead, as systemd does: in drain mode, and empty.
func (w *World) RestartBridge(id fleet.InstanceID) error {
	w.mu.Lock()
	b := w.bridges[id]
	w.mu.Unlock()
	if b == nil {
		return errNoBridge(id)
	}
	return w.StartBridge(id, b.shard.name, b.addr)
}

// HangBridge makes a bridge accept connections and never answer, or answer again. Media goes on; Jicofo gives it
// nothing new once its health check has failed.
func (w *World) HangBridge(id fleet.InstanceID, on bool) bool {
	return w.onBridge(id, func(b *bridge) {
		switch {
		case !on:
			b.resume()
			b.seen.failed = false
		case b.hung == nil:
			b.hung, b.hungAt = make(chan struct{}), w.now
		}
	})
}

// SlowBridge adds a wall-clock delay to each of a bridge's answers.
func (w *World) SlowBridge(id fleet.InstanceID, delay time.Duration) bool {
	return w.onBridge(id, func(b *bridge) { b.slow = delay })
}

// SickenBridge makes a bridge's own health check fail with a message, or succeed again with an empty one.
func (w *World) SickenBridge(id fleet.InstanceID, message string) bool {
	return w.onBridge(id, func(b *bridge) { b.unhealthy = message })
}

// HeatBridge adds to a bridge's stress what its participants do not explain.
func (w *World) HeatBridge(id fleet.InstanceID, extraStress float64) bool {
	return w.onBridge(id, func(b *bridge) { b.extraStress = extraStress })
}

// HideCensus lets a shard's Prosody answer no question for its rooms, or answer again; all else of it goes on.
func (w *World) HideCensus(shardName string, on bool) bool {
	return w.onSignal(shardName, func(s *signal) { s.censusHidden = on })
}

// OverloadWeb lets a shard's web server cut each connection on which a room is asked for, or serve again. Its health
// is still well.
func (w *World) OverloadWeb(shardName string, on bool) bool {
	return w.onSignal(shardName, func(s *signal) { s.overloaded = on })
}

// onSignal does something to a shard's signal node; false when there is none.
func (w *World) onSignal(shardName string, do func(*signal)) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	sh := w.shards[shardName]
	if sh == nil || sh.active == nil {
		return false
	}
	do(sh.active)
	return true
}

// KillSignal ends a signal node with all that runs on it, as a machine that fails does: connections are cut, its
// conferences are gone, and its bridges are without a brewery until another signal node of the shard is up. False when
// there is no such node.
func (w *World) KillSignal(id fleet.InstanceID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	s := w.signals[id]
	if s == nil {
		return false
	}
	delete(w.signals, id)
	w.stopSignal(s, &w.counts.CutOff)
	return true
}

// onBridge does something to a bridge; false when there is no such bridge.
func (w *World) onBridge(id fleet.InstanceID, do func(*bridge)) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	b := w.bridges[id]
	if b == nil {
		return false
	}
	do(b)
	return true
}
