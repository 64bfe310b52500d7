// Package metrics is a CloudWatch: it stores what functions publish in the embedded metric format, and
// evaluates alarms on it. Actions are only reported; who may take them is not its business.
//
// It must not know any metric or alarm by name.
package metrics

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Series is one metric with its dimensions. Different dimensions are different metrics, and no dimensions
// match none: CloudWatch does not aggregate across dimensions.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
type Series struct {
	Namespace, Name string
	Dimensions      map[string]string
}

func (s Series) key() string {
	var b strings.Builder
	b.WriteString(s.Namespace + "\x00" + s.Name)
	for _, name := range slices.Sorted(maps.Keys(s.Dimensions)) {
		b.WriteString("\x00" + name + "\x01" + s.Dimensions[name])
	}
	return b.String()
}

// Point is one value at one time.
type Point struct {
	At    time.Time
	Value float64
}

// kept is how many points a series remembers.
const kept = 5000

// Store holds points by series. The zero Store is empty and ready.
type Store struct {
	mu     sync.Mutex
	series map[string]*recorded
}

type recorded struct {
	Series
	points []Point
}

// Put adds a point. The latest need not come last.
func (s *Store) Put(series Series, p Point) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.series == nil {
		s.series = map[string]*recorded{}
	}
	r, ok := s.series[series.key()]
	if !ok {
		r = &recorded{Series: series}
		s.series[series.key()] = r
	}
	r.points = append(r.points, p)
	if len(r.points) > kept {
		r.points = slices.Delete(r.points, 0, len(r.points)-kept)
	}
}

// Between lists the values of a series with from <= time < to.
func (s *Store) Between(series Series, from, to time.Time) []float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.series[series.key()]
	if !ok {
		return nil
	}
	var values []float64
	for _, p := range r.points {
		if !p.At.Before(from) && p.At.Before(to) {
			values = append(values, p.Value)
		}
	}
	return values
}

// Latest is the newest point of a series, and whether there is one.
func (s *Store) Latest(series Series) (Point, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.series[series.key()]
	if !ok || len(r.points) == 0 {
		return Point{}, false
	}
	newest := r.points[0]
	for _, p := range r.points {
		if !p.At.Before(newest.At) {
			newest = p
		}
	}
	return newest, true
}

// Known lists every series that has points, in the order of its key.
func (s *Store) Known() []Series {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Series, 0, len(s.series))
	for _, key := range slices.Sorted(maps.Keys(s.series)) {
		all = append(all, s.series[key].Series)
	}
	return all
}
