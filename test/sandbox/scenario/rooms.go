package scenario

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// How rooms are: an office's. Sizes, lengths and the share of meetings that end on the hour are assumptions; the
// workload CSV is for those who have their own figures.
const (
	smallestRoom  = 3
	largestRoom   = 20
	onTheHour     = 0.35 // share of rooms that end on the full hour
	onTheHalf     = 0.15 // share of rooms that end on the half hour; the others end at any time
	longestStay   = 75 * time.Minute
	joinSpread    = 150 * time.Second
	leaveSpread   = 60 * time.Second
	shortestStay  = 20 * time.Minute
	generatorStep = time.Minute
)

// generate fills rooms minute by minute up to the curve. Rooms end by themselves, so the participants of a falling
// curve follow it within the length of a meeting, and every full hour many rooms end and others begin at once.
func (s Scenario) generate() []Visit {
	random := rand.New(rand.NewPCG(s.Seed, 1))
	var visits []Visit
	var ends []time.Duration // one for each present participant
	for at := time.Duration(0); at < s.Length(); at += generatorStep {
		ends = slices.DeleteFunc(ends, func(end time.Duration) bool { return end <= at })
		for n := 1; float64(len(ends)) < s.target(at)-smallestRoom/2; n++ {
			size := smallestRoom + random.IntN(largestRoom-smallestRoom+1)
			size = min(size, int(s.target(at))-len(ends)+smallestRoom/2+1)
			end := s.roomEnd(at, random)
			name := fmt.Sprintf("room-%s-%d", s.TimeOfDay(at), n)
			for range size {
				visits = append(visits, Visit{
					Room:  name,
					Join:  (at + spread(random, joinSpread)).Seconds(),
					Leave: (end - spread(random, leaveSpread)).Seconds(),
				})
				ends = append(ends, end)
			}
		}
	}
	return sorted(visits)
}

// roomEnd is when a room that begins now ends: the next full or half hour that leaves a meeting its shortest
// length, or any time up to the longest.
func (s Scenario) roomEnd(at time.Duration, random *rand.Rand) time.Duration {
	kind := random.Float64()
	if kind >= onTheHour+onTheHalf {
		return at + shortestStay + spread(random, longestStay-shortestStay)
	}
	grid := 30
	if kind < onTheHour {
		grid = 60
	}
	minutes := s.Start.Minutes() + int((at+shortestStay)/time.Minute)
	return time.Duration((minutes+grid-1)/grid*grid-s.Start.Minutes()) * time.Minute
}

func spread(random *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(random.Int64N(int64(most)))
}

func sorted(visits []Visit) []Visit {
	slices.SortStableFunc(visits, func(a, b Visit) int { return cmp.Compare(a.Join, b.Join) })
	return visits
}
