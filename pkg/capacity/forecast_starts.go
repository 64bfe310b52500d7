package capacity

import (
	"math"
	"time"
)

// startsMinutes is over how long the recordings of today that began are compared with a past day's.
const startsMinutes = 180

// startsPrior is the starts that both sides of that comparison are raised by.
const startsPrior = 3.0

// Count adds starts of recordings to the profile; those of a minute are summed. None is knowledge too: the minute is known
// from then on.
func (p *Profile) Count(at time.Time, starts int) {
	number, minute := minuteOf(at)
	if starts < 0 || number < 0 {
		return
	}
	if len(p.days) == 0 || p.days[len(p.days)-1].number < number {
		p.begin(number)
	}
	if day := &p.days[len(p.days)-1]; day.number == number {
		day.minutes[minute] = max(0, day.minutes[minute]) + float32(starts)
	}
}

// Starts is how many starts of a profile of counts to expect within a lead at most, at a service level between 0.5 and 1: as
// Forecast does, from the same minutes of past days, scaled to today. Independent starts are Poisson's, so that their
// variance is their mean; where days differ more, it is theirs.
func (p *Profile) Starts(now time.Time, lead time.Duration, serviceLevel float64) int {
	_, most, _ := p.ForecastStarts(now, lead, serviceLevel)
	return most
}

// ForecastStarts is Starts with the mean that it is made from; known is false while there is nothing to compare with.
func (p *Profile) ForecastStarts(now time.Time, lead time.Duration, serviceLevel float64) (mean float64, most int, known bool) {
	if len(p.days) == 0 {
		return 0, 0, false
	}
	counted := p.like(now, func(index, minute int) (from, to float64, known bool) {
		to, known = p.beginning(index, minute, passedOf(now), lead)
		return 0, to, known
	}, p.startsScale)
	if len(counted) == 0 {
		return 0, 0, false
	}
	mean, deviation := spread(counted, 0)
	if mean <= epsilon {
		return 0, 0, true
	}
	n, z := float64(len(counted)), math.Sqrt2*math.Erfinv(2*serviceLevel-1)
	variance := max(mean*(1+1/n), (n*deviation*deviation+pooledMoments*mean)/(n+pooledMoments))
	// The last term is Cornish and Fisher's for a Poisson distribution, which is skewed: 20 starts are likelier than none at a
	// mean of 10.
	return mean, int(math.Ceil(mean + z*math.Sqrt(variance) + max(0, z*z-1)/6 - epsilon)), true
}

// beginning is the starts of a lead from when a share of a minute has passed. Those of a minute are taken to begin evenly in
// it, so that what has begun in the present one already is not expected again.
func (p *Profile) beginning(index, minute int, passed float64, lead time.Duration) (starts float64, known bool) {
	until := passed + lead.Minutes()
	last := int(until)
	starts, known = p.sum(index, minute, minute+last+1)
	if first, ok := p.value(index, minute); ok {
		starts -= passed * first
	}
	if end, ok := p.value(index, minute+last); ok {
		starts -= (1 - (until - float64(last))) * end
	}
	return starts, known
}

// sum is the starts from a minute of a day to before another, if at least half of them are known.
func (p *Profile) sum(index, from, to int) (starts float64, known bool) {
	n := 0
	for minute := from; minute < to; minute++ {
		if v, ok := p.value(index, minute); ok {
			starts, n = starts+v, n+1
		}
	}
	return starts, 2*n >= to-from
}

func (p *Profile) startsScale(index, today, minute int) float64 {
	then, known := p.sum(index, minute-startsMinutes, minute)
	now, knownToday := p.sum(today, minute-startsMinutes, minute)
	if !known || !knownToday {
		return 1
	}
	return min(mostScale, max(leastScale, (now+startsPrior)/(then+startsPrior)))
}
