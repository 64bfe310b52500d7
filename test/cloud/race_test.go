package cloud

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/awscloud"
)

func TestOfThirtyTwoThatWantALeaseOneGetsIt(t *testing.T) {
	s := newState(t)
	for round := range uint64(3) {
		now := noon.Add(time.Duration(round) * minute)
		var winners, asking atomic.Int32
		var all sync.WaitGroup
		for range 32 {
			all.Go(func() {
				lease, ok, err := s.Acquire(t.Context(), "race/32", now, now.Add(minute))
				assert.NoError(t, err)
				if !ok {
					asking.Add(1)
					return
				}
				winners.Add(1)
				assert.Equal(t, round+1, lease.Fence)
			})
		}
		all.Wait()
		assert.Equal(t, int32(1), winners.Load())
		assert.Equal(t, int32(31), asking.Load())
	}
}

// side is one run with a client of its own; done is called when it makes no call any more.
type side struct {
	awscloud.State
	done func()
}

// contest lets several runs want a lease while its holder lets go. Either one of them gets it or the holder is told
// to run again; if neither were so, what woke them would wait for the next schedule.
func contest(t *testing.T, holder awscloud.State, letsGo side, wants ...side) (told bool) {
	t.Helper()
	const key = "race/release"
	lease := taken(t, holder, key, noon)
	var got atomic.Int32
	var all sync.WaitGroup
	for _, s := range wants {
		all.Go(func() {
			defer s.done()
			_, ok, err := s.Acquire(t.Context(), key, noon, noon.Add(minute))
			assert.NoError(t, err)
			if ok {
				got.Add(1)
			}
		})
	}
	again, err := letsGo.Release(t.Context(), lease, nil)
	letsGo.done()
	assert.NoError(t, err)
	all.Wait()
	if again {
		assert.Zero(t, got.Load(), "the holder runs again, and another has its lease")
	} else {
		assert.Equal(t, int32(1), got.Load(), "the holder does not run again, and so many others have its lease")
		lease.Fence++
	}
	require.NoError(t, holder.Abandon(t.Context(), lease, nil))
	return again
}

func TestAWishIsNeverLostToAReleaseInWhateverOrderTheirCallsArrive(t *testing.T) {
	s, every := newState(t), orders(6, "wr")
	told := 0
	for _, order := range every {
		turns := newTurns(s, order)
		if contest(t, s, turns.side('r'), turns.side('w')) {
			told++
		}
		require.False(t, t.Failed(), "in the order %s", order)
	}
	assert.Positive(t, told, "no order told the holder")
	assert.Less(t, told, len(every), "no order gave the lease to who wanted it")
}

func TestAWishIsNeverLostInAThrong(t *testing.T) {
	s := newState(t)
	one := side{State: s, done: func() {}}
	for range 60 {
		contest(t, s, one, one, one, one)
		require.False(t, t.Failed())
	}
}

// TestAWishBetweenRefusalAndReleaseTakesTheLease is the narrowest case of the race: the holder lets go after the
// refusal and before it is asked.
func TestAWishBetweenRefusalAndReleaseTakesTheLease(t *testing.T) {
	s := newState(t)
	holder := taken(t, s, "between/release", noon)
	late := through(beforeCall(2, func() {
		again, err := s.Release(t.Context(), holder, []byte("left"))
		assert.NoError(t, err)
		assert.False(t, again)
	}), s)
	lease := taken(t, late, "between/release", noon.Add(time.Second))
	assert.Equal(t, uint64(2), lease.Fence)
	assert.Equal(t, "left", string(lease.Memory))
}

func TestAWishReachesTheNextHolderWhenTheLeaseChangesHandsMeanwhile(t *testing.T) {
	s := newState(t)
	first := taken(t, s, "between/hands", noon)
	second := first
	late := through(beforeCall(2, func() {
		assert.NoError(t, s.Abandon(t.Context(), first, nil))
		second = taken(t, s, "between/hands", noon)
	}), s)
	refusedAt(t, late, "between/hands", noon)
	again, err := s.Release(t.Context(), second, nil)
	require.NoError(t, err)
	assert.True(t, again)
}

// TestALeaseThatIsAlwaysElsewhereIsAnErrorAndNoEndlessQuestion lets the lease be held whenever it is wanted, and free
// whenever its holder is asked.
func TestALeaseThatIsAlwaysElsewhereIsAnErrorAndNoEndlessQuestion(t *testing.T) {
	s := newState(t)
	holder, asked := taken(t, s, "between/ever", noon), 0
	unlucky := through(func(r *http.Request) (*http.Response, error) {
		if asked++; asked%2 == 0 {
			assert.NoError(t, s.Abandon(t.Context(), holder, nil))
		} else if asked > 1 {
			holder = taken(t, s, "between/ever", noon)
		}
		return http.DefaultClient.Do(r)
	}, s)
	_, ok, err := unlucky.Acquire(t.Context(), "between/ever", noon, noon.Add(minute))
	assert.False(t, ok)
	assert.ErrorContains(t, err, "lease between/ever is not to be had")
	assert.LessOrEqual(t, asked, 20)
}

func TestAHolderThatLosesItsLeaseWhileItReleasesIsNotToldToRunAgain(t *testing.T) {
	s := newState(t)
	holder := taken(t, s, "between/steps", noon)
	refusedAt(t, s, "between/steps", noon)
	slow := through(beforeCall(2, func() { taken(t, s, "between/steps", noon.Add(minute)) }), s)
	again, err := slow.Release(t.Context(), holder, []byte("stale"))
	assert.ErrorContains(t, err, "has lapsed")
	assert.False(t, again)
	refusedAt(t, s, "between/steps", noon.Add(minute))
	assert.Empty(t, taken(t, s, "between/steps", noon.Add(2*minute)).Memory)
}
