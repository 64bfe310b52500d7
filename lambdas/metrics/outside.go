//go:build !nocollector

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/collector"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/elastic"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/reconcile"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

const usage = `Usage: metrics [-h] [-config FILE] [-check | -once | -template]

Outside Lambda: asks node agents, or plain Jitsi components, how they are, at a steady interval, and writes
the answers as documents into OpenSearch or Elasticsearch. It runs until it gets SIGTERM or SIGINT; documents
that are not stored by then wait on disk for the next start.

  -config FILE  the configuration (default /etc/jitsi-fleet/collector.json; example: assets/collector/collector.json)
  -check        validate the configuration and the files that it names, and end
  -once         observe once, print the documents, store nothing, and end
  -template     print the index template, for an operator who sets sink.manage to false, and end

Exit status: 0 well, 1 it cannot run, 2 the command or the configuration is wrong.
`

// outside runs the daemon until the context ends or the process is told to, and returns its exit status.
func outside(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("metrics", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { _, _ = io.WriteString(stderr, usage) }
	path := flags.String("config", "/etc/jitsi-fleet/collector.json", "")
	check := flags.Bool("check", false, "")
	once := flags.Bool("once", false, "")
	template := flags.Bool("template", false, "")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if flags.NArg() > 0 {
		_, _ = fmt.Fprintf(stderr, "metrics: %q is no option\n%s", flags.Arg(0), usage)
		return 2
	}
	config, loaded, err := load(*path)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "metrics: the configuration %s is wrong:\n%v\n", *path, err)
		return 2
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
	defer stop()
	log := slog.New(slog.NewJSONHandler(stderr, nil))
	daemon := collector.Collector{Config: config, Nodes: loaded.Targets(time.Now), Measure: measure(config), Log: log, Now: time.Now}
	switch {
	case *check:
		_, err = fmt.Fprintf(stdout, "%s is well: %d nodes every %s into %s\n", *path, len(daemon.Nodes), time.Duration(config.Interval), config.Sink.DataStream)
	case *template:
		err = printTemplate(stdout, config)
	case *once:
		err = printDocuments(stdout, daemon.Observe(ctx))
	default:
		err = serve(ctx, daemon, loaded)
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "metrics: %v\n", err)
		return 1
	}
	return 0
}

func load(path string) (collector.Config, collector.Loaded, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return collector.Config{}, collector.Loaded{}, err
	}
	config, err := collector.ParseConfig(raw)
	if err != nil {
		return config, collector.Loaded{}, err
	}
	loaded, err := config.Load(os.ReadFile)
	return config, loaded, err
}

// measure computes figures as the Lambda does, with the daemon's own settings. What it would log, the collector does.
func measure(config collector.Config) func([]fleet.Observation, *telemetry.Record) {
	env := settings.MetricsEnv{Target: config.BridgeTarget, Spare: config.BridgeSpare}
	env.Fleet, env.StaleAfter = config.Fleet, time.Duration(config.StaleAfter)
	return reconcile.Metrics{Env: env, Log: slog.New(slog.DiscardHandler), Now: time.Now}.Measure
}

func serve(ctx context.Context, daemon collector.Collector, loaded collector.Loaded) error {
	client, err := elastic.Connect(loaded.Access, daemon.Config.Stream())
	if err != nil {
		return err
	}
	spill, err := elastic.OpenSpill(daemon.Config.Spill.Folder, int64(daemon.Config.Spill.MaxBytes))
	if err != nil {
		return err
	}
	sink := elastic.NewSink(client, spill)
	daemon.Sink = sink
	waiting, bytes := sink.Waiting()
	daemon.Log.Info("started", "fleet", daemon.Config.Fleet, "nodes", len(daemon.Nodes), "stream", daemon.Config.Sink.DataStream, "waiting", waiting, "waitingBytes", bytes)
	daemon.Run(ctx)
	waiting, bytes = sink.Waiting()
	daemon.Log.Info("stopped", "waiting", waiting, "waitingBytes", bytes)
	return nil
}

func printTemplate(to io.Writer, config collector.Config) error {
	text, err := config.Stream().Template()
	if err != nil {
		return err
	}
	_, err = to.Write(text)
	return err
}

func printDocuments(to io.Writer, documents []elastic.Document) error {
	for _, d := range documents {
		if _, err := fmt.Fprintf(to, "%s\n", d.Body); err != nil {
			return err
		}
	}
	return nil
}
