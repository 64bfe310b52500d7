// Command simulate plays weeks of conferences on a virtual clock against our policy and its rivals, and prints, draws and
// prices what became of them. ./scripts/simulate builds and starts it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const use = `Usage: scripts/simulate [-h] [WORKLOAD|FILE.csv] [OPTION...]
       scripts/simulate tune [WORKLOAD|FILE.csv] [OPTION...]
       scripts/simulate cost [WORKLOAD|FILE.csv] [OPTION...]

Plays conferences against policies side by side, on a virtual clock: the decisions that the Lambdas take, rival rules,
hindsight and the lower bound. Prints a table, and writes a report with charts that opens in any browser. Needs Go only.

tune finds the settings that meet a service level at the least cost, and prints them as a fragment of cdk.json.
cost prints a monthly bill by component, the control plane's own included.

WORKLOAD is one of these; all of them when none is named:

%s
FILE.csv has the columns room,join,leave,recording_start,recording_end: seconds from the start, one row for each
participant, the recording columns on one row of a recorded room.

Policies: %s;
n-free-N keeps N recorders free, for any N; jitsi-fleet-whole plays all of our control plane, with the hooks of Auto Scaling.

Faults:

%s
Options, which may stand anywhere:

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, errHelp):
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "\nThe simulation was interrupted.")
		os.Exit(interrupted)
	case err != nil:
		fmt.Fprintf(os.Stderr, "The simulation failed: %v\n", err)
		os.Exit(1)
	}
}

// interrupted is the exit status after Ctrl-C, as shells have it.
const interrupted = 130

func run(ctx context.Context, arguments []string) error {
	command := ""
	if len(arguments) > 0 && (arguments[0] == "tune" || arguments[0] == "cost") {
		command, arguments = arguments[0], arguments[1:]
	}
	o, err := parse(arguments, os.Stdout)
	if err != nil {
		return err
	}
	workloads, err := o.workloads()
	if err != nil {
		return err
	}
	switch command {
	case "tune":
		return tune(ctx, workloads, o, os.Stdout, os.Stderr)
	case "cost":
		return cost(workloads, o, os.Stdout)
	}
	return compare(ctx, workloads, o, os.Stdout, os.Stderr)
}

// say tells a person something. When it cannot be written, nobody is there to be told that.
func say(to io.Writer, format string, arguments ...any) { _, _ = fmt.Fprintf(to, format, arguments...) }
