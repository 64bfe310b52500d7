package capacity

import (
	"fmt"
	"testing"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// moves are what a thousand bridges do, with the demand of a group's two hours as a share of the last one's.
var moves = []struct {
	name   string
	states []State // one of each ten bridges
	stress float64 // of the bridges, on average
	before float64 // demand two hours ago, as a share of the present one
}{
	{"growing", []State{Serving, Serving, Serving, Serving, Serving, Serving, Serving, Booting, Draining, Draining}, 0.55, 0.5},
	{"shrinking", []State{Serving, Serving, Serving, Serving, Serving, Draining, Draining, Draining, Draining, Retiring}, 0.08, 1.05},
	{"resting", []State{Serving, Serving, Serving, Serving, Serving, Serving, Serving, Serving, Serving, Draining}, 0.6, 1},
}

// BenchmarkDecideGroups decides for a thousand bridges, in one group and in the twenty of a large fleet; the target is 1 ms for
// all of them on one core.
func BenchmarkDecideGroups(b *testing.B) {
	for _, f := range moves {
		for _, groups := range []int{1, 20} {
			each := 1000 / groups
			in := groupOf(each, f.states, f.stress, f.before)
			p := Policy{
				Target: 0.6, Spare: 0.5, Slack: 0.5, BootTime: 4 * time.Minute, Reaction: 2 * time.Minute, ShrinkAfter: 20 * time.Minute,
				Min: 1, Max: 2 * each,
			}
			b.Run(fmt.Sprintf("%s, %d of %d", f.name, groups, each), func(b *testing.B) {
				b.ReportAllocs()
				var d Decision
				for b.Loop() {
					for range groups {
						d = DecideBridges(in, p)
					}
				}
				b.ReportMetric(float64(len(d.Drain)+len(d.Undrain)+len(d.Release)+d.Launch)*float64(groups), "deeds/op")
			})
		}
	}
}

// groupOf is a group of bridges whose demand went from a share of the present one to the present one within two hours.
func groupOf(bridges int, states []State, stress, before float64) Input {
	in := Input{Now: noon, Counted: bridges, Desired: bridges}
	for i := range bridges {
		// 37 has no divisor in common with 100: stress is spread evenly, from three to five quarters, and without order.
		s := stress * (0.75 + float64(i*37%100)/200)
		in.Bridges = append(in.Bridges, Bridge{ID: fleet.InstanceID(fmt.Sprintf("i-%017x", i)), State: states[i%len(states)], Stress: s})
	}
	demand := Demand(in.Bridges)
	for ago := 120; ago >= 1; ago-- {
		share := 1 + (before-1)*float64(ago)/120
		in.History = append(in.History, Sample{At: noon.Add(-time.Duration(ago) * time.Minute), Demand: demand * share})
	}
	return in
}

// BenchmarkDecideJibris decides for five hundred recorders, the most that the settings allow, of which half can go.
func BenchmarkDecideJibris(b *testing.B) {
	in := JibriInput{Now: noon, Counted: 500, Desired: 500}
	for i := range 500 {
		j := Jibri{ID: fleet.InstanceID(fmt.Sprintf("i-%017x", i)), State: JibriFree, IdleFor: time.Duration(i*37%100) * time.Minute}
		if i%3 == 0 {
			j.State = JibriBusy
		}
		in.Jibris = append(in.Jibris, j)
	}
	for ago := 120; ago >= 1; ago-- {
		in.History = append(in.History, Sample{At: noon.Add(-time.Duration(ago) * time.Minute), Demand: 250})
	}
	p := JibriPolicy{Free: 10, Max: 500, BootTime: 150 * time.Second, RetireAfter: 30 * time.Minute}
	b.ReportAllocs()
	var d JibriDecision
	for b.Loop() {
		d = DecideJibris(in, p)
	}
	b.ReportMetric(float64(len(d.Retire)), "deeds/op")
}
