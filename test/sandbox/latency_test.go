package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestNearestRank(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(i + 1)
	}
	for _, c := range []struct {
		name   string
		values []float64
		q      float64
		want   float64
	}{
		{"of no values there is none", nil, 0.5, 0},
		{"of one value every percentile is that value", []float64{7}, 0.01, 7},
		{"the median of two is the lower", []float64{1, 2}, 0.5, 1},
		{"the median of three is the middle one", []float64{1, 2, 3}, 0.5, 2},
		{"the 99th percentile of a hundred is the second worst", hundred, 0.99, 99},
		{"the 99th percentile of fewer is the worst", hundred[:99], 0.99, 99},
		{"the whole is the worst", hundred, 1, 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.InDelta(t, c.want, nearestRank(c.values, c.q), 1e-9)
		})
	}
}

func TestFiguresAreInOrderAndOfTheTrials(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seconds := rapid.SliceOfN(rapid.Float64Range(0, 600), 1, 200).Draw(t, "seconds")
		trials := make([]trial, len(seconds))
		for i, s := range seconds {
			trials[i] = trial{Shard: "a", Seconds: s}
		}
		f := figuresOf(paths[0], trials)
		assert.Equal(t, len(seconds), f.N)
		assert.LessOrEqual(t, f.P50, f.P99)
		assert.LessOrEqual(t, f.P99, f.Worst)
		assert.Contains(t, seconds, f.P50)
		assert.Contains(t, seconds, f.P99)
	})
}

func TestEachPathLeavesOutWhatItGoesWithout(t *testing.T) {
	assert.True(t, bridgesSchedule("AWS::Events::Rule", "BridgesMinute8C2A6757"))
	assert.False(t, bridgesSchedule("AWS::Events::Rule", "MetricsMinute2F7491E4"))
	assert.False(t, bridgesSchedule("AWS::Events::Rule", "BridgesParameterC2F27F5C"))
	assert.True(t, loadAlarm("AWS::CloudWatch::Alarm", "LatencyShard1RoomMissing"))
	assert.False(t, loadAlarm("AWS::CloudWatch::Alarm", "LatencyShard1TelemetrySilent"))
}

func TestTheMeasuredFleetIsValid(t *testing.T) {
	o, err := parseLatencyFlags([]string{"-shards", "3", "-dir", t.TempDir() + "/latency"})
	require.NoError(t, err)
	fleet, err := o.fleet(o.shards, 0)
	require.NoError(t, err)
	require.Len(t, fleet.Shards, 3)
	assert.Equal(t, 30*time.Second, fleet.Bridges.BootTime.D())
	assert.InDelta(t, 1, o.factor, 0, "every interval is the real one")
	assert.GreaterOrEqual(t, crowd*0.01, fleet.Bridges.Target, "the crowd leaves no room, which the alarm's threshold of half a bridge needs")
}

func TestTheMeasuredPoolOfRecordersIsValid(t *testing.T) {
	o, err := parseLatencyFlags([]string{"-paths", "recording", "-dir", t.TempDir() + "/latency"})
	require.NoError(t, err)
	fleet, err := o.fleet(1, spareRecorders)
	require.NoError(t, err)
	assert.Equal(t, spareRecorders, fleet.Jibris.Free)
	assert.Greater(t, fleet.Jibris.Max, spareRecorders+o.paths[0].rounds, "no trial reaches the maximum")
}

func TestNothingToMeasureIsRefused(t *testing.T) {
	for _, args := range [][]string{{"-shards", "0"}, {"-rounds", "-1"}, {"-paths", "carrier-pigeon"}} {
		_, err := parseLatencyFlags(args)
		assert.ErrorContains(t, err, "nothing is measured", args)
	}
}
