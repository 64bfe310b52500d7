package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Monday is when generated workloads begin: the first minute of a Monday.
var Monday = time.Date(2026, time.January, 5, 0, 0, 0, 0, time.UTC)

// kind is a way in which people meet. Its figures are of our making where no source is named; what is known of real
// conferences is collected in needs.md, section B4.
type kind struct {
	name string
	what string
	// hours is the meetings that begin in each hour of a weekday, in relation to each other.
	hours [24]float64
	// weekend is the share of a weekday's meetings that there are on Saturday and Sunday.
	weekend [2]float64
	// daily is how many meetings there are on a weekday.
	daily float64
	// full, half and quarter are the shares of meetings that are meant to begin on the hour, on the half hour and on the
	// other quarters; the rest begin at any time.
	full, half, quarter float64
	// size is the median of participants and sizeSpread the sigma of its logarithm.
	size, sizeSpread float64
	sizeMost         int
	// minutes are the lengths that meetings are meant to have, each as likely as the others.
	minutes []float64
	// late is the median of a participant's lateness in seconds, early the share of those who are there before.
	late, early float64
	// recorded is the share of meetings that are recorded or streamed.
	recorded float64
	// shock is the day from which everything is shockTimes as much; 0 is never.
	shock      int
	shockTimes float64
	// dayOff is a weekday, counted from the workload's first day, on which nearly nobody meets; 0 is none.
	dayOff int
}

// kinds are the generated workloads.
var kinds = []kind{
	{
		name: "school", what: "lessons of 45 minutes on the hour, 8 to 15 o'clock, classes of about 24",
		hours: at(map[int]float64{8: 1, 9: 1, 10: 1, 11: 1, 12: 0.7, 13: 0.6, 14: 0.3}), daily: 560, full: 0.97,
		size: 24, sizeSpread: 0.25, sizeMost: 40, minutes: []float64{45, 45, 45, 90}, late: 50, early: 0.35, recorded: 0.08,
	},
	{
		name: "office", what: "meetings on the hour and the half hour, most before and after lunch",
		hours:   at(map[int]float64{7: 0.2, 8: 0.7, 9: 1.6, 10: 1.6, 11: 1.2, 12: 0.4, 13: 1.3, 14: 1.5, 15: 1.2, 16: 0.8, 17: 0.4, 18: 0.2, 19: 0.1, 20: 0.1}),
		weekend: [2]float64{0.05, 0.05}, daily: 1800, full: 0.5, half: 0.25, quarter: 0.08,
		size: 5, sizeSpread: 0.7, sizeMost: 120, minutes: []float64{15, 30, 30, 45, 60, 60, 60, 90}, late: 60, early: 0.3, recorded: 0.06,
	},
	{
		name: "community", what: "people who meet when they like, most in the evening and at the weekend",
		hours:   at(map[int]float64{0: 0.2, 8: 0.2, 10: 0.5, 12: 0.5, 14: 0.6, 16: 0.8, 17: 1, 18: 1.4, 19: 2, 20: 2, 21: 1.3, 22: 0.7, 23: 0.4}),
		weekend: [2]float64{1.3, 1.5}, daily: 1000, full: 0.3, half: 0.15,
		size: 4, sizeSpread: 0.6, sizeMost: 60, minutes: []float64{20, 40, 60, 90, 120, 180}, late: 120, early: 0.2, recorded: 0.02,
	},
	{
		name: "webinar", what: "large rooms that fill within minutes of the hour, on a floor of small meetings",
		hours:   at(map[int]float64{8: 0.5, 9: 1, 10: 1.4, 11: 1, 13: 0.8, 14: 1.4, 15: 1, 16: 0.7, 18: 0.8, 19: 0.6}),
		weekend: [2]float64{0.2, 0.1}, daily: 240, full: 0.8, half: 0.15,
		size: 18, sizeSpread: 1.1, sizeMost: 400, minutes: []float64{45, 60, 60, 90}, late: 70, early: 0.35, recorded: 0.25,
	},
	{
		name: "surge", what: "the office, and three times as much from the ninth day on; the tenth day is a holiday",
		hours:   at(map[int]float64{7: 0.3, 8: 0.8, 9: 1.5, 10: 1.5, 11: 1.2, 12: 0.5, 13: 1.2, 14: 1.4, 15: 1.2, 16: 0.9, 17: 0.5, 18: 0.2}),
		weekend: [2]float64{0.05, 0.05}, daily: 800, full: 0.5, half: 0.25, quarter: 0.05,
		size: 6, sizeSpread: 0.7, sizeMost: 100, minutes: []float64{30, 30, 60, 60, 90}, late: 60, early: 0.3, recorded: 0.06,
		shock: 8, shockTimes: 3, dayOff: 9,
	},
}

