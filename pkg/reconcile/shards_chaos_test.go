package reconcile

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/event"
)

// Whatever fails meanwhile, a room is put onto a shard only when every HAProxy forgot it in the same run, never twice
// within the pause, and at the latest a minute after the faults and the pause are over.
func TestARoomIsMendedInTheEndAndNeverToAndFro(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newEdgeWorld(t, 2, rapid.IntRange(1, 4).Draw(t, "edges"))
		w.split()
		var placed []time.Time
		minute := func() {
			w.advance(time.Minute)
			w.took()
			_, _ = w.loop.Run(context.Background(), []event.Wakeup{schedule}) // it may fail: that is the test
			forgot := 0
			for _, act := range w.took() {
				switch {
				case len(act) > 11 && act[:11] == "forget-room":
					forgot++
				case len(act) > 10 && act[:10] == "place-room":
					assert.Equal(t, len(w.edges), forgot)
					placed = append(placed, w.Now())
				}
			}
		}
		for range rapid.IntRange(0, 12).Draw(t, "minutes of faults") {
			w.faults = map[string]error{}
			for _, e := range w.edges {
				e.node.silent = rapid.IntRange(0, 5).Draw(t, "silent") == 0
				for _, verb := range []string{"forget-room ", "place-room "} {
					if rapid.IntRange(0, 3).Draw(t, verb) == 0 {
						w.faults[verb+string(e.ID)] = errSilent
					}
				}
			}
			delete(w.leases.fail, "note shards/jitsi")
			if rapid.IntRange(0, 5).Draw(t, "note fails") == 0 {
				w.leases.fail["note shards/jitsi"] = errSilent
			}
			minute()
		}
		w.faults, w.leases.fail = map[string]error{}, map[string]error{}
		for _, e := range w.edges {
			e.node.silent = false
		}
		for range 11 {
			minute()
		}
		require.NotEmpty(t, placed)
		for i := 1; i < len(placed); i++ {
			assert.GreaterOrEqual(t, placed[i].Sub(placed[i-1]), 10*time.Minute)
		}
		for _, id := range w.places() {
			assert.Equal(t, w.edges[0].node.edge.shards["shard-2"].ID, id)
		}
	})
}
