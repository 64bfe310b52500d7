// Command sandbox runs the whole system on one machine: moto is AWS, the real stacks are deployed on it, the built
// Lambdas and node agents run, HAProxy routes, and stand-ins of Jitsi carry a day's participants. It ends with a
// table, a picture and a verdict. ./scripts/sandbox installs what it needs and starts it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/scenario"
)

// options is what the command line says.
type options struct {
	scenario string
	settings string
	factor   float64
	silence  string
	kill     string
	keep     bool
	json     bool
	moto     string
	cdk      string
	dir      string
	records  bool // the scenario has recordings

	// What the latency benchmark has otherwise than a scenario; the zero values are a scenario's.
	skip         func(kind, logicalID string) bool // resources that are left out of what runs
	configure    func(*settings.Node)              // changes a node's configuration before its agent starts
	spreadAlarms bool
	// tick and limit replace the shortest interval of schedules and the shortest time limit of Lambdas; 0 leaves them.
	tick, limit time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var err error
	command := ""
	if len(os.Args) > 1 {
		command = os.Args[1]
	}
	switch command {
	case latencyCommand:
		err = latency(ctx, os.Args[2:])
	case alarmsCommand:
		err = alarms(ctx, os.Args[2:])
	default:
		err = run(ctx, parseFlags())
	}
	stop()
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "\nThe sandbox was interrupted; nothing of it runs any more.")
		os.Exit(interrupted)
	case err != nil:
		fmt.Fprintf(os.Stderr, "\nThe sandbox failed: %v\n", err)
		os.Exit(1)
	}
}

// interrupted is the exit status after Ctrl-C, as shells have it.
const interrupted = 130

func parseFlags() options {
	var o options
	flag.StringVar(&o.scenario, "scenario", "test/sandbox/scenarios/day.json", "what happens: a scenario `file`, or a workload CSV with the columns room,join,leave,recording_start,recording_end")
	flag.StringVar(&o.settings, "settings", "test/sandbox/fleet.json", "the fleet's settings, a JSON `file`; its VPC must lie in 127.0.0.0/8")
	flag.Float64Var(&o.factor, "factor", 240, "by how much every duration of the settings is divided, unless the scenario says it; 240 plays an hour in 15 s")
	flag.StringVar(&o.silence, "silence", "", "let every node agent hang between two `times` of day, such as 11:00-11:40")
	flag.StringVar(&o.kill, "kill", "", "kill the busiest bridge's JVB at a `time` of day, such as 12:20")
	flag.BoolVar(&o.keep, "keep", false, "keep everything running at the end, until Ctrl-C")
	flag.BoolVar(&o.json, "json", false, "print the result as JSON on standard output; progress goes to standard error")
	flag.StringVar(&o.moto, "moto", ".venv/bin/moto_server", "moto's server `program`")
	flag.StringVar(&o.cdk, "cdk", "node_modules/.bin/cdk", "the CDK CLI")
	flag.StringVar(&o.dir, "dir", "build/sandbox", "where the sandbox keeps its files; what is there from an earlier run is lost")
	flag.Parse()
	return o
}

// check refuses what no run can be made of.
func (o options) check(left []string) error {
	if len(left) > 0 {
		return fmt.Errorf("%q is not an option: -h names them all", left[0])
	}
	if !(o.factor > 0) || math.IsInf(o.factor, 0) {
		return fmt.Errorf("-factor is %g: write a number above 0, such as 240", o.factor)
	}
	return nil
}

func run(ctx context.Context, o options) error {
	if err := keepApart(); err != nil {
		return err
	}
	if err := o.check(flag.Args()); err != nil {
		return err
	}
	plan, err := readScenario(o)
	if err != nil {
		return err
	}
	if plan.Factor > 0 && !chosen("factor") {
		o.factor = plan.Factor
	}
	raw, err := os.ReadFile(o.settings)
	if err != nil {
		return fmt.Errorf("the settings are not read: %w", err)
	}
	if plan.Shards > 0 || plan.Jibris != nil {
		if o.settings, raw, err = withScenario(raw, plan, o.dir); err != nil {
			return err
		}
	}
	fleet, err := settings.Parse(raw)
	if err != nil {
		return fmt.Errorf("the settings in %s:\n%w", o.settings, err)
	}
	if len(plan.Recordings()) > 0 && fleet.Jibris.Max == 0 {
		return fmt.Errorf("the scenario has recordings, and the settings in %s have no recorders: give jibris a max above 0", o.settings)
	}
	o.records = len(plan.Recordings()) > 0
	out := newProgress(o.json)
	stage, err := raise(ctx, o, fleet, out)
	if stage != nil {
		defer stage.fall()
	}
	if err != nil {
		return err
	}
	result, err := play(ctx, stage, plan, out)
	if err != nil {
		return err
	}
	if err := result.publish(o, out); err != nil {
		return err
	}
	if o.keep {
		stage.keep(ctx, out)
	}
	if !result.Success {
		return errors.New(strings.Join(result.Failures, "; "))
	}
	return nil
}

// chosen reports whether an option was given.
func chosen(name string) bool {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	return given
}

func readScenario(o options) (scenario.Scenario, error) {
	plan, err := readScenarioFile(o.scenario)
	if err != nil {
		return plan, err
	}
	if o.silence != "" {
		from, until, ok := strings.Cut(o.silence, "-")
		f := scenario.Fault{Kind: scenario.SilenceAgents}
		if !ok || f.At.UnmarshalText([]byte(from)) != nil || f.Until.UnmarshalText([]byte(until)) != nil {
			return plan, fmt.Errorf("-silence is %q: write two times of day, such as 11:00-11:40", o.silence)
		}
		if plan, err = plan.With(f); err != nil {
			return plan, fmt.Errorf("-silence is %q: %w", o.silence, err)
		}
	}
	if o.kill != "" {
		f := scenario.Fault{Kind: scenario.KillBridge}
		if f.At.UnmarshalText([]byte(o.kill)) != nil {
			return plan, fmt.Errorf("-kill is %q: write a time of day, such as 12:20", o.kill)
		}
		if plan, err = plan.With(f); err != nil {
			return plan, fmt.Errorf("-kill is %q: %w", o.kill, err)
		}
	}
	return plan, nil
}

func readScenarioFile(path string) (scenario.Scenario, error) {
	if strings.HasSuffix(path, ".csv") {
		file, err := os.Open(path)
		if err != nil {
			return scenario.Scenario{}, err
		}
		defer func() { _ = file.Close() }()
		return scenario.ParseCSV(path, file)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return scenario.Scenario{}, err
	}
	return scenario.Parse(raw)
}
