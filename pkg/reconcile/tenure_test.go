package reconcile

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/event"
)

// loops are both loops on a fleet that has something to do for each, by the key of the lease that they take.
func loops(w *world) map[string]func() error {
	w.shard(1).Desired++
	w.advance(time.Second)
	return map[string]func() error{
		"bridges/shard-1": func() error {
			_, err := w.bridges.Run(context.Background(), []event.Wakeup{schedule})
			return err
		},
		"lifecycle/jitsi-shard-1-bridges": func() error {
			_, err := w.lifecycle.Run(context.Background(), []event.Wakeup{schedule})
			return err
		},
	}
}

func TestWhoLosesTheLeaseAsksTheHolderForAnotherRun(t *testing.T) {
	for key := range loops(newWorld(t, 1, 2)) {
		t.Run(key, func(t *testing.T) {
			w := newWorld(t, 1, 2)
			run := loops(w)[key]
			intruded := false
			w.leases.during = func(held string) {
				if intruded || held != key {
					return
				}
				intruded = true
				require.NoError(t, run(), "who loses leaves without an error")
			}
			require.NoError(t, run())
			assert.True(t, intruded)
			assert.Len(t, w.decisions(), 2, "the holder decides once more, the other not at all")
			assert.EqualValues(t, 1, w.leases.items[key].fence, "under the same lease")
			assert.True(t, w.leases.items[key].until.IsZero(), "it is given back")
			assert.False(t, w.leases.items[key].again)
		})
	}
}

func TestAHolderThatIsAskedAgainAndAgainEndsAfterThreeRounds(t *testing.T) {
	for key := range loops(newWorld(t, 1, 2)) {
		t.Run(key, func(t *testing.T) {
			w := newWorld(t, 1, 2)
			run := loops(w)[key]
			nested := false
			w.leases.during = func(held string) {
				if held == key && !nested {
					nested = true
					require.NoError(t, run())
					nested = false
				}
			}
			require.NoError(t, run())
			assert.Len(t, w.decisions(), rounds)
			assert.True(t, w.leases.items[key].until.IsZero(), "it is given back at last")
		})
	}
}

func TestALeaseThatLapsedAndWasTakenIsAnErrorAndKeepsTheNewersMemory(t *testing.T) {
	for key := range loops(newWorld(t, 1, 2)) {
		t.Run(key, func(t *testing.T) {
			w := newWorld(t, 1, 2)
			run := loops(w)[key]
			w.leases.during = func(string) {
				w.leases.items[key].fence++ // another took it
				w.leases.items[key].memory = []byte(`{}`)
			}
			assert.ErrorContains(t, run(), "has lapsed and was taken by another run")
			assert.JSONEq(t, `{}`, string(w.leases.items[key].memory))
		})
	}
}

func TestALeaseLapsesAtTheCallersDeadline(t *testing.T) {
	w := newWorld(t, 1, 2)
	until := time.Now().Add(7 * time.Hour)
	ctx, cancel := context.WithDeadline(context.Background(), until)
	defer cancel()
	var seen time.Time
	w.leases.during = func(key string) { seen = w.leases.items[key].until }
	_, err := w.bridges.Run(ctx, []event.Wakeup{schedule})
	require.NoError(t, err)
	assert.True(t, seen.Equal(until))
}

func TestARunThatDiedLeavesItsLeaseToTheNextOnceItLapsed(t *testing.T) {
	w := newWorld(t, 1, 2)
	w.load(w.shard(1), 2)
	_, ok, err := w.leases.Acquire(context.Background(), "bridges/shard-1", w.Now(), w.Now().Add(time.Minute))
	require.NoError(t, err)
	require.True(t, ok)
	w.runBridges()
	assert.Empty(t, w.took())
	w.advance(time.Minute)
	w.runBridges()
	assert.NotEmpty(t, w.took())
}

func TestOrdersCarryTheLeasesFence(t *testing.T) {
	w := newWorld(t, 1, 4)
	w.loaded(w.shard(1), 0, 11)
	var fences []uint64
	for _, m := range w.shard(1).members {
		for _, o := range m.node.orders {
			if o.Reason != drainOn {
				fences = append(fences, o.Fence)
			}
			assert.Equal(t, "bridges", o.Loop)
			assert.NotEmpty(t, o.Reason)
		}
	}
	assert.Equal(t, []uint64{1, 11, 1, 11}, fences, "each run has its own: drained by the first, retired by the eleventh")
}
