package simulate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// Fleet is jitsi-fleet's own policy: the decision of package capacity, as the Lambda bridges takes it.
type Fleet struct {
	Policy  capacity.Policy
	history []capacity.Sample
	// Expect is the growth that a forecast expects within one boot time, and within Policy.Reaction; nil without one.
	Expect func(now time.Time, demand float64) (growth, soon float64)
	// Learn is told each demand that is known; nil without a forecast.
	Learn func(now time.Time, demand float64)
	// Log is told every decision; nil when nobody wants to know.
	Log func(capacity.Decision)
}

// Period is the schedule's.
func (f *Fleet) Period() time.Duration { return time.Minute }

// WakeStress is the agents'.
func (f *Fleet) WakeStress() float64 { return f.Policy.Target }

// KeepsReserve says that what drains is a reserve.
func (f *Fleet) KeepsReserve() {}

// Decide decides as package reconcile does, on what it sees.
func (f *Fleet) Decide(v BridgeView) Deeds {
	in := capacity.Input{Now: v.Now, Counted: len(v.Bridges), Desired: len(v.Bridges), History: f.history}
	demand := 0.0
	for _, b := range v.Bridges {
		in.Bridges = append(in.Bridges, capacity.Bridge{ID: name(b.ID), State: b.State, Stress: b.Stress, Conferences: int64(b.Conferences), Endpoints: int64(b.People)})
		demand += b.Stress
	}
	if f.Expect != nil {
		in.Expected, in.Soon = f.Expect(v.Now, demand)
	}
	d := capacity.DecideBridges(in, f.Policy)
	if f.Log != nil {
		f.Log(d)
	}
	if d.Complete {
		keep := v.Now.Add(-2 * max(f.Policy.ShrinkAfter, f.Policy.BootTime))
		f.history = append(slices.DeleteFunc(f.history, func(s capacity.Sample) bool { return s.At.Before(keep) }), capacity.Sample{At: v.Now, Demand: d.Demand})
		if f.Learn != nil {
			f.Learn(v.Now, d.Demand)
		}
	}
	return Deeds{Launch: d.Launch, Drain: numbers(d.Drain), Undrain: numbers(d.Undrain), Release: numbers(d.Release)}
}

func name(id int) fleet.InstanceID { return fleet.InstanceID(fmt.Sprintf("i-%06d", id)) }

func numbers(ids []fleet.InstanceID) []int {
	all := make([]int, len(ids))
	for i, id := range ids {
		all[i] = number(id)
	}
	return all
}

// number is a name's; -1 of what is no name.
func number(id fleet.InstanceID) int {
	n, err := strconv.Atoi(strings.TrimPrefix(string(id), "i-"))
	if err != nil {
		return -1
	}
	return n
}
