package capacity

import (
	"math"
	"time"
)

// Forecast is by how much the demand is expected to rise within a lead, in stress.
type Forecast struct {
	Mean    float64 `json:"mean"`    // the most likely rise; below 0 when the demand is expected to fall
	Margin  float64 `json:"margin"`  // what the service level asks for beyond it
	Moments int     `json:"moments"` // past moments that it goes by; 0 means that nothing is known
}

// Growth is what to expect: Input's Expected. It is never below 0, since a forecast may only add.
func (f Forecast) Growth() float64 { return max(0, f.Mean+f.Margin) }

// Lead is how far a forecast of what must be launched looks ahead: until what the next decision launches serves. That is a
// minute away, and some boots take a quarter longer than the boot time says.
func Lead(bootTime time.Duration) time.Duration { return bootTime + bootTime/4 + time.Minute }

const (
	// levelMinutes is over how long today is compared with a past day.
	levelMinutes = 120
	// levelPrior is the stress that both sides of that comparison are raised by: a ratio of two small demands says little.
	levelPrior = 0.5
	// leastScale and mostScale bound what the comparison may make of a past day.
	leastScale, mostScale = 0.1, 4.0
	// sameWeekday, sameKind and otherKind are what a past day counts: a Monday for a Monday, a Tuesday for a Monday, and a
	// Sunday for a Monday, which is asked only while there are no others.
	sameWeekday, sameKind, otherKind = 2.0, 1.0, 0.5
	// hoursBack is how many of today's last hours are asked while no past day is known.
	hoursBack = 3
	// pooledMoments is how many past moments the lumpiness of the whole profile, or the churn of the hours, counts as much as.
	pooledMoments = 8
	// lumpPrior is the lumpiness before two days can be compared: 20 people who come at once.
	lumpPrior = 0.2
	// lumpStep and lumpLead are the grid on which lumpiness is measured, in minutes.
	lumpStep, lumpLead = 5, 6
)

// blends are the shares of the present demand that are taken to stay. See Profile.Forecast.
var blends = []float64{1, 0.75, 0.5, 0.25, 0}

// moment is one past moment like the present one: the demand then, and the highest within the lead after it.
type moment struct{ from, to, weight float64 }

// Forecast forecasts the highest demand within a lead; serviceLevel, between 0.5 and 1, is how likely it shall suffice.
// now is in the profile's time zone. A profile that knows nothing forecasts nothing. The package comment explains the model.
func (p *Profile) Forecast(now time.Time, demand float64, lead time.Duration, serviceLevel float64) Forecast {
	if len(p.days) == 0 {
		return Forecast{}
	}
	ahead := int(math.Ceil(lead.Minutes()))
	past := p.like(now, func(index, minute int) (from, to float64, known bool) {
		from, known = p.at(index, minute, passedOf(now))
		to, found := p.most(index, minute, ahead)
		return from, to, known && found
	}, p.scale)
	if len(past) == 0 {
		return Forecast{}
	}
	best, least := Forecast{Moments: len(past)}, math.Inf(1)
	for _, stays := range blends {
		mean, deviation := spread(past, stays)
		if deviation < least-epsilon { // of equal ones the first, whatever rounding says
			best.Mean, least = mean-(1-stays)*demand, deviation
		}
	}
	_, minute := minuteOf(now)
	pooled := max(p.lumps()*max(0, best.Mean), p.churn(minute, ahead)*max(0, demand+best.Mean))
	n := float64(len(past))
	variance := (n*least*least + pooledMoments*pooled) / (n + pooledMoments)
	best.Margin = math.Sqrt2 * math.Erfinv(2*serviceLevel-1) * math.Sqrt(variance)
	return best
}

// spread is the mean of what came on top of the share that stays, and how far a further moment is likely to be from it.
func spread(past []moment, stays float64) (mean, deviation float64) {
	sum, squares, weight, n := 0.0, 0.0, 0.0, float64(len(past))
	for _, m := range past {
		came := m.to - stays*m.from
		sum, squares, weight = sum+m.weight*came, squares+m.weight*came*came, weight+m.weight
	}
	mean = sum / weight
	return mean, math.Sqrt(max(0, squares/weight-mean*mean) * (n + 1) / max(1, n-1))
}

// like are the past moments like this one: the same minute of past days of the same kind; while none is known, of days of
// the other kind; and on a first day, of its last hours. read reads one of a day, scale is how much larger today is than that.
func (p *Profile) like(now time.Time, read func(index, minute int) (from, to float64, known bool), scale func(index, today, minute int) float64) []moment {
	number, minute := minuteOf(now)
	if p.days[len(p.days)-1].number < number {
		p.begin(number)
	}
	today := len(p.days) - 1
	if p.days[today].number != number {
		return nil
	}
	var past []moment
	for _, likeToday := range []bool{true, false} {
		for i := range today {
			if (p.days[i].weekend() == p.days[today].weekend()) != likeToday {
				continue
			}
			if from, to, known := read(i, minute); known {
				larger := scale(i, today, minute)
				past = append(past, moment{from * larger, to * larger, p.weight(i, today)})
			}
		}
		if len(past) > 0 {
			return past
		}
	}
	for hours := range hoursBack {
		if from, to, known := read(today, minute-60*(hours+1)); known {
			past = append(past, moment{from, to, sameKind})
		}
	}
	return past
}

