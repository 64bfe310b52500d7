package capacity

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// fleets are groups of a thousand bridges whose decisions do the most: what is on them, in stress, and who drains.
var fleets = map[string]func(i int) (State, float64){
	"at rest":                       func(int) (State, float64) { return Serving, 0.68 },
	"of which the most may drain":   func(int) (State, float64) { return Serving, 0.05 },
	"whose reserve is taken back":   func(i int) (State, float64) { return every(3, i, Serving, Draining), 0.7 },
	"of which the most is released": func(i int) (State, float64) { return every(3, i, Serving, Draining), 0.1 },
}

func every(n, i int, this, others State) State {
	if i%n == 0 {
		return this
	}
	return others
}

// BenchmarkDecideBridges decides for 1,000 bridges of one group with an hour of history.
func BenchmarkDecideBridges(b *testing.B) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	policy := Policy{
		Target: 0.72, Spare: 0.5, Slack: 0.1, BootTime: 4 * time.Minute, Reaction: 2 * time.Minute, ShrinkAfter: 3 * time.Minute, Min: 2, Max: 2000,
	}
	for name, of := range fleets {
		b.Run(name, func(b *testing.B) {
			luck := rand.New(rand.NewPCG(1, 2))
			in := Input{Now: now, Counted: 1000, Desired: 1000}
			for i := range 1000 {
				state, stress := of(i)
				in.Bridges = append(in.Bridges, Bridge{
					ID: fleet.InstanceID(fmt.Sprintf("i-%017x", i)), State: state, Stress: stress * (0.8 + 0.4*luck.Float64()), Endpoints: int64(100 * stress),
				})
			}
			for minute := range 60 {
				in.History = append(in.History, Sample{now.Add(time.Duration(minute-60) * time.Minute), Demand(in.Bridges)})
			}
			b.ReportAllocs()
			for b.Loop() {
				DecideBridges(in, policy)
			}
		})
	}
}
