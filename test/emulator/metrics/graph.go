package metrics

import (
	"math"
	"time"
)

// Graph is a statistic of a series for each of n periods from a moment on, as GetMetricData answers; NaN is a period
// without data. An unknown statistic is an error.
func (s *Store) Graph(series Series, name string, from time.Time, period time.Duration, n int) ([]float64, error) {
	if _, _, err := statistic(name, []float64{1}); err != nil {
		return nil, err
	}
	values := make([][]float64, n)
	for _, p := range s.points(series) {
		since := p.At.Sub(from)
		if since < 0 || period <= 0 {
			continue
		}
		if i := int(since / period); i < n {
			values[i] = append(values[i], p.Value)
		}
	}
	figures := make([]float64, n)
	for i := range figures {
		v, there, err := statistic(name, values[i])
		if err != nil {
			return nil, err
		}
		if !there {
			v = math.NaN()
		}
		figures[i] = v
	}
	return figures, nil
}

// points are those of a series now. What is appended later does not change them.
func (s *Store) points(series Series) []Point {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.series[series.key()]
	if !ok {
		return nil
	}
	return append([]Point(nil), r.points...)
}
