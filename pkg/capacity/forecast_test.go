package capacity

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// monday is the midnight at which the days of these tests begin.
var monday = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// lead is that of a boot time of four minutes.
const lead = 6 * time.Minute

// day is one day's demand at a minute of it.
type day func(minute int) float64

// meeting is a day on which the demand is low, and high for the hour that begins at nine.
func meeting(low, high float64) day {
	return func(minute int) float64 {
		if minute >= 9*60 && minute < 10*60 {
			return high
		}
		return low
	}
}

// hourly is a day on whose every hour demand rises for half of it.
func hourly(low, high float64) day {
	return func(minute int) float64 {
		if minute%60 < 30 {
			return high
		}
		return low
	}
}

// learned is the profile of days, of which nil is one that is not known, and of the last of them until a moment.
func learned(until time.Time, days []day) *Profile {
	p := &Profile{}
	for n, d := range days {
		for minute := range minutesOfDay {
			at := monday.AddDate(0, 0, n).Add(time.Duration(minute) * time.Minute)
			if d != nil && at.Before(until) {
				p.Learn(at, d(minute))
			}
		}
	}
	return p
}

func on(n int, clock time.Duration) time.Time { return monday.AddDate(0, 0, n).Add(clock) }

const fiveToNine = 8*time.Hour + 55*time.Minute

// The worked example of the package comment.
func TestTheWorkedExampleOfTheForecast(t *testing.T) {
	friday := on(4, fiveToNine)
	p := learned(friday, []day{meeting(4, 7), meeting(4, 7.4), meeting(4, 6.6), meeting(4, 7), meeting(4, 7)})
	f := p.Forecast(friday, 4, lead, 0.995)
	assert.Equal(t, 4, f.Moments)
	assert.InDelta(t, 3.0, f.Mean, 0.005)
	assert.InDelta(t, 0.88, f.Margin, 0.005)
	holiday := learned(friday, []day{meeting(4, 7), meeting(4, 7.4), meeting(4, 6.6), meeting(4, 7), meeting(0.4, 0.7)})
	assert.InDelta(t, 0.62, holiday.Forecast(friday, 0.4, lead, 0.995).Mean, 0.005)
}

func TestTheForecast(t *testing.T) {
	busy, quiet := meeting(4, 7), meeting(4, 4)
	weekday, weekend := meeting(4, 7), meeting(1, 1)
	for _, c := range []struct {
		name  string
		now   time.Time
		days  []day
		least float64 // of the growth
		most  float64
	}{
		{"nothing is expected when nothing is known", on(0, fiveToNine), nil, 0, 0},
		{"nothing is expected within the first hour of a first day", on(0, 50*time.Minute), []day{hourly(1, 3)}, 0, 0},
		{"the second hour of a first day expects what the first one brought", on(0, 115*time.Minute), []day{hourly(1, 3)}, 2, 4},
		{"yesterday's burst is expected today, before it comes", on(1, fiveToNine), []day{busy, busy}, 3, 6},
		{"yesterday's burst is not expected half an hour before it", on(1, fiveToNine-30*time.Minute), []day{busy, busy}, 0, 0},
		{"yesterday's burst is expected a lead before it", on(1, fiveToNine-time.Minute), []day{busy, busy}, 3, 6},
		{"a fall is no growth", on(1, 9*time.Hour+55*time.Minute), []day{busy, busy}, 0, 0},
		{"a Saturday is not expected to be like the week", on(12, fiveToNine), []day{weekday, weekday, weekday, weekday, weekday, weekend, weekend, weekday, weekday, weekday, weekday, weekday, weekend}, 0, 0.01},
		{"a first Saturday at a weekday's level is", on(5, fiveToNine), []day{weekday, weekday, weekday, weekday, weekday, weekday}, 3, 5.5},
		{"a day that is missing is skipped", on(3, fiveToNine), []day{busy, nil, nil, busy}, 3, 6},
		{"days that differ ask for a margin", on(4, fiveToNine), []day{busy, quiet, busy, quiet, busy}, 4, 12},
		{"a day at three times the level expects three times the growth", on(4, fiveToNine), []day{busy, busy, busy, busy, meeting(12, 21)}, 8, 12},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := learned(c.now, c.days)
			demand := 0.0
			if n := len(c.days); n > 0 {
				demand = c.days[n-1](int(c.now.Sub(on(n-1, 0)).Minutes()))
			}
			growth := p.Forecast(c.now, demand, lead, 0.995).Growth()
			assert.GreaterOrEqual(t, growth, c.least)
			assert.LessOrEqual(t, growth, c.most)
		})
	}
}

