package metrics

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/pace"
)

// Limits of the embedded metric format.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
const (
	maxMetrics    = 100
	maxDimensions = 30
	maxValues     = 100
	maxDimension  = 1024 // characters of a dimension's value
)

type document struct {
	AWS *struct {
		Timestamp         int64
		CloudWatchMetrics []directive
	} `json:"_aws"`
}

type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []struct {
		Name string
		Unit string
	}
}

// Ingest reads one log line. It reports whether the line is in the embedded metric format; an error says why
// CloudWatch would drop some of it. What is measured in seconds is stored in the clock's, so that it compares with
// thresholds; milliseconds are of code, which is no faster because a day is, and stay as they are.
func (s *Store) Ingest(line []byte, clock pace.Clock) (bool, error) {
	d, isMetric := directives(line)
	if !isMetric {
		return false, nil
	}
	var root map[string]any
	if err := json.Unmarshal(line, &root); err != nil {
		return true, fmt.Errorf("metric line is not an object: %w", err)
	}
	at := time.UnixMilli(d.AWS.Timestamp)
	for _, one := range d.AWS.CloudWatchMetrics {
		if err := s.directive(one, root, at, clock); err != nil {
			return true, err
		}
	}
	return true, nil
}

// directives reads what makes a line a metric; a line that cannot be read is none.
func directives(line []byte) (document, bool) {
	var d document
	err := json.Unmarshal(line, &d)
	return d, err == nil && d.AWS != nil
}

func (s *Store) directive(d directive, root map[string]any, at time.Time, clock pace.Clock) error {
	if d.Namespace == "" || len(d.Metrics) > maxMetrics {
		return fmt.Errorf("metric directive is not valid: namespace %q, %d metrics of at most %d", d.Namespace,
			len(d.Metrics), maxMetrics)
	}
	if len(d.Dimensions) == 0 {
		d.Dimensions = [][]string{{}}
	}
	for _, names := range d.Dimensions {
		dimensions, err := values(names, root)
		if err != nil {
			return err
		}
		for _, m := range d.Metrics {
			numbers, err := numbers(root[m.Name])
			if err != nil {
				return fmt.Errorf("metric %s is dropped: %w", m.Name, err)
			}
			for _, n := range numbers {
				if m.Unit == "Seconds" {
					n = clock.Unscale(time.Duration(n * float64(time.Second))).Seconds()
				}
				s.Put(Series{d.Namespace, m.Name, dimensions}, Point{at, n})
			}
		}
	}
	return nil
}

func values(names []string, root map[string]any) (map[string]string, error) {
	if len(names) > maxDimensions {
		return nil, fmt.Errorf("metric directive has %d dimensions of at most %d", len(names), maxDimensions)
	}
	dimensions := map[string]string{}
	for _, name := range names {
		value, ok := root[name].(string)
		if !ok || value == "" || len(value) > maxDimension {
			return nil, fmt.Errorf("metric dimension %s is no text of 1 to %d characters but %v", name, maxDimension, root[name])
		}
		dimensions[name] = value
	}
	return dimensions, nil
}

func numbers(v any) ([]float64, error) {
	switch n := v.(type) {
	case float64:
		return []float64{n}, nil
	case []any:
		if len(n) > maxValues {
			return nil, fmt.Errorf("it has %d values of at most %d", len(n), maxValues)
		}
		var list []float64
		for _, item := range n {
			one, ok := item.(float64)
			if !ok {
				return nil, fmt.Errorf("its value %v is no number", item)
			}
			list = append(list, one)
		}
		return list, nil
	default:
		return nil, fmt.Errorf("its value %v is no number", v)
	}
}
