package main

import (
	"fmt"
	"slices"
	"strings"
)

// Report is everything that was measured.
type Report struct {
	Throughput []Throughput `json:"throughput"`
	Memory     []Memory     `json:"memory"`
	Split      []Split      `json:"split"`
}

// Throughput is what one contender did with some threads, a sample for each round.
type Throughput struct {
	Contender Contender `json:"contender"`
	Threads   int       `json:"threads"`
	Samples   []Sample  `json:"samples"`
}

// middle is the median of a figure over the samples, with the least and the most.
func (t Throughput) middle(of func(Sample) float64) (median, least, most float64) {
	var all []float64
	for _, s := range t.Samples {
		all = append(all, of(s))
	}
	slices.Sort(all)
	return all[len(all)/2], all[0], all[len(all)-1]
}

func rate(s Sample) float64      { return s.Rate }
func processor(s Sample) float64 { return s.Processor }

// String is the report as tables, with every contender beside ours.
func (r Report) String() string {
	var out strings.Builder
	for i, t := range r.Throughput {
		if i%len(contenders) == 0 {
			fmt.Fprintf(&out, "\nHAProxy with %d threads: medians of %d rounds (least to most)\n", t.Threads, len(t.Samples))
			fmt.Fprintf(&out, "%-26s %28s %9s %9s %22s %10s %14s\n", "", "requests/s", "p50 ms", "p99 ms", "processor us/request", "our rate", "our processor")
		}
		us := r.Throughput[i-i%len(contenders)]
		ours, _, _ := us.middle(rate)
		spent, _, _ := us.middle(processor)
		median, least, most := t.middle(rate)
		p50, _, _ := t.middle(func(s Sample) float64 { return s.P50 })
		p99, _, _ := t.middle(func(s Sample) float64 { return s.P99 })
		cost, low, high := t.middle(processor)
		fmt.Fprintf(&out, "%-26s %8.0f (%7.0f to %7.0f) %9.2f %9.2f %6.1f (%4.1f to %4.1f) %+8.1f %% %+12.1f %%\n", t.Contender, median, least, most,
			p50/1000, p99/1000, cost, low, high, (ours/median-1)*100, (spent/cost-1)*100)
	}
	fmt.Fprintln(&out, "\nMemory of the stick table, by the growth of HAProxy's resident memory")
	for _, m := range r.Memory {
		fmt.Fprintf(&out, "%9d rooms %8.1f MB %6.0f bytes a room\n", m.Rooms, float64(m.Bytes)/1e6, m.PerRoom)
	}
	fmt.Fprintln(&out, "\nRooms on two shards after the first two users came at once, through two peered HAProxies")
	for _, s := range r.Split {
		fmt.Fprintf(&out, "%-26s %5d of %d, %d still after 100 ms\n", s.Contender, s.AtFirst, s.Rooms, s.Later)
	}
	return out.String()
}
