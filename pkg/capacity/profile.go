package capacity

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// Profile is the demand of past days, minute by minute: what a forecast goes by. Days are counted by the wall clock of
// the moments that it learns from, so that a meeting at nine is at nine in summer and in winter.
type Profile struct {
	days []profileDay // oldest first
	// lump is how much the rises of one minute of the day differ from day to day, as variance by mean: the stress that
	// comes at once. Small meetings make it small.
	lump float64
}

// profileDay is one day's demand, the highest of each minute; a negative value is a minute of which nothing is known.
type profileDay struct {
	number  int // days since 1970-01-01
	minutes [minutesOfDay]float32
}

// weekday is 0 for Sunday. 1970-01-01 was a Thursday.
func (d *profileDay) weekday() int { return (d.number + 4) % 7 }

func (d *profileDay) weekend() bool { return d.weekday() == 0 || d.weekday() == 6 }

const (
	// ProfileDays is how many days a profile remembers: four of each weekday.
	ProfileDays  = 28
	minutesOfDay = 24 * 60
	unknown      = -1
)

// minuteOf is the day and the minute of a moment by its own wall clock.
func minuteOf(at time.Time) (day, minute int) {
	midnight := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
	return int(midnight.Unix() / 86400), at.Hour()*60 + at.Minute()
}

// passedOf is the share of a moment's minute that has passed.
func passedOf(at time.Time) float64 { return float64(at.Second()) / 60 }

// Learn makes a demand, in stress, part of the profile. What lies before the profile's last day is too late, and what
// no demand can be is nothing to learn from.
func (p *Profile) Learn(at time.Time, demand float64) {
	number, minute := minuteOf(at)
	if !(demand >= 0) || math.IsInf(demand, 1) || number < 0 {
		return
	}
	if len(p.days) == 0 || p.days[len(p.days)-1].number < number {
		p.begin(number)
	}
	if day := &p.days[len(p.days)-1]; day.number == number {
		day.minutes[minute] = max(day.minutes[minute], float32(demand))
	}
}

// begin begins a day and forgets those that are too old.
func (p *Profile) begin(number int) {
	p.lump = p.lumpiness()
	day := profileDay{number: number}
	for i := range day.minutes {
		day.minutes[i] = unknown
	}
	first := 0
	for first < len(p.days) && p.days[first].number <= number-ProfileDays {
		first++
	}
	p.days = append(p.days[first:len(p.days):len(p.days)], day)
}

// value is the demand of a minute of the day at an index; minutes before and after it belong to its neighbours.
func (p *Profile) value(index, minute int) (demand float64, known bool) {
	step := 0
	switch {
	case minute >= minutesOfDay:
		step = 1
	case minute < 0:
		step = -1
	}
	if step != 0 {
		next := index + step
		if next < 0 || next >= len(p.days) || p.days[next].number != p.days[index].number+step {
			return 0, false
		}
		index, minute = next, minute-step*minutesOfDay
	}
	v := p.days[index].minutes[minute]
	return float64(v), v >= 0
}

// profileForm is the first byte of a profile's binary form.
const profileForm = 1

// dayBytes is one day's: its number, its highest demand, and each minute as a share of that.
const dayBytes = 4 + 4 + minutesOfDay

// MarshalBinary writes the profile in at most 41 kB: a minute is one byte, 0 where nothing is known, else 1 to 255 for 0
// to the day's highest demand. The error of at most 0.2 % of that is far below what a forecast allows for.
func (p *Profile) MarshalBinary() ([]byte, error) {
	out := make([]byte, 0, 5+len(p.days)*dayBytes)
	out = append(out, profileForm)
	out = binary.BigEndian.AppendUint32(out, math.Float32bits(float32(p.lump)))
	for i := range p.days {
		d := &p.days[i]
		most := float32(0)
		for _, v := range &d.minutes {
			most = max(most, v)
		}
		out = binary.BigEndian.AppendUint32(out, uint32(d.number)) //nolint:gosec // Learn takes no day before 1970, and none after 2^32 exists
		out = binary.BigEndian.AppendUint32(out, math.Float32bits(most))
		for _, v := range &d.minutes {
			out = append(out, share(v, most))
		}
	}
	return out, nil
}

// share is a minute's demand as a byte.
func share(v, most float32) byte {
	switch {
	case v < 0:
		return 0
	case most == 0:
		return 1
	default:
		return byte(1 + math.Round(254*float64(v)/float64(most)))
	}
}

// UnmarshalBinary reads what MarshalBinary wrote. Anything else is an error, and the profile stays what it was.
func (p *Profile) UnmarshalBinary(data []byte) error {
	if len(data) < 5 || data[0] != profileForm || (len(data)-5)%dayBytes != 0 {
		return fmt.Errorf("a profile of %d bytes is not readable: it has another form", len(data))
	}
	read := Profile{lump: float64(math.Float32frombits(binary.BigEndian.Uint32(data[1:])))}
	if !sane(read.lump) {
		return fmt.Errorf("a profile is not readable: its lumpiness is %v", read.lump)
	}
	for rest := data[5:]; len(rest) > 0; rest = rest[dayBytes:] {
		day, err := readDay(rest[:dayBytes])
		if err != nil {
			return err
		}
		if n := len(read.days); n > 0 && (day.number <= read.days[n-1].number || n == ProfileDays) {
			return fmt.Errorf("a profile is not readable: day %d follows on day %d", day.number, read.days[n-1].number)
		}
		read.days = append(read.days, day)
	}
	*p = read
	return nil
}

func readDay(data []byte) (profileDay, error) {
	day := profileDay{number: int(binary.BigEndian.Uint32(data))}
	most := float64(math.Float32frombits(binary.BigEndian.Uint32(data[4:])))
	if !sane(most) {
		return day, fmt.Errorf("a profile is not readable: the demand of day %d is %v", day.number, most)
	}
	for i, b := range data[8:] {
		day.minutes[i] = unknown
		if b > 0 {
			day.minutes[i] = float32(most * float64(b-1) / 254)
		}
	}
	return day, nil
}

// sane reports whether a figure is neither negative nor infinite nor not a number.
func sane(v float64) bool { return v >= 0 && v <= math.MaxFloat32 }
