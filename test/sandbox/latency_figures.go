package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// latencyReport is the result of the benchmark.
type latencyReport struct {
	Began   time.Time     `json:"began"`
	Machine string        `json:"machine"`
	Shards  int           `json:"shards"`
	Paths   []pathFigures `json:"paths"`
}

// pathFigures are what came out on one path, in seconds.
type pathFigures struct {
	Path   string  `json:"path"`
	What   string  `json:"what"`
	N      int     `json:"n"`
	P50    float64 `json:"p50"`
	P99    float64 `json:"p99"`
	Worst  float64 `json:"worst"`
	Trials []trial `json:"trials"`
}

func figuresOf(p path, trials []trial) pathFigures {
	took := make([]float64, 0, len(trials))
	for _, t := range trials {
		took = append(took, t.Seconds)
	}
	slices.Sort(took)
	return pathFigures{Path: p.Name, What: p.What, N: len(took),
		P50: nearestRank(took, 0.50), P99: nearestRank(took, 0.99), Worst: nearestRank(took, 1), Trials: trials}
}

// nearestRank is the smallest of the sorted values that at least the share q of them does not exceed; 0 of none.
// With fewer than 100 values the 99th percentile is the worst.
func nearestRank(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(q * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

const latencyHeader = "path           n      p50      p99    worst"

func (f pathFigures) line() string {
	return fmt.Sprintf("%-10s %5d %6.1f s %6.1f s %6.1f s", f.Path, f.N, f.P50, f.P99, f.Worst)
}

// publish prints the figures for people and, if asked, everything for programs.
func (r latencyReport) publish(asJSON bool, out *progress) error {
	out.step("from a change of load to the changed desired capacity, at factor 1, %s, %s", r.Began.UTC().Format("2006-01-02"), r.Machine)
	out.line(latencyHeader)
	for _, f := range r.Paths {
		out.line("%s   %s", f.line(), f.What)
	}
	out.line("n trials in %d shards; percentiles by nearest rank: below 100 trials the 99th is the worst", r.Shards)
	if !asJSON {
		return nil
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// thisMachine names the processors that the figures are of.
func thisMachine() string {
	name := runtime.GOARCH
	if file, err := os.Open("/proc/cpuinfo"); err == nil {
		defer func() { _ = file.Close() }()
		for lines := bufio.NewScanner(file); lines.Scan(); {
			if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
				name = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%d × %s", runtime.NumCPU(), name)
}
