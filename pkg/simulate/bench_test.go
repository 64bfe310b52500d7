package simulate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
