package simulate

import (
	"math"
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
)

// count is how many bridges are in a state.
func (v BridgeView) count(states ...capacity.State) int {
	n := 0
	for _, b := range v.Bridges {
		if slices.Contains(states, b.State) {
			n++
		}
	}
	return n
}

// static is a fleet that never changes.
type static struct{ size int }

func (static) Period() time.Duration { return time.Minute }

func (s static) Decide(v BridgeView) Deeds { return Deeds{Launch: max(0, s.size-len(v.Bridges))} }

// hindsight knows the demand of the time until a bridge that it launches now would serve, and goes by our own law with
// that for a forecast.
type hindsight struct {
	*Fleet
}

// demandIn is the most participants at any moment between two, by the workload itself.
type future struct {
	at     []float64
	people []int
}

func futureOf(w Workload) *future {
	ends := byEnd(w.Visits)
	f := &future{}
	people := 0
	joins, leaves := 0, 0
	for minute := 0.0; minute <= w.Length().Seconds()+60; minute += 10 {
		most := people
		for joins < len(w.Visits) && w.Visits[joins].Join <= minute {
			joins++
			people++
			most = max(most, people)
		}
		for leaves < len(ends) && w.Visits[ends[leaves]].Leave <= minute {
			leaves++
			people--
		}
		f.at = append(f.at, minute)
		f.people = append(f.people, max(most, people))
	}
	return f
}

// most is the highest demand from a moment on for a while, in stress.
func (f *future) most(from, length float64) float64 {
	i := int(from / 10)
	j := min(len(f.people)-1, int((from+length)/10)+1)
	most := 0
	for ; i <= j; i++ {
		most = max(most, f.people[i])
	}
	return float64(most) / perBridge
}

// ceilDiv is the bridges that a demand fills to Jicofo's threshold.
func needed(people int) int { return int(math.Ceil(float64(people) / overload)) }
