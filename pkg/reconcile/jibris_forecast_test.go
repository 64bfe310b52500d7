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

// fridaysStarts is a profile of the working day before noon, the world's first moment: eight recordings begin at 12:03.
func fridaysStarts(t *testing.T) []byte {
	t.Helper()
	p := &capacity.Profile{}
	midnight := noon.AddDate(0, 0, -3).Truncate(24 * time.Hour)
	for minute := range 24 * 60 {
		starts := 0
		if minute == 12*60+3 {
			starts = 8
		}
		p.Count(midnight.Add(time.Duration(minute)*time.Minute), starts)
	}
	raw, err := p.MarshalBinary()
	require.NoError(t, err)
	return raw
}

func TestRecordersAreLaunchedBeforeTheMinuteAtWhichRecordingsUsuallyBegin(t *testing.T) {
	p := newPool(t, 3)
	p.profiles.kept[startsProfile] = fridaysStarts(t)
	p.runJibris()
	acts := p.took()
	require.Len(t, acts, 1)
	assert.GreaterOrEqual(t, p.pool.Desired, 9, "eight and a margin: the three that are free are for some of them")
	assert.LessOrEqual(t, p.pool.Desired, 20)
}

func TestWhatBeganIsInTheProfileThatIsWrittenEveryFiveMinutes(t *testing.T) {
	p := newPool(t, 3)
	for range 11 {
		p.runJibris()
		p.advance(time.Minute)
	}
	assert.Equal(t, 3, p.profiles.writes)
	read := &capacity.Profile{}
	require.NoError(t, read.UnmarshalBinary(p.profiles.kept[startsProfile]))
}

func TestAForecastOfStartsIsPublishedAndJudgedWhenItsTimeHasCome(t *testing.T) {
	p := newPool(t, 6)
	p.profiles.kept[startsProfile] = fridaysStarts(t)
	first := p.runJibris()
	assert.InDelta(t, 8, first["StartsForecast"], 0.5, "what began at 12:03 on Friday")
	assert.Positive(t, first["StartsMargin"])
	assert.NotContains(t, first, "StartsForecastError")
	judged := map[int]float64{}
	for minute := 1; minute <= 8; minute++ {
		p.advance(time.Minute)
		if minute == 3 {
			p.begin(2, time.Hour)
		}
		if miss, ok := p.runJibris()["StartsForecastError"]; ok {
			judged[minute] = miss
		}
	}
	require.Len(t, judged, 1)
	for minute, miss := range judged {
		assert.Equal(t, 6, minute, "a lead later: a boot time of 4m, a quarter of it and a minute")
		assert.InDelta(t, 2-first["StartsForecast"], miss, 1e-9, "two began")
	}
}

func TestAfterAGapAForecastOfStartsIsNotJudged(t *testing.T) {
	p := newPool(t, 3)
	p.profiles.kept[startsProfile] = fridaysStarts(t)
	p.runJibris()
	p.advance(time.Hour)
	assert.NotContains(t, p.runJibris(), "StartsForecastError")
}

func TestTheMemoryOfStartsIsOneForEachMinuteAndBounded(t *testing.T) {
	m := &jibriMemory{}
	for second := range 2 * 60 * 60 {
		m.unfold(noon.Add(time.Duration(second)*time.Second), 1)
	}
	require.Len(t, m.Unfolded, unfoldedMinutes)
	for _, s := range m.Unfolded {
		assert.Equal(t, 60, s.Count)
	}
}

func TestWithoutItsProfileThePoolGoesByWhatBegins(t *testing.T) {
	p := newPool(t, 3)
	p.profiles.kept[startsProfile], p.profiles.readErr = fridaysStarts(t), errThrottled
	_, err := p.jibris.Run(context.Background(), []event.Wakeup{schedule})
	require.ErrorIs(t, err, errThrottled)
	assert.Empty(t, p.took(), "three are free, and three are wanted")
	assert.Zero(t, p.profiles.writes)
}
