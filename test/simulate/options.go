package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/simulate"
)

// options is what the command line says.
type options struct {
	named    []string // workloads
	policies []string
	warmUp   *time.Duration // nil: not said
	days     int
	seed     uint64
	start    time.Time
	world    simulate.Options
	faults   string // as they were said
	json     bool
	html     string
	png      string
	csv      string
	prices   string
	markdown bool
	overload float64
	failed   float64
}

// errHelp says that the use was asked for and printed.
var errHelp = errors.New("the use was printed")

// Defaults of the world: the boots of the targets, which are those of an image that brings Docker's images.
const (
	bridgeBoot = 240 * time.Second
	jibriBoot  = 150 * time.Second
	bootSpread = 0.15
	week       = 7 * 24 * time.Hour
	// sampled is the length of the charts' intervals.
	sampled = 10 * time.Minute
)

// parse reads the command line, on which names and options may be mixed.
func parse(arguments []string, out io.Writer) (options, error) {
	o := options{}
	flags := flag.NewFlagSet("simulate", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	policies := flags.String("policy", "", "policies to play, with commas between them; all when empty")
	flags.Func("warmup", "`duration` in which policies learn and nothing is counted (default 168h, and 0 for a file)", func(text string) error {
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 {
			return errors.New("write a time like 168h, or 0")
		}
		o.warmUp = &d
		return nil
	})
	flags.IntVar(&o.days, "days", 14, "days that are generated, 1 to 366")
	flags.Uint64Var(&o.seed, "seed", 1, "seed of generated workloads, boot times and faults")
	start := flags.String("start", simulate.Monday.Format(time.RFC3339), "when a file's second 0 is; forecasts go by the weekday and the minute")
	flags.DurationVar(&o.world.BridgeBoot, "boot", bridgeBoot, "mean time from a bridge's launch to its service")
	flags.DurationVar(&o.world.JibriBoot, "jibri-boot", jibriBoot, "mean time from a recorder's launch to its service")
	flags.Float64Var(&o.world.Spread, "spread", bootSpread, "share by which boots are shorter or longer at most")
	flags.StringVar(&o.faults, "fault", "", "faults, with commas between them")
	flags.BoolVar(&o.json, "json", false, "print JSON, one object for each workload, instead of the table")
	flags.BoolVar(&o.markdown, "markdown", false, "print one table of all workloads in Markdown instead of a table for each")
	fleet := flags.String("settings", "", "settings of a fleet, or cdk.json, that jitsi-fleet goes by in the place of the defaults: one shard of it is played")
	flags.StringVar(&o.html, "html", "build/simulate/report.html", "where the report is written; \"\" for none")
	flags.StringVar(&o.png, "png", "", "folder into which the charts are drawn as PNG")
	flags.StringVar(&o.csv, "csv", "", "folder into which generated workloads are written as FILE.csv")
	flags.StringVar(&o.prices, "prices", "", "price file for cost, like test/simulate/prices.json, which is taken when empty")
	flags.Float64Var(&o.overload, "overload", 0.0005, "for tune: share of user time that may be on bridges above stress 0.8")
	flags.Float64Var(&o.failed, "failed", 0.001, "for tune: share of recordings that may fail to start within 60 s")
	for len(arguments) > 0 {
		if err := flags.Parse(arguments); errors.Is(err, flag.ErrHelp) {
			printUse(flags, out)
			return o, errHelp
		} else if err != nil {
			return o, fmt.Errorf("%w: -h tells the options", err)
		}
		if arguments = flags.Args(); len(arguments) > 0 {
			o.named, arguments = append(o.named, arguments[0]), arguments[1:]
		}
	}
	o.policies = strings.FieldsFunc(*policies, func(r rune) bool { return r == ',' || r == ' ' })
	if len(o.policies) == 0 {
		o.policies = simulate.PolicyNames
	}
	o.world.Seed = o.seed
	var err error
	if o.world.Fleet, err = readFleet(*fleet); err != nil {
		return o, err
	}
	if o.start, err = time.Parse(time.RFC3339, *start); err != nil {
		return o, fmt.Errorf("--start is %q: write a moment like %s", *start, simulate.Monday.Format(time.RFC3339))
	}
	if o.world.Faults, err = simulate.ParseFaults(o.faults); err != nil {
		return o, err
	}
	return o, o.check()
}

func printUse(flags *flag.FlagSet, out io.Writer) {
	var kinds strings.Builder
	for _, k := range simulate.Kinds() {
		fmt.Fprintf(&kinds, "  %-10s %s\n", k.Name, k.What)
	}
	say(out, use, kinds.String(), strings.Join(simulate.PolicyNames, ", "), simulate.FaultKinds())
	flags.SetOutput(out)
	flags.PrintDefaults()
}

func (o options) check() error {
	switch {
	case o.days < 1 || o.days > 366:
		return fmt.Errorf("--days is %d: write 1 to 366", o.days)
	case o.world.BridgeBoot < time.Second || o.world.BridgeBoot > time.Hour:
		return fmt.Errorf("--boot is %s: write 1s to 1h", o.world.BridgeBoot)
	case o.world.JibriBoot < time.Second || o.world.JibriBoot > time.Hour:
		return fmt.Errorf("--jibri-boot is %s: write 1s to 1h", o.world.JibriBoot)
	case !(o.world.Spread >= 0 && o.world.Spread <= 0.9):
		return fmt.Errorf("--spread is %g: write 0 to 0.9", o.world.Spread)
	case !(o.overload >= 0 && o.overload <= 1):
		return fmt.Errorf("--overload is %g: write a share from 0 to 1", o.overload)
	case !(o.failed >= 0 && o.failed <= 1):
		return fmt.Errorf("--failed is %g: write a share from 0 to 1", o.failed)
	}
	return nil
}

// workloads makes or reads what is to be played.
func (o options) workloads() ([]simulate.Workload, error) {
	names := o.named
	if len(names) == 0 {
		for _, k := range simulate.Kinds() {
			names = append(names, k.Name)
		}
	}
	all := make([]simulate.Workload, 0, len(names))
	for _, name := range names {
		w, err := o.workload(name)
		if err != nil {
			return nil, err
		}
		if world := o.of(name); world.WarmUp >= w.Length() {
			return nil, fmt.Errorf("workload %s lasts %s and --warmup is %s: nothing would be counted, so write less", w.Name, w.Length(), world.WarmUp)
		}
		all = append(all, w)
	}
	return all, nil
}

func (o options) workload(name string) (simulate.Workload, error) {
	if !isFile(name) {
		return simulate.Generate(name, o.days, o.seed)
	}
	file, err := os.Open(name)
	if err != nil {
		return simulate.Workload{}, err
	}
	defer func() { _ = file.Close() }()
	return simulate.ReadCSV(strings.TrimSuffix(filepath.Base(name), ".csv"), o.start, file)
}

// readFleet reads a fleet's settings: a file of their own, or cdk.json; nil without a name.
func readFleet(path string) (*settings.Settings, error) {
	if path == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Context struct {
			Fleet json.RawMessage `json:"fleet"`
		} `json:"context"`
	}
	if err := json.Unmarshal(raw, &file); err == nil && file.Context.Fleet != nil {
		raw = file.Context.Fleet
	}
	s, err := settings.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &s, nil
}

func isFile(name string) bool { return strings.ContainsAny(name, "./\\") }

// of is the world of a workload, by the name on the command line.
func (o options) of(name string) simulate.Options {
	world := o.world
	switch {
	case o.warmUp != nil:
		world.WarmUp = *o.warmUp
	case !isFile(name) && o.days > 7:
		world.WarmUp = week
	}
	world.Sample = sampled
	return world
}

// generates reports whether the i-th workload is generated, and not read from a file.
func (o options) generates(i int) bool { return len(o.named) <= i || !isFile(o.named[i]) }

// worldOf is the world of the i-th workload.
func (o options) worldOf(i int) simulate.Options {
	if len(o.named) > i {
		return o.of(o.named[i])
	}
	return o.of("")
}
