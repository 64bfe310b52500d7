package telemetry

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// most is what CloudWatch takes of one event: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
const mostBytes = 1 << 20

func FuzzWhatIsWrittenIsWithinTheFormatsLimits(f *testing.F) {
	f.Add("jitsi", "shard-1", 1.5, 0.0, int64(1_800_000_000_000))
	f.Add("", "s", math.NaN(), math.Inf(-1), int64(-1))
	f.Add(strings.Repeat("é", 1025), "\x00\"\n\xff", math.MaxFloat64, -math.Ldexp(1, 361), int64(math.MaxInt32))
	f.Fuzz(func(t *testing.T, fleetName, shard string, one, other float64, millis int64) {
		r := NewRecord(fleetName, time.UnixMilli(millis))
		for i, m := range All {
			value := []float64{one, other, float64(i)}[i%3]
			if m.Scope == PerFleet {
				r.Fleet(m, value)
			} else if shard != "" {
				r.Shard(shard, m, value)
			}
		}
		var out bytes.Buffer
		n, err := r.WriteTo(&out)
		require.EqualValues(t, out.Len(), n)
		whole := takes(one) && takes(other) && fleetName != "" && len(fleetName) <= 1024 && len(shard) <= 1024
		if whole {
			require.NoError(t, err)
			require.NotZero(t, n)
		}
		if !takes(one) || !takes(other) {
			require.Error(t, err, "a value that is left out is told")
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(out.String(), "\n"), "\n") {
			if line != "" {
				withinLimits(t, line)
			}
		}
	})
}

// withinLimits holds the limits of the format's specification.
func withinLimits(t *testing.T, line string) {
	t.Helper()
	assert.LessOrEqual(t, len(line), mostBytes)
	var d struct {
		AWS struct {
			CloudWatchMetrics []directive
		} `json:"_aws"`
	}
	require.NoError(t, json.Unmarshal([]byte(line), &d))
	require.Len(t, d.AWS.CloudWatchMetrics, 1)
	var root map[string]any
	require.NoError(t, json.Unmarshal([]byte(line), &root))
	one := d.AWS.CloudWatchMetrics[0]
	assert.NotEmpty(t, one.Metrics)
	assert.LessOrEqual(t, len(one.Metrics), 100)
	for _, m := range one.Metrics {
		value, isNumber := root[m.Name].(float64)
		assert.True(t, isNumber && math.Abs(value) <= math.Ldexp(1, 360), "%s is %v", m.Name, root[m.Name])
	}
	for _, name := range one.Dimensions[0] {
		value, isText := root[name].(string)
		assert.True(t, isText && value != "" && len([]rune(value)) <= 1024, "dimension %s", name)
	}
}
