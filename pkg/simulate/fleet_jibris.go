package simulate

import (
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
)

// JibriFleet is jitsi-fleet's own pool of recorders: the decision of package capacity, as the Lambda jibris takes it.
type JibriFleet struct {
	Policy  capacity.JibriPolicy
	starts  []capacity.Starts
	history []capacity.Sample
	// Expect is how many starts a forecast foresees beside those that Free is for; nil without one.
	Expect func(now time.Time) int
	// Learn is told how many recordings began; nil without a forecast.
	Learn func(now time.Time, began int)
}

// Period is the schedule's.
func (f *JibriFleet) Period() time.Duration { return time.Minute }

// WakeAfterStart is the agents'.
func (f *JibriFleet) WakeAfterStart() time.Duration { return startDelay }

// Decide decides as package reconcile does, on what it sees.
func (f *JibriFleet) Decide(v JibriView) JibriDeeds {
	f.starts = slices.DeleteFunc(f.starts, func(s capacity.Starts) bool { return v.Now.Sub(s.At) > f.Policy.BootTime })
	if v.Began > 0 {
		f.starts = append(f.starts, capacity.Starts{At: v.Now, Count: v.Began})
	}
	if f.Learn != nil {
		f.Learn(v.Now, v.Began)
	}
	in := capacity.JibriInput{Now: v.Now, Counted: len(v.Jibris), Desired: len(v.Jibris), Starts: f.starts, History: f.history}
	for _, j := range v.Jibris {
		in.Jibris = append(in.Jibris, capacity.Jibri{ID: name(j.ID), State: j.State, IdleFor: j.IdleFor})
	}
	if f.Expect != nil {
		in.Expected = f.Expect(v.Now)
	}
	d := capacity.DecideJibris(in, f.Policy)
	if d.Complete {
		keep := v.Now.Add(-2 * f.Policy.RetireAfter)
		f.history = append(slices.DeleteFunc(f.history, func(s capacity.Sample) bool { return s.At.Before(keep) }), capacity.Sample{At: v.Now, Demand: float64(d.Needed)})
	}
	return JibriDeeds{Launch: d.Launch, Retire: numbers(d.Retire)}
}
