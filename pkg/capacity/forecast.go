package capacity

import (
	"math"
	"time"
)

// minutesOfDay is how finely a profile tells a day apart.
const minutesOfDay = 24 * 60

// Profile is the demand of past days, minute by minute: what a forecast goes by. Days are counted in one time zone, so
// that a meeting at nine is at nine in summer and winter.
type Profile struct {
	// Days are the days that are known, oldest first. None is older than ProfileDays.
	Days []ProfileDay `json:"days"`
}

// ProfileDay is one day's demand, the highest of each minute; a negative value is a minute of which nothing is known.
type ProfileDay struct {
	Day     int       `json:"day"` // days since 1970-01-01 in the profile's time zone
	Weekday int       `json:"weekday"`
	Minutes []float32 `json:"minutes"`
}

// ProfileDays is how many days a profile remembers: four weeks.
const ProfileDays = 28

// minuteOf is the day and the minute of a moment.
func minuteOf(at time.Time) (day, minute int) {
	midnight := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
	return int(midnight.Unix() / 86400), at.Hour()*60 + at.Minute()
}

// Learn makes a demand part of the profile. The moment's own location is the profile's time zone.
func (p *Profile) Learn(at time.Time, demand float64) {
	number, minute := minuteOf(at)
	if len(p.Days) == 0 || p.Days[len(p.Days)-1].Day < number {
		day := ProfileDay{Day: number, Weekday: int(at.Weekday()), Minutes: make([]float32, minutesOfDay)}
		for i := range day.Minutes {
			day.Minutes[i] = -1
		}
		p.Days = append(p.Days, day)
		for p.Days[0].Day <= number-ProfileDays {
			p.Days = p.Days[1:]
		}
	}
	day := &p.Days[len(p.Days)-1]
	if day.Day == number {
		day.Minutes[minute] = max(day.Minutes[minute], float32(demand))
	}
}

// value is the demand of a minute of the day at an index; minutes past midnight belong to the next one.
func (p *Profile) value(index, minute int) (float64, bool) {
	for minute >= minutesOfDay {
		if index+1 >= len(p.Days) || p.Days[index+1].Day != p.Days[index].Day+1 {
			return 0, false
		}
		index, minute = index+1, minute-minutesOfDay
	}
	for minute < 0 {
		if index == 0 || p.Days[index-1].Day != p.Days[index].Day-1 {
			return 0, false
		}
		index, minute = index-1, minute+minutesOfDay
	}
	v := p.Days[index].Minutes[minute]
	return float64(v), v >= 0
}

// rise is by how much the demand of a past moment rose within the lead.
func (p *Profile) rise(index, minute, lead int) (float64, bool) {
	from, ok := p.value(index, minute)
	if !ok {
		return 0, false
	}
	most, known := from, 0
	for after := 1; after <= lead; after++ {
		if v, ok := p.value(index, minute+after); ok {
			most, known = max(most, v), known+1
		}
	}
	return most - from, 2*known >= lead
}

// level is the mean demand over the last hours before a moment.
func (p *Profile) level(index, minute int) (float64, bool) {
	sum, n := 0.0, 0
	for back := 5; back <= levelMinutes; back += 5 {
		if v, ok := p.value(index, minute-back); ok {
			sum, n = sum+v, n+1
		}
	}
	if n < 3 {
		return 0, false
	}
	return sum / float64(n), true
}

const levelMinutes = 180

// Expected is the growth that a forecast expects within a lead, and how it came about.
func (p *Profile) Expected(now time.Time, lead time.Duration, z float64) float64 {
	number, minute := minuteOf(now)
	ahead := int(math.Ceil(lead.Minutes()))
	today := len(p.Days) - 1
	if today < 0 || p.Days[today].Day != number {
		return 0
	}
	level, levelKnown := p.level(today, minute)
	weekend := func(weekday int) bool { return weekday == 0 || weekday == 6 }
	var sum, squares, weight float64
	n := 0.0
	add := func(rise, w float64) {
		sum, squares, weight, n = sum+w*rise, squares+w*rise*rise, weight+w, n+1
	}
	for i := range today {
		d := p.Days[i]
		if weekend(d.Weekday) != weekend(int(now.Weekday())) {
			continue
		}
		w := 1.0
		if d.Weekday == int(now.Weekday()) {
			w = 2
		}
		best, ok := 0.0, false
		for jitter := -1; jitter <= 1; jitter++ {
			if r, known := p.rise(i, minute+jitter, ahead); known {
				best, ok = max(best, r), true
			}
		}
		if !ok {
			continue
		}
		scale := 1.0
		if then, known := p.level(i, minute); known && levelKnown {
			scale = min(4, max(0.1, (level+levelPrior)/(then+levelPrior)))
		}
		add(best*scale, w)
	}
	for hours := 1; hours <= 6 && n < 6; hours++ {
		best, ok := 0.0, false
		for jitter := -1; jitter <= 1; jitter++ {
			if r, known := p.rise(today, minute-60*hours+jitter, ahead); known {
				best, ok = max(best, r), true
			}
		}
		if ok {
			add(best, 1)
		}
	}
	if n == 0 {
		return 0
	}
	mean := sum / weight
	deviation := math.Sqrt(max(0, squares/weight-mean*mean)) * math.Sqrt((n+1)/max(1, n-1))
	return mean + z*deviation
}

// levelPrior is the demand, in stress, that both levels are raised by, so that a ratio of two small ones says little.
const levelPrior = 0.5
