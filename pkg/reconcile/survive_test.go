package reconcile

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/event"
)

// spread lets minutes pass at a demand of each shard.
func (w *world) spread(minutes int, demands ...float64) {
	w.t.Helper()
	for range minutes {
		for n, demand := range demands {
			w.load(w.shard(n+1), demand)
		}
		w.minutes(1)
	}
}

func TestALostShardsRoomsFindRoomOnTheOthers(t *testing.T) {
	for name, c := range map[string]struct {
		survivors int
		want      []int // bridges at last
	}{
		"off, each shard has room for its own":              {0, []int{4, 4, 2}},
		"on, each has room for half of the largest other's": {1, []int{5, 5, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 3, 2)
			w.bridges.Env.Survivors = c.survivors
			w.spread(30, 1.5, 1.5, 0.3)
			var got []int
			for n := range c.want {
				got = append(got, len(w.shard(n+1).members))
			}
			assert.Equal(t, c.want, got)
			w.well()
		})
	}
}

func TestAWakeUpOfOneShardGoesByWhatWasNotedLast(t *testing.T) {
	w := newWorld(t, 2, 4)
	w.bridges.Env.Survivors = 1
	w.spread(2, 0.2, 1.2)
	w.took()
	w.advance(time.Second)
	_, err := w.bridges.Run(context.Background(), []event.Wakeup{{Kind: event.Node, Shard: "shard-1"}})
	require.NoError(t, err)
	assert.Contains(t, string(w.leases.items["bridges/shard-1"].memory), `"lost":1.2`)
}

func TestADipOfAnotherShardShrinksNothingHere(t *testing.T) {
	w := newWorld(t, 2, 4)
	w.bridges.Env.Survivors = 1
	w.spread(15, 0.6, 1.2)
	w.took()
	w.spread(9, 0.6, 0.1)
	assert.ElementsMatch(t, []string{"drain i-007", "drain i-008"}, w.took(), "the other shard packs its own; here its peak counts for as long as its own would")
	w.well()
}
