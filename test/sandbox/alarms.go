package main

import (
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

// alarmsCommand, as the first argument, drives every alarm of the inventory by its own cause.
const alarmsCommand = "alarms"

const (
	// alarmsFactor makes a minute of the fleet two seconds, which is what schedules of all Lambdas can keep.
	alarmsFactor = 30
	alarmsTick   = 2 * time.Second
	// alarmsLimit is the wall time that a Lambda's fifty seconds get.
	alarmsLimit = 10 * time.Second
	// longestDrive bounds the time until an alarm fires and the time until it is over again, on the wall: 45 minutes of the fleet.
	longestDrive = 90 * time.Second
)

// alarmsOptions is what the command line says.
type alarmsOptions struct {
	options
	causes []cause
}

func parseAlarmsFlags(args []string) (alarmsOptions, error) {
	var o alarmsOptions
	f := flag.NewFlagSet(alarmsCommand, flag.ContinueOnError)
	only := f.String("only", "", "only causes with one of these `words` in their names, with commas; alarms that the others drive are then not missed")
	f.StringVar(&o.moto, "moto", ".venv/bin/moto_server", "moto's server `program`")
	f.StringVar(&o.cdk, "cdk", "node_modules/.bin/cdk", "the CDK CLI")
	f.StringVar(&o.dir, "dir", "build/alarms", "where the sandbox keeps its files; what is there from an earlier run is lost")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	for _, c := range causes() {
		if *only == "" || slices.ContainsFunc(strings.Split(*only, ","), func(word string) bool { return strings.Contains(c.name, word) }) {
			o.causes = append(o.causes, c)
		}
	}
	if len(o.causes) == 0 {
		return o, fmt.Errorf("nothing is driven: no cause has one of the words of %q in its name", *only)
	}
	o.factor, o.tick, o.limit, o.spreadAlarms = alarmsFactor, alarmsTick, alarmsLimit, true
	return o, nil
}

// Addresses of those who are told: a page comes to both, a ticket to the first only.
const (
	everybody = "everybody@example.org"
	onDuty    = "on-duty@example.org"
)

// alarmsSettings are those of the fleet on which alarms are driven: small, impatient, and with every option that
// brings an alarm.
func alarmsSettings() ([]byte, error) {
	return json.MarshalIndent(map[string]any{
		"fleet": "alarms", "domain": "meet.example.org",
		"certificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000",
		"network":        map[string]any{"cidr": "127.16.0.0/16"},
		"shards":         []any{map[string]any{"name": drivenShard, "id": 1}, map[string]any{"name": otherShard, "id": 2}},
		"edge":           map[string]any{"shardLimit": shardLimit, "tableSize": tableSize, "tableExpiry": "1m"},
		"bridges": map[string]any{"min": 2, "max": mostBridges, "spare": 0.5, "slack": 0.25, "bootTime": "1m", "admissionGrace": "4m", "shrinkAfter": "3m",
			"drainLimit": "2m", "hookTimeout": "3m", "deadAfter": "15m", "quarantineWindow": "15m"},
		"jibris": map[string]any{"free": 2, "min": 2, "max": mostRecorders, "bootTime": "2m", "admissionGrace": "6m", "retireAfter": "3m",
			"recordingLimit": "1h", "joinLimit": "3m"},
		"intervals":  map[string]any{"agentTimeout": "400ms"}, // two seconds of an agent that hangs would be a minute here
		"recordings": map[string]any{"lateAfter": "5m"},
		"alerts":     map[string]any{"email": []string{everybody}, "pageEmail": []string{onDuty}},
	}, "", "  ")
}

// alarms raises a fleet, lets each cause happen on it, and holds that alarms and messages are those that it is to have.
func alarms(ctx context.Context, args []string) error {
	if err := keepApart(); err != nil {
		return err
	}
	o, err := parseAlarmsFlags(args)
	if err != nil {
		return err
	}
	raw, err := alarmsSettings()
	if err != nil {
		return err
	}
	o.settings = filepath.Clean(o.dir) + ".settings.json"
	if err := os.MkdirAll(filepath.Dir(o.settings), 0o750); err != nil {
		return err
	}
	if err := os.WriteFile(o.settings, raw, 0o600); err != nil {
		return err
	}
	fleet, err := settings.Parse(raw)
	if err != nil {
		return err
	}
	out := newProgress(false)
	s, err := raise(ctx, o.options, fleet, out)
	if s != nil {
		defer s.fall()
	}
	if err != nil {
		return err
	}
	g, err := newGround(s, out)
	if err != nil {
		return err
	}
	failures, err := g.driveAll(ctx, o.causes)
	err = errors.Join(err, os.WriteFile(filepath.Join(o.dir, "journal.log"), []byte(s.journal.all()), 0o600))
	if err != nil {
		return err
	}
	for _, u := range undriven {
		out.line("not driven: %s, for %s", u.name, u.why)
	}
	if len(failures) > 0 {
		return errors.New(strings.Join(failures, "\n"))
	}
	out.step("success: each alarm went into ALARM by its own cause and back, and one failure sent one message")
	return nil
}
