// Command series prints how many custom metrics a fleet publishes, and what CloudWatch costs a month with its alarms and
// dashboards. scripts/metrics starts it.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/alarm"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/dashboard"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("one settings file is needed: see scripts/metrics -h")
	}
	raw, err := os.ReadFile(args[0])
	if err != nil {
		return fmt.Errorf("settings were not read: %w", err)
	}
	s, err := read(raw)
	if err != nil {
		return err
	}
	return write(out, s)
}

// read reads the settings of a fleet: a file of their own, or cdk.json.
func read(raw []byte) (settings.Settings, error) {
	var file struct {
		Context struct {
			Fleet json.RawMessage `json:"fleet"`
		} `json:"context"`
	}
	if err := json.Unmarshal(raw, &file); err == nil && file.Context.Fleet != nil {
		raw = file.Context.Fleet
	}
	return settings.Parse(raw)
}

func write(out io.Writer, s settings.Settings) error {
	ofFleet, ofShard := telemetry.Series(s.Jibris.Max > 0)
	inventory := alarm.Of(s)
	bill := telemetry.Bill{
		Series: ofFleet + len(s.Shards)*ofShard, Alarms: len(inventory.Alarms), Composites: len(inventory.Composites),
		Dashboards: len(dashboard.Of(s)),
	}
	_, err := fmt.Fprintf(out, `%4d custom metrics (%d of the fleet, %d of each of %d shards)  %8.2f USD a month
%4d alarms                                                    %8.2f
%4d composite alarms                                          %8.2f
%4d dashboards                                                %8.2f
                                                          sum %8.2f

us-east-1 list prices of 22 November 2026 without the free tier: %.2f, %.2f, %.2f and %.2f USD each.
The logs that carry the metrics come on top.
`,
		bill.Series, ofFleet, ofShard, len(s.Shards), telemetry.Bill{Series: bill.Series}.USD(),
		bill.Alarms, telemetry.Bill{Alarms: bill.Alarms}.USD(), bill.Composites, telemetry.Bill{Composites: bill.Composites}.USD(),
		bill.Dashboards, telemetry.Bill{Dashboards: bill.Dashboards}.USD(), bill.USD(),
		telemetry.USDPerSeries, telemetry.USDPerAlarm, telemetry.USDPerComposite, telemetry.USDPerDashboard)
	return err
}
