package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var at = time.Date(2026, 3, 2, 12, 0, 0, 500_000_000, time.UTC)

// lines reads what a record writes, each line as the JSON object that CloudWatch would read.
func lines(t *testing.T, r *Record) []map[string]any {
	t.Helper()
	var out bytes.Buffer
	n, err := r.WriteTo(&out)
	require.NoError(t, err)
	require.EqualValues(t, out.Len(), n)
	if n == 0 {
		return nil
	}
	require.True(t, strings.HasSuffix(out.String(), "\n"), "each record ends its line")
	var read []map[string]any
	for line := range strings.SplitSeq(strings.TrimSuffix(out.String(), "\n"), "\n") {
		var object map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &object), line)
		read = append(read, object)
	}
	return read
}

// spec checks a line against the format's specification and returns its directive's metric names and dimensions.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
func spec(t *testing.T, line map[string]any) (names, dimensions []string) {
	t.Helper()
	metadata := line["_aws"].(map[string]any)
	assert.EqualValues(t, at.UnixMilli(), metadata["Timestamp"], "milliseconds since 1970")
	directives := metadata["CloudWatchMetrics"].([]any)
	require.Len(t, directives, 1)
	d := directives[0].(map[string]any)
	assert.Equal(t, Namespace, d["Namespace"])
	sets := d["Dimensions"].([]any)
	require.Len(t, sets, 1, "each further set is a further metric to pay for")
	for _, key := range sets[0].([]any) {
		dimensions = append(dimensions, key.(string))
		value, isString := line[key.(string)].(string)
		assert.True(t, isString && value != "" && len(value) <= 1024, "dimension %v has the value %v", key, line[key.(string)])
	}
	metrics := d["Metrics"].([]any)
	assert.NotEmpty(t, metrics)
	assert.LessOrEqual(t, len(metrics), 100)
	for _, m := range metrics {
		definition := m.(map[string]any)
		name := definition["Name"].(string)
		names = append(names, name)
		assert.NotEmpty(t, definition["Unit"])
		_, isNumber := line[name].(float64)
		assert.True(t, isNumber, "%s has the value %v", name, line[name])
	}
	return names, dimensions
}

func TestAFullRecordFollowsTheSpecification(t *testing.T) {
	r := NewRecord("jitsi", at)
	want := map[string][]string{}
	for i, m := range All {
		if m.Scope == PerFleet {
			r.Fleet(m, float64(i))
			want["fleet"] = append(want["fleet"], m.Name)
			continue
		}
		r.Shard("shard-1", m, float64(i))
		r.Shard("shard-2", m, float64(i)/3)
		want["shard"] = append(want["shard"], m.Name)
	}
	got := lines(t, r)
	require.Len(t, got, 3, "one line for each set of dimensions")
	for i, line := range got {
		names, dimensions := spec(t, line)
		assert.Equal(t, "jitsi", line[DimensionFleet])
		if i == 0 {
			assert.Equal(t, []string{DimensionFleet}, dimensions)
			assert.Equal(t, want["fleet"], names)
			continue
		}
		assert.Equal(t, []string{DimensionFleet, DimensionShard}, dimensions)
		assert.Equal(t, fmt.Sprintf("shard-%d", i), line[DimensionShard])
		assert.Equal(t, want["shard"], names)
	}
}

func TestAnEmptyRecordWritesNothing(t *testing.T) {
	assert.Empty(t, lines(t, NewRecord("jitsi", at)))
}

func TestTheLastValueOfAMetricCounts(t *testing.T) {
	r := NewRecord("jitsi", at)
	r.Shard("shard-1", Participants, 1)
	r.Shard("shard-1", Participants, 2)
	got := lines(t, r)
	require.Len(t, got, 1)
	assert.EqualValues(t, 2, got[0][Participants.Name])
}

func TestCountsAddUp(t *testing.T) {
	r := NewRecord("jitsi", at)
	r.Count(Actions, 0)
	r.Count(Actions, 2)
	r.Count(Actions, 3)
	assert.EqualValues(t, 5, lines(t, r)[0][Actions.Name])
}

func TestMoreThanAHundredMetricsAreSplitOverLines(t *testing.T) {
	known := All
	t.Cleanup(func() { All = known })
	r := NewRecord("jitsi", at)
	for i := range 250 {
		m := Metric{Name: fmt.Sprintf("Test%03d", i), Unit: "Count", Scope: PerFleet, Meaning: "a test's"}
		All = append(All[:len(All):len(All)], m)
		r.Fleet(m, 1)
	}
	total := 0
	for _, line := range lines(t, r) {
		names, _ := spec(t, line)
		total += len(names)
	}
	assert.Equal(t, 250, total)
}

func TestAWrongScopePanics(t *testing.T) {
	r := NewRecord("jitsi", at)
	assert.PanicsWithValue(t, `metric AgentsSilent is published per fleet, not for shard "shard-1"`, func() { r.Shard("shard-1", AgentsSilent, 1) })
	assert.PanicsWithValue(t, `metric Participants is published per shard, not for shard ""`, func() { r.Fleet(Participants, 1) })
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestAFailedWriteIsTold(t *testing.T) {
	r := NewRecord("jitsi", at)
	r.Shard("shard-1", Participants, 1)
	_, err := r.WriteTo(broken{})
	assert.EqualError(t, err, `the metrics of shard "shard-1" are not written: disk full`)
}
