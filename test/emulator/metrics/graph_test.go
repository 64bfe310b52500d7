package metrics

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAGraphHasAFigureForEachPeriodAndAHoleWithoutData(t *testing.T) {
	start := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	store, series := &Store{}, Series{"N", "Load", map[string]string{"Fleet": "f"}}
	for second, v := range map[int]float64{-1: 100, 0: 1, 59: 3, 120: 7, 180: 100} {
		store.Put(series, Point{start.Add(time.Duration(second) * time.Second), v})
	}
	for name, want := range map[string][]float64{"Maximum": {3, math.NaN(), 7}, "Sum": {4, math.NaN(), 7}, "Average": {2, math.NaN(), 7}} {
		got, err := store.Graph(series, name, start, time.Minute, 3)
		require.NoError(t, err)
		assert.InDeltaSlice(t, want, got, 1e-9, name)
	}
	_, err := store.Graph(series, "tm90", start, time.Minute, 3)
	require.Error(t, err)
}
