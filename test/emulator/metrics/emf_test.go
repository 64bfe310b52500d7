package metrics

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/pace"
)

const line = `{"_aws":{"Timestamp":1767268800000,"CloudWatchMetrics":[{"Namespace":"N","Dimensions":[["Fleet"],["Fleet","Shard"]],` +
	`"Metrics":[{"Name":"Load","Unit":"Count"},{"Name":"Many"}]}]},"Fleet":"f","Shard":"s","Load":7,"Many":[1,2,3]}`

func TestAnEmbeddedMetricIsStoredOnceForEachSetOfDimensions(t *testing.T) {
	s := &Store{}
	isMetric, err := s.Ingest([]byte(line), pace.Clock{Factor: 1})
	require.NoError(t, err)
	assert.True(t, isMetric)
	at := time.UnixMilli(1767268800000)
	between := func(name string, dimensions map[string]string) []float64 {
		return s.Between(Series{"N", name, dimensions}, at, at.Add(time.Second))
	}
	assert.Equal(t, []float64{7}, between("Load", map[string]string{"Fleet": "f"}))
	assert.Equal(t, []float64{1, 2, 3}, between("Many", map[string]string{"Fleet": "f", "Shard": "s"}))
	assert.Empty(t, between("Load", nil), "no dimensions are another metric")
	assert.Len(t, s.Known(), 4)
	p, ok := s.Latest(Series{"N", "Load", map[string]string{"Fleet": "f"}})
	assert.True(t, ok)
	assert.Equal(t, Point{at, 7}, p)
	_, ok = s.Latest(Series{"N", "Other", nil})
	assert.False(t, ok)
}

func TestOtherLinesAreNoMetrics(t *testing.T) {
	for _, text := range []string{"", "hello", `{"level":"INFO","msg":"observed"}`, `[1]`, `"_aws"`} {
		isMetric, err := (&Store{}).Ingest([]byte(text), pace.Clock{Factor: 1})
		assert.False(t, isMetric, text)
		assert.NoError(t, err)
	}
}

func TestAMetricThatCloudWatchWouldDropIsAnError(t *testing.T) {
	for name, text := range map[string]string{
		"a dimension that is absent":      `{"_aws":{"CloudWatchMetrics":[{"Namespace":"N","Dimensions":[["Fleet"]],"Metrics":[{"Name":"A"}]}]},"A":1}`,
		"a dimension that is no text":     `{"_aws":{"CloudWatchMetrics":[{"Namespace":"N","Dimensions":[["Fleet"]],"Metrics":[{"Name":"A"}]}]},"A":1,"Fleet":1}`,
		"a metric without a value":        `{"_aws":{"CloudWatchMetrics":[{"Namespace":"N","Metrics":[{"Name":"A"}]}]}}`,
		"a value that is no number":       `{"_aws":{"CloudWatchMetrics":[{"Namespace":"N","Metrics":[{"Name":"A"}]}]},"A":"1"}`,
		"a list with what is no number":   `{"_aws":{"CloudWatchMetrics":[{"Namespace":"N","Metrics":[{"Name":"A"}]}]},"A":[1,"2"]}`,
		"a directive without a namespace": `{"_aws":{"CloudWatchMetrics":[{"Metrics":[{"Name":"A"}]}]},"A":1}`,
	} {
		t.Run(name, func(t *testing.T) {
			isMetric, err := (&Store{}).Ingest([]byte(text), pace.Clock{Factor: 1})
			assert.True(t, isMetric)
			assert.Error(t, err)
		})
	}
}

func FuzzIngest(f *testing.F) {
	f.Add([]byte(line))
	f.Add([]byte(`{"_aws":{"CloudWatchMetrics":[{"Namespace":"N","Metrics":[{"Name":"A"}]}]},"A":[1,"2"]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s := &Store{}
		isMetric, err := s.Ingest(text, pace.Clock{Factor: 1})
		if err != nil && !isMetric {
			t.Fatal("a line that is no metric is no error")
		}
		if !isMetric && len(s.Known()) > 0 {
			t.Fatal("a line that is no metric stores nothing")
		}
	})
}

func TestAnAlarmsNotificationReadsAsAWSsOwnType(t *testing.T) {
	change := Change{Alarm: load(nil), From: OK, To: InAlarm, Reason: "because", At: time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)}
	var message events.CloudWatchAlarmSNSPayload
	require.NoError(t, json.Unmarshal(change.Message("123456789012", "us-east-1"), &message))
	assert.Equal(t, "load", message.AlarmName)
	assert.Equal(t, "ALARM", message.NewStateValue)
	assert.Equal(t, "OK", message.OldStateValue)
	assert.Equal(t, "2026-01-02T03:04:05.006+0000", message.StateChangeTime)
	assert.Equal(t, "US East (N. Virginia)", message.Region)
	assert.Equal(t, "Fleet", message.Trigger.Dimensions[0].Name)
	assert.EqualValues(t, 60, message.Trigger.Period)
	assert.Equal(t, `ALARM: "load" in US East (N. Virginia)`, change.Subject("us-east-1"))
	assert.True(t, json.Valid(change.Event("123456789012", "mars-north-1")))
	percentile := Change{Alarm: load(func(a *Alarm) { a.Statistic = "p90" })}
	assert.Contains(t, string(percentile.Message("1", "mars-north-1")), `"ExtendedStatistic":"p90"`)
}

func TestSecondsAreOfTheClockAndMillisecondsOfTheCode(t *testing.T) {
	s := &Store{}
	_, err := s.Ingest([]byte(`{"_aws":{"Timestamp":1767268800000,"CloudWatchMetrics":[{"Namespace":"N","Dimensions":[["F"]],`+
		`"Metrics":[{"Name":"Waits","Unit":"Seconds"},{"Name":"Took","Unit":"Milliseconds"}]}]},"F":"f","Waits":2,"Took":2}`), pace.Clock{Factor: 30})
	require.NoError(t, err)
	for name, want := range map[string]float64{"Waits": 60, "Took": 2} {
		point, known := s.Latest(Series{"N", name, map[string]string{"F": "f"}})
		require.True(t, known, name)
		assert.InDelta(t, want, point.Value, 1e-6, name)
	}
}
