package reconcile

import (
	"context"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// EventStateChanged is announced when a shard's signal node follows another state than before.
const EventStateChanged = "Shard State Changed"

// changedState is the detail of EventStateChanged.
type changedState struct {
	Version int              `json:"version"`
	Shard   string           `json:"shard"`
	From    fleet.ShardState `json:"from"`
	To      fleet.ShardState `json:"to"`
}

// announceChange tells that a shard follows another state. The first state that is seen is no change, and a silent node's
// is not known.
func (s Shards) announceChange(ctx context.Context, v view, m *shardsMemory, name string) error {
	now := v.shards[name].State
	if _, known := stateNumbers[now]; !known {
		return nil
	}
	before, seen := m.Followed[name]
	if seen && before != now {
		if err := s.Announcer.Announce(ctx, EventStateChanged, changedState{1, name, before, now}); err != nil {
			return err
		}
	}
	if m.Followed == nil {
		m.Followed = map[string]fleet.ShardState{}
	}
	m.Followed[name] = now
	return nil
}