func at(hours map[int]float64) (all [24]float64) {
	for h, v := range hours {
		all[h] = v
	}
	return all
}

// Kind is a workload that can be generated.
type Kind struct{ Name, What string }

// Kinds are the workloads that can be generated.
func Kinds() []Kind {
	all := make([]Kind, len(kinds))
	for i, k := range kinds {
		all[i] = Kind{k.name, k.what}
	}
	return all
}

// Generate makes a workload of a kind: the same for the same seed, beginning on a Monday.
func Generate(name string, days int, seed uint64) (Workload, error) {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
	if i < 0 {
		names := make([]string, len(kinds))
		for i, k := range kinds {
			names[i] = k.name
		}
		return Workload{}, fmt.Errorf("workload %q is none: write %s, or the path of a CSV file", name, strings.Join(names, ", "))
	}
	g := generator{kind: kinds[i], luck: rand.New(rand.NewPCG(seed, uint64(i)))} //nolint:gosec // the same conferences for the same seed are the purpose
	g.w = Workload{Name: name, Start: Monday}
	for day := range days {
		g.day(day)
	}
	g.w.Rooms = int(g.room)
	g.w.sort()
	return g.w, nil
}

type generator struct {
	kind
	luck *rand.Rand
	w    Workload
	room int32
}

func (g *generator) day(day int) {
	meetings := g.daily
	switch day % 7 {
	case 5, 6:
		meetings *= g.weekend[day%7-5]
	}
	if g.shock > 0 && day >= g.shock {
		meetings *= g.shockTimes
	}
	if g.dayOff > 0 && day == g.dayOff {
		meetings *= 0.05
	}
	meetings *= 1 + 0.08*g.luck.NormFloat64() // no two days are alike
	total := 0.0
	for _, share := range g.hours {
		total += share
	}
	for hour, share := range g.hours {
		for range g.poisson(meetings * share / total) {
			g.meeting(float64(day*24+hour) * 3600)
		}
	}
}

// meeting makes one meeting of the hour that begins at a moment.
func (g *generator) meeting(hour float64) {
	begin := hour + g.offset()
	size := min(g.sizeMost, max(2, int(math.Round(g.size*math.Exp(g.sizeSpread*g.luck.NormFloat64())))))
	length := 60 * g.minutes[g.luck.IntN(len(g.minutes))] * (1 + 0.1*g.luck.NormFloat64())
	end := begin + max(300, length)
	first, last := end, begin
	for range size {
		join, leave := g.stay(begin, end)
		first, last = min(first, join), max(last, leave)
		g.w.Visits = append(g.w.Visits, Visit{g.room, join, leave})
	}
	if g.luck.Float64() < g.recorded {
		start := max(first, begin) + 20 + g.luck.ExpFloat64()*120
		if stop := min(last, end+30*g.luck.NormFloat64()); stop > start+60 {
			g.w.Recordings = append(g.w.Recordings, Recording{g.room, start, stop})
		}
	}
	g.room++
}

// offset is when in its hour a meeting is meant to begin, in seconds.
func (g *generator) offset() float64 {
	switch chance := g.luck.Float64(); {
	case chance < g.full:
		return 0
	case chance < g.full+g.half:
		return 1800
	case chance < g.full+g.half+g.quarter:
		return 900 + 1800*float64(g.luck.IntN(2))
	default:
		return 3600 * g.luck.Float64()
	}
}

// stay is one participant's: some are early, most are late, a few come or go in the middle.
func (g *generator) stay(begin, end float64) (join, leave float64) {
	join = begin + g.late*math.Exp(0.8*g.luck.NormFloat64())
	if g.luck.Float64() < g.early {
		join = begin - 240*g.luck.Float64()
	}
	leave = end + 45*g.luck.NormFloat64()
	switch chance := g.luck.Float64(); {
	case chance < 0.05:
		join = begin + (end-begin)*g.luck.Float64()
	case chance < 0.12:
		leave = join + (end-join)*g.luck.Float64()
	}
	join = max(0, join)
	return join, max(join+30, leave)
}

// poisson draws a number of independent events of which mean are expected.
func (g *generator) poisson(mean float64) int {
	n, product := 0, g.luck.Float64()
	for limit := math.Exp(-mean); product > limit && n < 10_000; n++ {
		product *= g.luck.Float64()
	}
	return n
}