// A minute is known by its highest demand, so that its first seconds are not to be compared with it.
func TestInTheFirstSecondsAfterTheHourTheWholeCrowdIsStillExpected(t *testing.T) {
	crowd := func(minute int) float64 { return 4 + 3*float64(max(0, min(3, minute-9*60+1))) } // 4 at 8:59, 7 at 9:00, 13 at 9:02
	nine := on(4, 9*time.Hour)
	p := learned(nine, []day{crowd, crowd, crowd, crowd, crowd})
	for passed, demand := range map[time.Duration]float64{time.Second: 4.05, 20 * time.Second: 5, 30 * time.Second: 5.5, 59 * time.Second: 6.95} {
		f := p.Forecast(nine.Add(passed), demand, lead, 0.995)
		assert.InDelta(t, 13, demand+f.Mean, 0.01, "%s after nine", passed)
	}
	f := p.Forecast(nine.Add(time.Hour+20*time.Second), 13, lead, 0.995)
	assert.InDelta(t, 0, f.Mean, 0.01, "what does not rise is the same for the whole minute")
}

// What leaves before the hour comes back on it: a lower dip is followed by a higher jump, to the same level.
func TestADeeperDipIsExpectedToFillAgain(t *testing.T) {
	dip := func(low float64) day {
		return func(minute int) float64 {
			if minute%60 >= 50 {
				return low
			}
			return 8
		}
	}
	now := on(6, fiveToNine)
	p := learned(now, []day{dip(7), dip(4), dip(6), dip(5), dip(7), nil, nil})
	now = on(7, fiveToNine)
	for minute := range 9 * 60 {
		if at := on(7, time.Duration(minute)*time.Minute); at.Before(now) {
			p.Learn(at, dip(3)(minute))
		}
	}
	f := p.Forecast(now, 3, lead, 0.995)
	assert.InDelta(t, 5, f.Mean, 0.5, "from 3 to 8, though no past day rose by more than 4")
}

func TestAProfileForgetsWhatIsOlderThanFourWeeks(t *testing.T) {
	p := &Profile{}
	for n := range 40 {
		p.Learn(on(n, fiveToNine), 1)
	}
	require.Len(t, p.days, ProfileDays)
	p.Learn(on(400, 0), 1)
	assert.Len(t, p.days, 1, "a fleet that slept for a year begins anew")
}

// random is a profile of random demands with gaps.
func random(t *rapid.T) (*Profile, time.Time) {
	p := &Profile{}
	at := monday.Add(time.Duration(rapid.IntRange(0, 7*24*60).Draw(t, "first minute")) * time.Minute)
	for range rapid.IntRange(1, 30).Draw(t, "stretches") {
		level := hundredths(0, 3000).Draw(t, "level")
		for minute := range rapid.IntRange(1, 90).Draw(t, "minutes") {
			p.Learn(at, level+float64(minute%7)/10)
			at = at.Add(time.Minute)
		}
		at = at.Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "gap")) * time.Minute)
	}
	return p, at
}

func TestAForecastIsFiniteNeverNegativeAndGrowsWithTheServiceLevel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, now := random(t)
		demand := hundredths(0, 3000).Draw(t, "demand")
		ahead := time.Duration(rapid.IntRange(1, 38).Draw(t, "lead")) * time.Minute
		lower := p.Forecast(now, demand, ahead, 0.9)
		higher := p.Forecast(now, demand, ahead, 0.999)
		if g := lower.Growth(); !sane(g) || g > 4*1000 {
			t.Fatalf("%+v expects %v", lower, g)
		}
		if lower.Margin < 0 || higher.Growth() < lower.Growth() {
			t.Fatalf("%+v at a higher service level than %+v", higher, lower)
		}
	})
}

func TestTwiceTheDemandIsForecastTwice(t *testing.T) {
	friday := on(4, fiveToNine)
	one := learned(friday, []day{meeting(20, 35), meeting(20, 37), meeting(20, 33), meeting(20, 35), meeting(20, 35)}).Forecast(friday, 20, lead, 0.5)
	two := learned(friday, []day{meeting(40, 70), meeting(40, 74), meeting(40, 66), meeting(40, 70), meeting(40, 70)}).Forecast(friday, 40, lead, 0.5)
	assert.InEpsilon(t, 2*one.Mean, two.Mean, 1e-6)
}

func BenchmarkForecast(b *testing.B) {
	days := make([]day, ProfileDays)
	for i := range days {
		days[i] = hourly(4, 7+float64(i)/10)
	}
	now := on(ProfileDays-1, fiveToNine)
	p := learned(now, days)
	for b.Loop() {
		p.Forecast(now, 4, lead, 0.995)
	}
}
