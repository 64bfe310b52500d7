package reconcile

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/event"
)

// friday is a profile of the working day before noon, the world's first moment: 0.5 of demand, and 3 from 12:05 on.
func friday(t *testing.T) []byte {
	t.Helper()
	p := &capacity.Profile{}
	midnight := noon.AddDate(0, 0, -3).Truncate(24 * time.Hour)
	for minute := range 24 * 60 {
		demand := 0.5
		if minute >= 12*60+5 {
			demand = 3
		}
		p.Learn(midnight.Add(time.Duration(minute)*time.Minute), demand)
	}
	raw, err := p.MarshalBinary()
	require.NoError(t, err)
	return raw
}

func TestAGroupGrowsBeforeTheMinuteAtWhichItsProfileKnowsABurst(t *testing.T) {
	w := newWorld(t, 2, 2)
	w.profiles.kept["shard-1"] = friday(t)
	for n := range 2 {
		w.load(w.shard(n+1), 0.5)
	}
	values := w.runBridges()
	require.Len(t, w.took(), 1, "nothing is known of shard-2")
	assert.GreaterOrEqual(t, w.shard(1).Desired, 7, "3.0 of demand and one spare at a target of 0.6 take six bridges, and a margin more")
	assert.InDelta(t, 3, values["DemandForecast shard-1"], 0.02)
	assert.Positive(t, values["ForecastMargin shard-1"])
	assert.InDelta(t, 0.5, values["DemandForecast shard-2"], 0.01)
	assert.Zero(t, values["ForecastMargin shard-2"])
	assert.NotContains(t, values, "ForecastError shard-1")
}

func TestAForecastIsJudgedWhenItsTimeHasCome(t *testing.T) {
	w := newWorld(t, 1, 2)
	w.profiles.kept["shard-1"] = friday(t)
	w.load(w.shard(1), 0.5)
	w.runBridges()
	judged := map[int]float64{}
	for minute := 1; minute <= 12; minute++ {
		w.advance(time.Minute)
		w.load(w.shard(1), 0.5)
		if miss, ok := w.runBridges()["ForecastError shard-1"]; ok {
			judged[minute] = miss
		}
	}
	require.Contains(t, judged, 6, "a lead later: a boot time of 4m, a quarter of it and a minute")
	assert.InDelta(t, -2.5, judged[6], 0.02, "2.5 more were foreseen than came")
	assert.LessOrEqual(t, len(judged), 2)
}

func TestAGapIsNotTakenForAForecastThatCameTrue(t *testing.T) {
	w := newWorld(t, 1, 2)
	w.profiles.kept["shard-1"] = friday(t)
	w.load(w.shard(1), 0.5)
	w.runBridges()
	w.advance(time.Hour)
	w.load(w.shard(1), 0.5)
	assert.NotContains(t, w.runBridges(), "ForecastError shard-1")
}

func TestTheProfileIsWrittenEveryFiveMinutesAndHoldsEachMinute(t *testing.T) {
	w := newWorld(t, 1, 2)
	g := w.shard(1)
	for minute := range 21 {
		w.load(g, 0.1+float64(minute)/50)
		w.runBridges()
		w.advance(time.Minute)
	}
	assert.Equal(t, 5, w.profiles.writes)
	read := &capacity.Profile{}
	require.NoError(t, read.UnmarshalBinary(w.profiles.kept["shard-1"]))
	// An hour later, the first day's history is what was learned: the rise of 0.02 a minute.
	f := read.Forecast(noon.Add(65*time.Minute), 0.1, capacity.Lead(w.bridges.Env.BootTime), 0.5)
	assert.Equal(t, 1, f.Moments)
	assert.InDelta(t, 0.14, f.Mean, 0.011, "seven minutes' rise: the lead and a minute")
}

func TestWithoutItsProfileAGroupGoesByTheReactiveLawAndTheProfileStays(t *testing.T) {
	w := newWorld(t, 1, 2)
	w.profiles.kept["shard-1"], w.profiles.readErr = friday(t), errThrottled
	w.load(w.shard(1), 2)
	_, err := w.bridges.Run(context.Background(), []event.Wakeup{schedule})
	require.ErrorIs(t, err, errThrottled)
	assert.Equal(t, []string{"raise jitsi-shard-1-bridges to 3"}, w.took())
	assert.Zero(t, w.profiles.writes)
}

func TestAProfileThatIsNotKeptIsKeptByTheNextRun(t *testing.T) {
	w := newWorld(t, 1, 2)
	w.profiles.keepErr = errThrottled
	w.load(w.shard(1), 0.5)
	_, err := w.bridges.Run(context.Background(), []event.Wakeup{schedule})
	require.ErrorIs(t, err, errThrottled)
	w.profiles.keepErr = nil
	w.advance(time.Minute)
	w.runBridges()
	assert.Equal(t, 1, w.profiles.writes)
}

func TestAProfileThatIsNotReadableIsBegunAnew(t *testing.T) {
	w := newWorld(t, 1, 2)
	w.profiles.kept["shard-1"] = []byte("nonsense")
	w.load(w.shard(1), 0.5)
	w.runBridges()
	assert.Contains(t, w.log.String(), "the profile is begun anew")
	assert.NoError(t, (&capacity.Profile{}).UnmarshalBinary(w.profiles.kept["shard-1"]))
}
