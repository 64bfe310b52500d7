package simulate

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
)

// BenchmarkTwoWeeksOfTwentyThousandConferences plays bridges and recorders of our policy on one core; the target is 10 s.
func BenchmarkTwoWeeksOfTwentyThousandConferences(b *testing.B) {
	w, err := Generate("office", 16, 1) // 18,316 rooms in 14 days
	require.NoError(b, err)
	require.GreaterOrEqual(b, w.Rooms, 20_000)
	o := Options{BridgeBoot: 240 * time.Second, JibriBoot: 150 * time.Second, Spread: 0.15, Seed: 1}
	b.ResetTimer()
	for range b.N {
		play(b, "jitsi-fleet", w, o)
	}
}

// BenchmarkTwoWeeksOfEveryKind plays the same of each kind of workload; the target is 10 s for twenty thousand conferences.
func BenchmarkTwoWeeksOfEveryKind(b *testing.B) {
	o := Options{BridgeBoot: 240 * time.Second, JibriBoot: 150 * time.Second, Spread: 0.15, Seed: 1}
	for _, k := range Kinds() {
		w, err := Generate(k.Name, 14, 1)
		require.NoError(b, err)
		b.Run(k.Name, func(b *testing.B) {
			for range b.N {
				play(b, "jitsi-fleet", w, o)
			}
			b.ReportMetric(float64(w.Rooms), "conferences/op")
			b.ReportMetric(float64(len(w.Visits)), "participants/op")
		})
	}
}

// BenchmarkDecidingForAThousandBridges is one decision of our law with two hours of history; the target is 1 ms.
func BenchmarkDecidingForAThousandBridges(b *testing.B) {
	p := Ours(Options{BridgeBoot: 240 * time.Second}).Bridges
	in := capacity.Input{Now: Monday.Add(12 * time.Hour), Counted: 1000, Desired: 1000}
	for i := range 1000 {
		in.Bridges = append(in.Bridges, capacity.Bridge{ID: name(i), State: capacity.Serving, Stress: float64(i%80) / 100})
	}
	for minute := range 120 {
		in.History = append(in.History, capacity.Sample{At: in.Now.Add(time.Duration(minute-120) * time.Minute), Demand: 400})
	}
	for _, load := range []float64{1, 0.2} { // nothing to drain, and hundreds
		scaled := in
		scaled.Bridges = append([]capacity.Bridge(nil), in.Bridges...)
		for i := range scaled.Bridges {
			scaled.Bridges[i].Stress *= load
		}
		b.Run(fmt.Sprintf("at a load of %g", load), func(b *testing.B) {
			for range b.N {
				capacity.DecideBridges(scaled, p)
			}
		})
	}
}
