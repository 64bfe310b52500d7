package capacity

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestAProfileIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, _ := random(t)
		raw, err := p.MarshalBinary()
		require.NoError(t, err)
		read := &Profile{}
		require.NoError(t, read.UnmarshalBinary(raw))
		require.Len(t, read.days, len(p.days))
		require.InDelta(t, p.lump, read.lump, 1e-3*(1+p.lump))
		for i := range p.days {
			require.Equal(t, p.days[i].number, read.days[i].number)
			most := float32(0)
			for _, v := range p.days[i].minutes {
				most = max(most, v)
			}
			for minute, v := range p.days[i].minutes {
				require.Equal(t, v < 0, read.days[i].minutes[minute] < 0)
				require.InDelta(t, v, read.days[i].minutes[minute], float64(most)/500+1e-6)
			}
		}
	})
}

func TestAProfileThatIsWrittenAgainDoesNotDrift(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, _ := random(t)
		once, err := p.MarshalBinary()
		require.NoError(t, err)
		read := &Profile{}
		require.NoError(t, read.UnmarshalBinary(once))
		twice, err := read.MarshalBinary()
		require.NoError(t, err)
		require.Equal(t, once, twice)
	})
}

func TestAFullProfileFitsAnItem(t *testing.T) {
	p := &Profile{}
	for n := range ProfileDays {
		p.Learn(on(n, 0), 1)
	}
	raw, err := p.MarshalBinary()
	require.NoError(t, err)
	assert.Less(t, len(raw), 41_000, "DynamoDB's items have 400 kB, and the cost of this one is told")
}

func TestWhatIsNoDemandIsNotLearned(t *testing.T) {
	p := &Profile{}
	for _, demand := range []float64{-1, math.NaN(), math.Inf(1), math.Inf(-1)} {
		p.Learn(on(0, 0), demand)
	}
	p.Learn(time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC), 1)
	assert.Empty(t, p.days)
	p.Learn(on(1, 0), 2)
	p.Learn(on(0, 0), 9)
	require.Len(t, p.days, 1, "the day before comes too late")
	v, known := p.value(0, 0)
	assert.True(t, known)
	assert.InDelta(t, 2, v, 0)
}

func TestAMinuteKeepsItsHighestDemand(t *testing.T) {
	p := &Profile{}
	for _, demand := range []float64{2, 5, 3} {
		p.Learn(on(0, time.Hour), demand)
	}
	v, _ := p.value(0, 60)
	assert.InDelta(t, 5, v, 0)
}

// The wall clock counts: nine o'clock is nine o'clock on both sides of a change to summer time.
func TestDaysAreComparedByTheWallClock(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	for _, at := range []time.Time{time.Date(2026, 3, 28, 9, 0, 0, 0, berlin), time.Date(2026, 3, 30, 9, 0, 0, 0, berlin)} {
		_, minute := minuteOf(at)
		assert.Equal(t, 9*60, minute)
	}
	day, _ := minuteOf(time.Date(2026, 3, 30, 0, 30, 0, 0, berlin))
	assert.Equal(t, time.Monday, time.Weekday((&profileDay{number: day}).weekday()))
}

func TestAProfileThatIsNoneIsRefusedAndChangesNothing(t *testing.T) {
	p := &Profile{}
	p.Learn(on(0, 0), 1)
	p.Learn(on(1, 0), 1)
	raw, err := p.MarshalBinary()
	require.NoError(t, err)
	second := 5 + dayBytes
	for name, spoil := range map[string]func(b []byte) []byte{
		"empty":            func([]byte) []byte { return nil },
		"another form":     func(b []byte) []byte { b[0] = 2; return b },
		"cut":              func(b []byte) []byte { return b[:len(b)-1] },
		"no lumpiness":     func(b []byte) []byte { b[1], b[2] = 0xff, 0xff; return b },
		"no demand":        func(b []byte) []byte { b[9], b[10] = 0x7f, 0xc0; return b },
		"a day twice":      func(b []byte) []byte { copy(b[second:second+4], b[5:9]); return b },
		"days in disorder": func(b []byte) []byte { copy(b[second:second+4], []byte{0, 0, 0, 1}); return b },
	} {
		t.Run(name, func(t *testing.T) {
			kept := &Profile{}
			kept.Learn(on(5, 0), 7)
			require.Error(t, kept.UnmarshalBinary(spoil(append([]byte{}, raw...))))
			assert.Len(t, kept.days, 1)
		})
	}
}

func FuzzUnmarshalProfile(f *testing.F) {
	p := &Profile{}
	p.Learn(on(0, time.Hour), 3)
	raw, err := p.MarshalBinary()
	require.NoError(f, err)
	f.Add(raw)
	f.Add([]byte{})
	f.Add([]byte{profileForm, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		p := &Profile{}
		if p.UnmarshalBinary(data) != nil {
			return
		}
		again, err := p.MarshalBinary()
		require.NoError(t, err)
		require.NoError(t, p.UnmarshalBinary(again))
		if g := p.Forecast(on(3, fiveToNine), 1, lead, 0.995).Growth(); !(g >= 0) {
			t.Fatalf("it expects %v", g)
		}
	})
}