// at is the demand when a share of a minute has passed. A minute is known by its highest demand, and one that rises has that
// at its end: ten seconds after the hour, few of those have come who will have come a minute after it.
func (p *Profile) at(index, minute int, passed float64) (demand float64, known bool) {
	highest, known := p.value(index, minute)
	if before, found := p.value(index, minute-1); known && found && before < highest {
		return before + (highest-before)*passed, true
	}
	return highest, known
}

// most is the highest demand from a minute on, if at least half of it is known.
func (p *Profile) most(index, minute, ahead int) (highest float64, known bool) {
	n := 0
	for after := range ahead + 1 {
		if v, ok := p.value(index, minute+after); ok {
			highest, n = max(highest, v), n+1
		}
	}
	return highest, 2*n > ahead
}

func (p *Profile) weight(index, today int) float64 {
	switch a, b := &p.days[index], &p.days[today]; {
	case a.weekday() == b.weekday():
		return sameWeekday
	case a.weekend() == b.weekend():
		return sameKind
	default:
		return otherKind
	}
}

// scale is how much larger today is than a past day was over the same last hours: holidays and a fleet that grows show
// in it. Where today is smaller, only what lumps do not explain counts (James and Stein's shrinkage): few meetings in the
// last hours say little about the next, and to expect too much costs less than to expect too little.
func (p *Profile) scale(index, today, minute int) float64 {
	then, now, n := 0.0, 0.0, 0
	for back := 1; back <= levelMinutes; back += 5 {
		a, known := p.value(index, minute-back)
		b, knownToday := p.value(today, minute-back)
		if known && knownToday {
			then, now, n = then+a, now+b, n+1
		}
	}
	if n < 3 {
		return 1
	}
	then, now = then/float64(n)+levelPrior, now/float64(n)+levelPrior
	smaller := math.Log(then / now)
	if smaller > 0 {
		luck := p.lumps() * (1/then + 1/now) // the variance of the logarithm that lumps make
		smaller = max(0, smaller-luck/smaller)
	}
	return min(mostScale, max(leastScale, math.Exp(-smaller)))
}

// rises are sums over days: of how much the demand rose, of its squares, and of the demands that it rose to.
type rises struct{ n, sum, squares, levels float64 }

// rises are those from a minute to the highest demand within a lead after it, on the first days that are of a kind.
func (p *Profile) rises(days int, weekend bool, minute, ahead int) rises {
	var r rises
	for i := range days {
		if p.days[i].weekend() != weekend {
			continue
		}
		from, known := p.value(i, minute)
		if to, found := p.most(i, minute, ahead); known && found {
			rise := to - from
			r = rises{r.n + 1, r.sum + rise, r.squares + rise*rise, r.levels + to}
		}
	}
	return r
}

// scatter is the sum of the squares of what the rises differ from their mean by.
func (r rises) scatter() float64 { return max(0, r.squares-r.sum*r.sum/r.n) }

// churn is the variance of the rises from a minute on by the demand that they lead to, over that minute of all hours of past
// days of today's kind; 0 while no two can be compared. Where as many leave on the hour as come, the rise is small by its
// mean and is not by its variance.
func (p *Profile) churn(minute, ahead int) float64 {
	today := len(p.days) - 1
	variances, levels := 0.0, 0.0
	for at := minute % 60; at+ahead < minutesOfDay; at += 60 { // the next day may be of the other kind
		if r := p.rises(today, p.days[today].weekend(), at, ahead); r.n >= 2 {
			variances, levels = variances+r.scatter(), levels+r.levels*(r.n-1)/r.n
		}
	}
	if levels == 0 {
		return 0
	}
	return variances / levels
}

// lumps is the lumpiness to go by.
func (p *Profile) lumps() float64 {
	if p.lump == 0 {
		return lumpPrior
	}
	return p.lump
}

// lumpiness is the variance of rises by their mean, over all minutes of all days that are over; 0 while it is not known.
func (p *Profile) lumpiness() float64 {
	means, variances := 0.0, 0.0
	for _, weekend := range []bool{false, true} {
		for minute := 0; minute < minutesOfDay; minute += lumpStep {
			if r := p.rises(len(p.days), weekend, minute, lumpLead); r.n >= 2 {
				means, variances = means+r.sum/r.n, variances+r.scatter()/(r.n-1)
			}
		}
	}
	if means == 0 {
		return 0
	}
	return variances / means
}
