package main

import (
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/scaling"
)

// row is one line of the sandbox's table: how the fleet is at one moment.
type row struct {
	Time         string  `json:"time"` // of the scenario's day
	Offset       float64 `json:"offset"`
	Participants int     `json:"participants"`
	Wanted       int     `json:"wanted"`   // bridges, by the last decision
	Running      int     `json:"running"`  // bridges in service that take new work
	Booting      int     `json:"booting"`  // bought, not in service yet
	Reserve      int     `json:"reserve"`  // in service, in drain, and to be taken back
	Draining     int     `json:"draining"` // shutting down or leaving
	Dropped      int64   `json:"dropped"`  // participants, since the beginning
	Stress       float64 `json:"stress"`   // the highest of a running bridge

	Shards    []shardRow   `json:"shards,omitempty"`    // of a fleet with more than one
	Recorders *recorderRow `json:"recorders,omitempty"` // of a fleet with some
}

// look is how the fleet really is now: Auto Scaling's states beside the bridges themselves, not what they report.
func (s *stage) look() row {
	r := row{Wanted: s.journal.totalWanted(), Dropped: s.world.Counters().Dropped}
	for _, shard := range s.settings.Shards {
		r.Participants += s.world.Participants(shard.Name)
	}
	states := map[fleet.InstanceID]string{}
	for _, i := range s.cloud.Instances() {
		if i.Tags[fleet.TagRole] != string(fleet.RoleBridge) {
			continue
		}
		states[fleet.InstanceID(i.ID)] = i.State
		if fleet.LifecycleState(i.State).Booting() {
			r.Booting++
		}
	}
	for _, b := range s.world.Bridges() {
		switch state, known := states[b.ID]; {
		case !known || fleet.LifecycleState(state).Booting():
		case state == scaling.InService && b.Up && b.Joined && !b.Drain && !b.Graceful && !b.ShuttingDown:
			r.Running++
			r.Stress = max(r.Stress, b.Stress)
		case state == scaling.InService && b.Up && b.Joined && !b.Graceful && !b.ShuttingDown:
			r.Reserve++
		default:
			r.Draining++
		}
	}
	return r
}

// lookAt is a look at a moment of the scenario.
func (s *stage) lookAt(name string, offset time.Duration) row {
	r := s.look()
	r.Time, r.Offset, r.Shards = name, offset.Seconds(), s.lookAtShards()
	r.Recorders = s.lookAtRecorders()
	return r
}
