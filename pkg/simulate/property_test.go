package simulate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// anyFaults are none, some or all faults, up to a share of a half.
func anyFaults() *rapid.Generator[Faults] {
	return rapid.Custom(func(t *rapid.T) Faults {
		share := func(what string) float64 {
			return max(0, rapid.Float64Range(-0.5, 0.5).Draw(t, what)) // half of the time none
		}
		return Faults{
			Gaps: share("gaps"), Wrong: share("wrong"), Stale: share("stale"), BootFailures: share("boot failures"), SlowBoots: share("slow boots"),
			NoCapacity: share("no capacity"), LostWakes: share("lost"), DoubledRuns: share("doubled"), Throttled: share("throttled"), Ended: share("ended"),
			Down:   time.Duration(max(0, rapid.IntRange(-60, 60).Draw(t, "down"))) * time.Minute,
			DownAt: time.Duration(rapid.IntRange(0, 120).Draw(t, "down at")) * time.Minute,
		}
	})
}

func anyWorld() *rapid.Generator[Options] {
	return rapid.Custom(func(t *rapid.T) Options {
		return Options{
			BridgeBoot: time.Duration(rapid.IntRange(30, 600).Draw(t, "boot")) * time.Second,
			JibriBoot:  time.Duration(rapid.IntRange(30, 600).Draw(t, "jibri boot")) * time.Second,
			Spread:     rapid.Float64Range(0, 0.9).Draw(t, "spread"),
			WarmUp:     time.Duration(rapid.IntRange(0, 40).Draw(t, "warm-up")) * time.Minute,
			Seed:       rapid.Uint64().Draw(t, "seed"), Faults: anyFaults().Draw(t, "faults"),
		}
	})
}

func TestOurPolicyDropsNobodyAndKillsNoRecordingWhateverGoesWrong(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, o := wholeSeconds().Draw(t, "workload"), anyWorld().Draw(t, "world")
		r := play(t, "jitsi-fleet", w, o)
		assert.Zero(t, r.Bridges.DroppedParticipants)
		assert.Zero(t, r.Jibris.KilledRecordings)
	})
}

func play(t require.TestingT, policy string, w Workload, o Options) Run {
	e, err := Named(policy, w, o)
	require.NoError(t, err)
	return Play(w, e, o)
}

func TestFiguresOfEveryPolicyAreWithinTheirBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, o := wholeSeconds().Draw(t, "workload"), anyWorld().Draw(t, "world")
		bound := play(t, "bound", w, o)
		for _, policy := range PolicyNames {
			r := play(t, policy, w, o)
			if f := r.Bridges; f != nil {
				assert.InDelta(t, bound.Bridges.LowerBoundHours, f.LowerBoundHours, 1e-6, policy)
				assert.LessOrEqual(t, f.SevereShare, f.OverloadShare, policy)
				assert.LessOrEqual(t, f.OverloadShare+f.UnservedShare, 1+1e-9, policy)
				if f.OverloadShare+f.UnservedShare == 0 {
					assert.GreaterOrEqual(t, f.InstanceHours, f.LowerBoundHours-1e-6, "%s serves everybody well with less than the bound", policy)
				}
			}
			if f := r.Jibris; f != nil {
				assert.Equal(t, bound.Jibris.Requests, f.Requests, policy)
				assert.LessOrEqual(t, f.WaitedShare+f.FailedShare, 1+1e-9, policy)
				assert.GreaterOrEqual(t, f.InstanceHours, f.BusyHours-1e-6, policy)
				assert.LessOrEqual(t, f.BusyHours, bound.Jibris.BusyHours+1e-6, policy)
			}
		}
	})
}

func TestTheSameSeedGivesTheSameFigures(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, o := wholeSeconds().Draw(t, "workload"), anyWorld().Draw(t, "world")
		policy := rapid.SampledFrom(PolicyNames).Draw(t, "policy")
		first := play(t, policy, w, o)
		second := play(t, policy, w, o)
		assert.Equal(t, first, second)
	})
}

func TestEverybodyHasLeftWhenTheWorkloadIsOver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, o := wholeSeconds().Draw(t, "workload"), anyWorld().Draw(t, "world")
		w.Visits = append(w.Visits, Visit{0, 20_000, 20_001}) // so that there is time after the others
		e, err := Named(rapid.SampledFrom([]string{"jitsi-fleet", "target-tracking", "jitsi-autoscaler"}).Draw(t, "policy"), w, o)
		require.NoError(t, err)
		r := newBridgeRun(w, e.Bridges, e.FirstBridges, o)
		r.play(0)
		left := 0
		for _, b := range r.pool.bridges {
			assert.Len(t, b.places, b.people)
			left += b.people
		}
		assert.Equal(t, r.pool.people, left+r.pool.waiting)
		assert.LessOrEqual(t, r.pool.people, 1)
		assert.Zero(t, r.pool.overloaded)
		assert.Zero(t, r.pool.severed)
	})
}

func TestChartsAddUpToTheFigures(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, o := wholeSeconds().Draw(t, "workload"), anyWorld().Draw(t, "world")
		o.WarmUp, o.Sample = 0, time.Minute
		w.Visits = append(w.Visits, Visit{0, 0, 24_000}) // a multiple of the interval, so that the last one is whole
		w.sort()
		r := play(t, "jitsi-fleet", w, o)
		paid, bound, recorders := 0.0, 0.0, 0.0
		for i := range r.BridgeSeries {
			paid, bound, recorders = paid+r.BridgeSeries[i].Paid/60, bound+r.BridgeSeries[i].Bound/60, recorders+r.JibriSeries[i].Paid/60
		}
		assert.InDelta(t, r.Bridges.InstanceHours, paid, 1e-6)
		assert.InDelta(t, r.Bridges.LowerBoundHours, bound, 1e-6)
		assert.InDelta(t, r.Jibris.InstanceHours, recorders, 1e-6)
		drawn := 0.0
		points, _ := BoundSeries(w, o)
		for _, p := range points {
			drawn += p.Bound / 60
		}
		assert.InDelta(t, bound, drawn, 1e-6)
	})
}
