package telemetry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"
	"unicode/utf8"
)

// Record collects metrics of one moment and writes them in CloudWatch's embedded metric format, one line for
// each set of dimensions. A metric that is put twice keeps the last value.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
type Record struct {
	fleet  string
	at     time.Time
	values map[string]map[Metric]float64 // by shard; "" holds what is published per fleet
}

// NewRecord begins a record of a fleet's metrics at one moment.
func NewRecord(fleet string, at time.Time) *Record {
	return &Record{fleet: fleet, at: at, values: map[string]map[Metric]float64{}}
}

// Fleet puts the value of a metric that is published per fleet.
func (r *Record) Fleet(m Metric, value float64) { r.put("", m, value) }

// Count adds to the value of a metric that is published per fleet, which begins at 0.
func (r *Record) Count(m Metric, n int) { r.Fleet(m, r.values[""][m]+float64(n)) }

// Shard puts the value of a metric that is published per shard.
func (r *Record) Shard(shard string, m Metric, value float64) { r.put(shard, m, value) }

func (r *Record) put(shard string, m Metric, value float64) {
	if (m.Scope == PerFleet) != (shard == "") {
		panic(fmt.Sprintf("metric %s is published per %s, not for shard %q", m.Name, m.Scope, shard))
	}
	if r.values[shard] == nil {
		r.values[shard] = map[Metric]float64{}
	}
	r.values[shard][m] = value
}

// What CloudWatch takes: so many metrics in one directive, so long a dimension's value, in characters, and no number beyond
// this, nor NaN, nor one that is infinite.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
const (
	maxMetrics   = 100
	maxDimension = 1024
)

var maxValue = math.Ldexp(1, 360)

// takes reports whether CloudWatch takes a value.
func takes(v float64) bool { return !math.IsNaN(v) && math.Abs(v) <= maxValue }

// WriteTo writes the record, shards in the order of their names. A value that CloudWatch would refuse is left out and told,
// so that it takes no other with it.
func (r *Record) WriteTo(w io.Writer) (int64, error) {
	var written int64
	var refused error
	for _, shard := range sortedKeys(r.values) {
		if n := max(utf8.RuneCountInString(r.fleet), utf8.RuneCountInString(shard)); n > maxDimension || r.fleet == "" {
			refused = errors.Join(refused, fmt.Errorf("the metrics of a shard are not written: a name has %d characters of 1 to %d", n, maxDimension))
			continue
		}
		metrics := slices.DeleteFunc(sortedMetrics(r.values[shard]), func(m Metric) bool {
			if takes(r.values[shard][m]) {
				return false
			}
			refused = errors.Join(refused, fmt.Errorf("metric %s of shard %q is not written: CloudWatch takes no %g", m.Name, shard, r.values[shard][m]))
			return true
		})
		for chunk := range slices.Chunk(metrics, maxMetrics) {
			line, err := json.Marshal(r.line(shard, chunk))
			if err != nil {
				return written, fmt.Errorf("the metrics of shard %q are not written: %w", shard, err)
			}
			n, err := w.Write(append(line, '\n'))
			written += int64(n)
			if err != nil {
				return written, fmt.Errorf("the metrics of shard %q are not written: %w", shard, err)
			}
		}
	}
	return written, refused
}

type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []definition
}

type definition struct {
	Name string
	Unit string
}

func (r *Record) line(shard string, metrics []Metric) map[string]any {
	line := map[string]any{DimensionFleet: r.fleet}
	dimensions := []string{DimensionFleet}
	if shard != "" {
		line[DimensionShard] = shard
		dimensions = append(dimensions, DimensionShard)
	}
	d := directive{Namespace: Namespace, Dimensions: [][]string{dimensions}}
	for _, m := range metrics {
		d.Metrics = append(d.Metrics, definition{m.Name, m.Unit})
		line[m.Name] = r.values[shard][m]
	}
	line["_aws"] = map[string]any{"Timestamp": r.at.UnixMilli(), "CloudWatchMetrics": []directive{d}}
	return line
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func sortedMetrics(m map[Metric]float64) []Metric {
	metrics := make([]Metric, 0, len(m))
	for _, known := range All {
		if _, ok := m[known]; ok {
			metrics = append(metrics, known)
		}
	}
	return metrics
}
