package capacity

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

// counted is the profile of days on which as many recordings begin at nine, until a moment.
func counted(until time.Time, nines ...int) *Profile {
	p := &Profile{}
	for n, starts := range nines {
		for minute := range minutesOfDay {
			at := on(n, time.Duration(minute)*time.Minute)
			if at.After(until) {
				return p
			}
			if minute == 9*60 {
				p.Count(at, starts)
				continue
			}
			p.Count(at, 0)
		}
	}
	return p
}

func TestStartsAreForecast(t *testing.T) {
	for _, c := range []struct {
		name        string
		now         time.Time
		nines       []int
		least, most int
	}{
		{"nothing is expected when nothing is known", on(0, fiveToNine), nil, 0, 0},
		{"what began at nine is expected at nine, and a margin", on(3, fiveToNine), []int{4, 4, 4, 0}, 6, 11},
		{"nothing is expected half an hour before", on(3, fiveToNine-30*time.Minute), []int{4, 4, 4, 0}, 0, 0},
		{"nothing is expected after it", on(3, 9*time.Hour+2*time.Minute), []int{4, 4, 4, 0}, 0, 0},
		{"a Saturday is not like the week once there was one", on(12, fiveToNine), []int{4, 4, 4, 4, 4, 0, 0, 4, 4, 4, 4, 4, 0}, 0, 0},
		{"days that differ ask for more", on(3, fiveToNine), []int{0, 12, 0, 0}, 12, 30},
		{"an hour ago counts on a first day", on(0, 9*time.Hour+55*time.Minute), []int{6}, 3, 12},
	} {
		t.Run(c.name, func(t *testing.T) {
			starts := counted(c.now, c.nines...).Starts(c.now, lead, 0.995)
			assert.GreaterOrEqual(t, starts, c.least)
			assert.LessOrEqual(t, starts, c.most)
		})
	}
}

func TestWhatHasBegunInThisMinuteIsNotExpectedAgain(t *testing.T) {
	nine := on(3, 9*time.Hour)
	p := counted(nine, 4, 4, 4, 0)
	for _, c := range []struct {
		from, lead time.Duration
		mean       float64
	}{
		{0, lead, 4},
		{15 * time.Second, lead, 3},
		{45 * time.Second, lead, 1},
		{time.Minute, lead, 0},
		{-90 * time.Second, 2 * time.Minute, 2},
		{-150 * time.Second, 2 * time.Minute, 0},
	} {
		mean, _, known := p.ForecastStarts(nine.Add(c.from), c.lead, 0.995)
		assert.True(t, known)
		assert.InDelta(t, c.mean, mean, 1e-9, "of 4 that begin within the minute after nine, from %s on for %s", c.from, c.lead)
	}
}

func TestStartsOfOneMinuteAreSummedAndNoneIsKnowledge(t *testing.T) {
	p := &Profile{}
	at := on(0, time.Hour)
	p.Count(at, 0)
	v, known := p.value(0, 60)
	assert.True(t, known)
	assert.Zero(t, v)
	p.Count(at, 2)
	p.Count(at.Add(30*time.Second), 3)
	p.Count(at, -1)
	v, _ = p.value(0, 60)
	assert.InDelta(t, 5, v, 0)
}

func TestMoreStartsOrAHigherServiceLevelExpectNoFewer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		starts := rapid.IntRange(0, 30).Draw(t, "starts")
		days := rapid.IntRange(1, 4).Draw(t, "days")
		fewer, more := make([]int, days+1), make([]int, days+1)
		for i := range days {
			fewer[i], more[i] = starts, starts+rapid.IntRange(1, 10).Draw(t, "more")
		}
		for i := range more {
			more[i] = fewer[i] + more[0] - fewer[0]
		}
		now := on(days, fiveToNine)
		few, many := counted(now, fewer...), counted(now, more...)
		if a, b := few.Starts(now, lead, 0.99), many.Starts(now, lead, 0.99); a > b || a < starts {
			t.Fatalf("%d are expected after %d a day, and %d after more", a, starts, b)
		}
		if a, b := few.Starts(now, lead, 0.9), few.Starts(now, lead, 0.999); a > b {
			t.Fatalf("%d are expected, and %d at a higher service level", a, b)
		}
	})
}
