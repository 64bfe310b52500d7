package simulate

import (
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

// future is what will be at each moment, for the policies of hindsight.
type future struct{ most10 []int } // the most at any moment of each ten seconds

const futureStep = 10.0

// futureOf counts what goes on.
func futureOf(s spans, length float64) *future {
	f := &future{most10: make([]int, int(length/futureStep)+2)}
	sweep(s, func(begin, end float64, going int) {
		for i := int(begin / futureStep); i <= int(end/futureStep) && i < len(f.most10); i++ {
			f.most10[i] = max(f.most10[i], going)
		}
	})
	return f
}

func participantsOf(w Workload) *future { return futureOf(participants(w), w.Length().Seconds()) }

func recordingsOf(w Workload) *future { return futureOf(recordings(w), w.Length().Seconds()) }

// spans are when things begin and when they end, each in order.
type spans struct{ begins, ends []float64 }

// participants are a workload's.
func participants(w Workload) spans {
	s := spans{make([]float64, len(w.Visits)), make([]float64, len(w.Visits))}
	for i, v := range w.Visits {
		s.begins[i], s.ends[i] = v.Join, v.Leave
	}
	slices.Sort(s.ends)
	return s
}

// recordings are a workload's, cut off at its end, their finalizing included.
func recordings(w Workload) spans {
	length := w.Length().Seconds()
	s := spans{make([]float64, len(w.Recordings)), make([]float64, len(w.Recordings))}
	for i, r := range w.Recordings {
		s.begins[i], s.ends[i] = r.Start, min(length, r.End+finalizing)
	}
	slices.Sort(s.ends)
	return s
}

// sweep visits each time in which a number of things goes on.
func sweep(s spans, visit func(begin, end float64, going int)) {
	at, going, begun, ended := 0.0, 0, 0, 0
	for ended < len(s.ends) {
		next, by := s.ends[ended], -1
		if begun < len(s.begins) && s.begins[begun] < next {
			next, by = s.begins[begun], 1
			begun++
		} else {
			ended++
		}
		visit(at, next, going)
		at, going = next, going+by
	}
}

// most is the highest number at any moment between two, in seconds from the start.
func (f *future) most(from, length float64) int {
	i := max(0, min(int(from/futureStep), len(f.most10)))
	j := min(len(f.most10), int((from+length)/futureStep)+1)
	if i >= j {
		return 0
	}
	return slices.Max(f.most10[i:j])
}

// needed is how many bridges a demand fills to Jicofo's threshold.
func needed(people int) int { return (people + overload - 1) / overload }
