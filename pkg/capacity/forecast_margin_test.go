package capacity

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

// turnover is a day on whose every hour, from eight to eighteen o'clock, as many leave as come, but for what differs between days
// and hours: by up to swing. At nine and ten, all days are alike.
func turnover(number int, swing float64) day {
	return func(minute int) float64 {
		hour := minute / 60
		if hour < 8 || hour >= 18 || hour == 9 || hour == 10 {
			return 6
		}
		return 6 + swing*float64((3*hour+5*number)%7-3)/3
	}
}

func TestTheMarginOfAMinuteIsThatOfItsOtherHoursWhereItsOwnDaysWereAlike(t *testing.T) {
	friday := on(4, fiveToNine+time.Hour)
	margin := func(now time.Time, swing float64) float64 {
		days := make([]day, 5)
		for n := range days {
			days[n] = turnover(n, swing)
		}
		return learned(now, days).Forecast(now, 6, lead, 0.995).Margin
	}
	calm, wild := margin(friday, 0.5), margin(friday, 3)
	assert.Greater(t, wild, 2*calm, "the days were alike at ten in both, the other hours were not")
	assert.Greater(t, wild, 1.5)
	assert.Less(t, margin(friday.Add(-30*time.Minute), 3), 0.01, "half past no hour brought anything")
}

// The rises of Sunday night into Monday are no measure of Sundays.
func TestTheChurnOfADayEndsWithIt(t *testing.T) {
	p := learned(on(14, 0), []day{nil, nil, nil, nil, nil, meeting(1, 1), meeting(1, 1), meeting(9, 9), nil, nil, nil, nil, meeting(1, 1), meeting(1, 1)})
	assert.Zero(t, p.churn(55, 7))
	assert.Zero(t, (&Profile{days: make([]profileDay, 1)}).churn(55, 7))
}

// lumpy is a day of rooms of a size, the first hours at a level.
func lumpy(size, level float64) day {
	return func(minute int) float64 {
		if minute >= 9*60 {
			return level + size
		}
		return level
	}
}

func TestHowMuchSmallerTodayIsCountsAsFarAsItIsNotTheLuckOfAFewMeetings(t *testing.T) {
	past := []day{lumpy(3, 4), lumpy(1, 4), lumpy(5, 4), lumpy(2, 4)}
	now := on(4, fiveToNine)
	growth := func(level float64) float64 {
		return learned(now, append(past[:4:4], lumpy(0, level))).Forecast(now, level, lead, 0.5).Mean
	}
	assert.InDelta(t, growth(4), growth(3.2), 1e-9, "a fifth less is one room")
	assert.Less(t, growth(0), 0.5*growth(4), "a holiday is no luck")
	assert.InEpsilon(t, 2*growth(4), growth(8), 0.2, "and of what is more, all counts")
}

func TestADayIsNeverScaledLowerThanItsLastHoursSayNorRaisedByThat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		then, today := hundredths(0, 3000).Draw(t, "then"), hundredths(0, 3000).Draw(t, "today")
		p := learned(on(1, fiveToNine), []day{meeting(then, then), meeting(today, today)})
		p.lump = hundredths(0, 300).Draw(t, "lumpiness")
		scale := p.scale(0, 1, int(fiveToNine.Minutes()))
		// The profile keeps single precision.
		said := (today + levelPrior) / (then + levelPrior)
		lowest, highest := min(mostScale, max(leastScale, said)), min(mostScale, max(1, said))
		if scale < lowest-1e-6 || scale > highest+1e-6 {
			t.Fatalf("a day at %v is scaled by %v for one at %v", then, scale, today)
		}
	})
}
