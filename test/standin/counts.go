package standin

import (
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// Counters are what happened to participants since the World began.
type Counters struct {
	Joined  int64 `json:"joined"`
	Left    int64 `json:"left"`
	Refused int64 `json:"refused"` // could not join: no signal node, or no usable bridge
	// Moved were invited to another bridge by Jicofo from one that still carried them.
	Moved int64 `json:"moved"`
	// Rejoined lost their media with a bridge that died and got another bridge after Jicofo noticed;
	// InterruptionSeconds is how long they had none, together, in the components' own time.
	Rejoined            int64   `json:"rejoined"`
	InterruptionSeconds float64 `json:"interruptionSeconds"`
	// CutOff lost their conference with a signal node that was killed: no order of anybody's ended it.
	CutOff int64 `json:"cutOff,omitempty"`
	// Dropped had media on a node that the control plane ended: an instance terminated, or a bridge that was told
	// to shut down and had nowhere to move them. The control plane promises that it is 0.
	Dropped int64 `json:"dropped"`
}

// Counters is what happened so far.
func (w *World) Counters() Counters {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	return w.counts
}

// BridgeState is one bridge as it really is now, which its own statistics tell up to 5 s later.
type BridgeState struct {
	ID             fleet.InstanceID
	Shard          string
	Up             bool // the process answers, or would if it did not hang
	Dead           bool
	Joined         bool
	Drain          bool
	Graceful       bool
	ShuttingDown   bool
	LocalEndpoints int
	Stress         float64
}

// Bridges are all bridges whose instances were not stopped, by id.
func (w *World) Bridges() []BridgeState {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	states := make([]BridgeState, 0, len(w.bridges))
	for _, id := range sortedKeys(w.bridges) {
		b := w.bridges[id]
		s := BridgeState{
			ID: b.id, Shard: b.shard.name, Up: b.up && !b.dead, Dead: b.dead, Joined: b.joined,
			Drain: b.drain, Graceful: b.graceful, ShuttingDown: b.shuttingDown,
		}
		if !b.dead {
			s.LocalEndpoints = len(b.people)
			s.Stress = float64(len(b.people))*participantStress + b.extraStress
		}
		states = append(states, s)
	}
	return states
}

// Participants is how many are in a shard's conferences.
func (w *World) Participants(shardName string) int {
	total := 0
	for _, size := range w.Rooms(shardName) {
		total += size
	}
	return total
}

// Rooms are a shard's conferences and their sizes.
func (w *World) Rooms(shardName string) map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	sizes := map[string]int{}
	if s := w.shard(shardName).active; s != nil {
		for name, r := range s.rooms {
			sizes[name] = len(r.people)
		}
	}
	return sizes
}

// SplitRooms are the rooms that live on more than one shard, which none may.
func (w *World) SplitRooms() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	shards := map[string]int{}
	for _, sh := range w.shards {
		if sh.active == nil {
			continue
		}
		for name := range sh.active.rooms {
			shards[name]++
		}
	}
	var split []string
	for name, n := range shards {
		if n > 1 {
			split = append(split, name)
		}
	}
	slices.Sort(split)
	return split
}

// Now is the World's time.
func (w *World) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}
