package telemetry

import "iter"

// Values yields what the record holds, in the order of shards' names and of the list: the shard, which is empty for a
// metric of the whole fleet, the metric and its value.
func (r *Record) Values() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for _, shard := range sortedKeys(r.values) {
			for _, m := range sortedMetrics(r.values[shard]) {
				if !yield(shard, Value{m, r.values[shard][m]}) {
					return
				}
			}
		}
	}
}

// Value is one metric of a record.
type Value struct {
	Metric Metric
	Value  float64
}
