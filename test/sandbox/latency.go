package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// latencyCommand, as the first argument, measures instead of playing a scenario.
const latencyCommand = "latency"

// path is one way on which a change of load comes to the Lambda bridges.
type path struct {
	Name  string
	What  string
	wakes bool // agents publish a rising stress
	// without says by type and logical id which resources are left out; nil leaves out none.
	without func(kind, logicalID string) bool
	// metered is true when the way goes through metrics and alarms: their times of the minute and their states matter.
	metered bool
	// rounds is how many trials a shard makes when the command line names no number; pause is the time over which their
	// beginnings are spread: the longest interval that matters on the way.
	rounds int
	pause  time.Duration
	// records is true when the change of load is a recording that begins: its path is that of recorders' wake-ups to
	// the Lambda jibris, and all trials are of one pool, rounds of them.
	records bool
}

var paths = []path{
	{Name: "wake-up", What: "everything on, as deployed", wakes: true, rounds: 8, pause: minute / 2},
	{Name: "alarm", What: "neither stress wake-ups of agents nor the schedule of bridges", without: bridgesSchedule, metered: true, rounds: 2, pause: minute},
	{Name: "schedule", What: "neither stress wake-ups of agents nor the load alarm", without: loadAlarm, rounds: 7, pause: minute},
	{Name: "recording", What: "a recording begins, everything on: until its replacement is asked for", wakes: true, records: true, rounds: 60},
}

func bridgesSchedule(kind, logicalID string) bool {
	return kind == "AWS::Events::Rule" && strings.HasPrefix(logicalID, "BridgesMinute")
}

func loadAlarm(kind, logicalID string) bool {
	return kind == "AWS::CloudWatch::Alarm" && strings.HasSuffix(logicalID, "RoomMissing")
}

// latencyOptions is what the command line says.
type latencyOptions struct {
	options
	rounds, shards int
	paths          []path
	cidr           string
}

func parseLatencyFlags(args []string) (latencyOptions, error) {
	var o latencyOptions
	names := make([]string, 0, len(paths))
	for _, p := range paths {
		names = append(names, p.Name)
	}
	f := flag.NewFlagSet(latencyCommand, flag.ContinueOnError)
	f.IntVar(&o.rounds, "rounds", 0, "trials in each shard; 0 leaves it to each path")
	f.IntVar(&o.shards, "shards", 16, "shards, each with trials of its own: many more, and moto's answers take the time that is measured")
	f.StringVar(&o.cidr, "cidr", "127.48.0.0/16", "VPC of the measured fleet, in 127.0.0.0/8: two runs side by side need two")
	chosen := f.String("paths", strings.Join(names, ","), "which paths are measured, in the order in which they are `named`")
	f.BoolVar(&o.json, "json", false, "print the result as JSON on standard output; progress goes to standard error")
	f.StringVar(&o.moto, "moto", ".venv/bin/moto_server", "moto's server `program`")
	f.StringVar(&o.cdk, "cdk", "node_modules/.bin/cdk", "the CDK CLI")
	f.StringVar(&o.dir, "dir", "build/latency", "where the sandbox keeps its files; what is there from an earlier run is lost")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.rounds < 0 || o.shards < 1 {
		return o, errors.New("nothing is measured: name 1 or more shards, and no negative number of rounds")
	}
	for name := range strings.SplitSeq(*chosen, ",") {
		n := slices.Index(names, name)
		if n < 0 {
			return o, fmt.Errorf("nothing is measured: there is no path %q, only %s", name, strings.Join(names, ", "))
		}
		o.paths = append(o.paths, paths[n])
	}
	o.factor, o.spreadAlarms = 1, true
	return o, nil
}

// latency measures every path on a fleet of its own and prints the figures.
func latency(ctx context.Context, args []string) error {
	if err := keepApart(); err != nil {
		return err
	}
	o, err := parseLatencyFlags(args)
	if err != nil {
		return err
	}
	fleet, err := o.fleet(o.shards, 0)
	if err != nil {
		return err
	}
	out := newProgress(o.json)
	report := latencyReport{Began: time.Now(), Shards: o.shards, Machine: thisMachine()}
	for _, p := range o.paths {
		trials, err := measure(ctx, o, fleet, p, out)
		if err != nil {
			return fmt.Errorf("path %s: %w", p.Name, err)
		}
		report.Paths = append(report.Paths, figuresOf(p, trials))
		out.line("%s", report.Paths[len(report.Paths)-1].line())
	}
	return report.publish(o.json, out)
}

// fleet writes and reads the settings of the measured fleet: many small shards, each of which lacks room when
// crowd participants join its one bridge, and may launch one more; and so many free recorders.
func (o *latencyOptions) fleet(shardCount, recorders int) (settings.Settings, error) {
	type shard struct {
		Name string `json:"name"`
		ID   int    `json:"id"`
	}
	var shards []shard
	for n := range shardCount {
		shards = append(shards, shard{fmt.Sprintf("shard-%d", n+1), n + 1})
	}
	raw, err := json.MarshalIndent(map[string]any{
		"fleet": "latency", "domain": "meet.example.org", "shards": shards,
		"certificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000",
		"network":        map[string]any{"cidr": o.cidr},
		"bridges":        map[string]any{"min": 1, "max": 2, "target": 0.6, "spare": 0.5, "slack": 0.25, "bootTime": "30s"},
		"jibris":         map[string]any{"free": recorders, "min": recorders, "max": recorders * mostPerFree, "bootTime": "30s"},
	}, "", "  ")
	if err != nil {
		return settings.Settings{}, err
	}
	o.settings = fmt.Sprintf("%s.%d.settings.json", filepath.Clean(o.dir), recorders)
	if err := os.MkdirAll(filepath.Dir(o.settings), 0o750); err != nil {
		return settings.Settings{}, err
	}
	if err := os.WriteFile(o.settings, raw, 0o600); err != nil {
		return settings.Settings{}, err
	}
	return settings.Parse(raw)
}

// mostPerFree is the maximum of the measured pool for each free recorder: no trial may reach it.
const mostPerFree = 20

// measureRecordings raises a fleet with recorders and makes the trials of the path on which they are replaced.
func measureRecordings(ctx context.Context, o latencyOptions, p path, out *progress) ([]trial, error) {
	fleet, err := o.fleet(1, spareRecorders)
	if err != nil {
		return nil, err
	}
	s, err := raise(ctx, o.options, fleet, out)
	if s != nil {
		defer s.fall()
	}
	if err != nil {
		return nil, err
	}
	b, err := newRecordingBench(s, out)
	if err != nil {
		return nil, err
	}
	return b.run(ctx, cmp.Or(o.rounds, p.rounds))
}

// measure raises a fleet on which only one path is open and makes its trials.
func measure(ctx context.Context, o latencyOptions, fleet settings.Settings, p path, out *progress) ([]trial, error) {
	out.step("path %s: %s", p.Name, p.What)
	if p.records {
		return measureRecordings(ctx, o, p, out)
	}
	o.skip = p.without
	if !p.wakes {
		o.configure = func(node *settings.Node) { node.WakeStress = 0 }
	}
	s, err := raise(ctx, o.options, fleet, out)
	if s != nil {
		defer s.fall()
	}
	if err != nil {
		return nil, err
	}
	b, err := newBench(ctx, s, p, out)
	if err != nil {
		return nil, err
	}
	if err := b.onlyThisPath(); err != nil {
		return nil, err
	}
	return b.run(ctx, cmp.Or(o.rounds, p.rounds))
}
