// Command edge measures one HAProxy with the fleet's routing, beside the usual configuration for Jitsi and beside
// plain round-robin, in one run: requests a second and latency, memory of the table of rooms, and rooms that two
// nodes send to two shards.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

// splitRooms are joined at once through two nodes, for each contender.
const splitRooms = 2000

func main() {
	seconds := flag.Int("seconds", 3, "length of one sample")
	rounds := flag.Int("rounds", 7, "samples of each configuration")
	asJSON := flag.Bool("json", false, "print every sample as JSON")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	report, err := measure(ctx, *seconds, *rounds)
	stop()
	switch {
	case err == nil && *asJSON:
		err = json.NewEncoder(os.Stdout).Encode(report)
	case err == nil:
		_, err = fmt.Print(report)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "nothing is measured: %v\n", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, seconds, rounds int) (Report, error) {
	if seconds < 1 || rounds < 1 {
		return Report{}, errors.New("no seconds or no rounds: name 1 or more")
	}
	dir, err := os.MkdirTemp("", "edge")
	if err != nil {
		return Report{}, fmt.Errorf("no folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	cores := share(runtime.NumCPU())
	w, err := newWorld(ctx, dir, cores.shards)
	if err != nil {
		return Report{}, err
	}
	defer w.stop()
	var r Report
	for _, threads := range []int{1, 2} {
		found, err := race(ctx, dir, cores, threads, seconds, rounds)
		if err != nil {
			return Report{}, err
		}
		r.Throughput = append(r.Throughput, found...)
	}
	progress("filling the table with 100,000 and 1,000,000 rooms")
	if r.Memory, err = remember(ctx, dir, []int{100_000, 1_000_000}); err != nil {
		return Report{}, err
	}
	for index, c := range contenders {
		progress("joining %d rooms through two nodes: %s", splitRooms, c)
		s, err := join(ctx, dir, c, index, splitRooms)
		if err != nil {
			return Report{}, err
		}
		r.Split = append(r.Split, s)
	}
	return r, nil
}

// sharing is which cores whom belong to; empty where the machine has too few to share them out.
type sharing struct {
	proxy          [3]string // by its number of threads
	client, shards string
}

func share(cores int) sharing {
	if cores < 4 {
		return sharing{}
	}
	return sharing{proxy: [3]string{1: "0", 2: "0-1"}, client: "2", shards: "3"}
}

// race measures all contenders in turns, so that whatever else the machine does meets all of them.
func race(ctx context.Context, dir string, cores sharing, threads, seconds, rounds int) ([]Throughput, error) {
	var nodes []*Node
	defer func() {
		for _, n := range nodes {
			n.stop()
		}
	}()
	found := make([]Throughput, len(contenders))
	for i, c := range contenders {
		n, err := start(ctx, dir, cores.proxy[threads], Setting{Contender: c, Index: i, Threads: threads, Table: 200_000})
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
		found[i] = Throughput{Contender: c, Threads: threads}
	}
	for round := range rounds {
		progress("%d threads, round %d of %d", threads, round+1, rounds)
		for i, n := range nodes {
			sample, err := load(ctx, dir, cores.client, n, seconds)
			if err != nil {
				return nil, err
			}
			found[i].Samples = append(found[i].Samples, sample)
		}
	}
	return found, nil
}

func progress(format string, a ...any) { fmt.Fprintf(os.Stderr, format+"\n", a...) }
