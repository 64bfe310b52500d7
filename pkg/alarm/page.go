package alarm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// FLEET and SHARD stand for names on the page.
const (
	anyFleet = "FLEET"
	anyShard = "SHARD"
)

// Headings are the names under which the page explains a fleet's alarms, by their real names.
func Headings(s settings.Settings) map[string]string {
	general := map[string]string{}
	for _, name := range Of(s).names() {
		rest := strings.TrimPrefix(name, s.Fleet+"-")
		heading := anyFleet + "-" + rest
		for _, shard := range s.Shards {
			if part, is := strings.CutPrefix(rest, shard.Name+"-"); is && slices.Contains(ofAShard(s), part) {
				heading = anyFleet + "-" + anyShard + "-" + part
			}
		}
		general[name] = heading
	}
	return general
}

// ofAShard are the last parts of the names of a shard's alarms.
func ofAShard(s settings.Settings) []string {
	var parts []string
	for _, name := range Of(anonymous(s)).names() {
		if part, is := strings.CutPrefix(name, anyFleet+"-"+anyShard+"-"); is {
			parts = append(parts, part)
		}
	}
	return parts
}

// anonymous are the settings of a fleet called FLEET with one shard called SHARD.
func anonymous(s settings.Settings) settings.Settings {
	s.Fleet, s.Shards = anyFleet, []settings.Shard{{Name: anyShard, ID: 1}}
	return s
}

func (i Inventory) names() []string {
	var names []string
	for _, a := range i.Alarms {
		names = append(names, a.Name)
	}
	for _, c := range i.Composites {
		names = append(names, c.Name)
	}
	return names
}

// looking is what every alarm begins with.
const looking = `## First, whatever it is

Nothing that runs is ended because something is not known: there is time to look. Each command takes your credentials and region.

    aws cloudwatch describe-alarms --state-value ALARM --alarm-types MetricAlarm CompositeAlarm --output table \
      --query '[MetricAlarms,CompositeAlarms][].[AlarmName,StateUpdatedTimestamp]'         # what else is on: the parts say where
    aws logs tail /jitsi-fleet/FLEET/metrics --since 15m --filter-pattern '{ $.level = "WARN" }'     # which nodes are silent, and what fails on the others
    aws logs tail /jitsi-fleet/FLEET/NAME --since 1h --filter-pattern '?ERROR ?errorMessage'          # why a Lambda NAME fails
    aws autoscaling describe-scaling-activities --max-items 20 --auto-scaling-group-name NAME # why instances come, do not come or go
    aws ec2 get-console-output --latest --output text --instance-id ID                       # why a new node does not boot

What the control plane did, and why, stands on the dashboard FLEET-control-plane. Fleets and shards are on the dashboards FLEET-overview and
FLEET-SHARD; each links to the others.
`

// Runbook is the runbook of a fleet with these settings, in Markdown: first what sends messages, then what is looked at
// once one has come.
func Runbook(s settings.Settings) string {
	inventory := Of(anonymous(s))
	var b strings.Builder
	b.WriteString("# Runbook\n\nEvery alarm, what it means and what to do first. Made by `go test ./pkg/alarm -run Page -update`. " +
		"FLEET and SHARD stand for your names; thresholds that follow settings are those of the defaults.\n\n" +
		"A **page** says that users are affected or soon will be; a **ticket** can wait for the next working day; **wake** wakes a control loop and nobody else. " +
		"What one failure shows in many alarms is one composite alarm, which sends the one message; its parts send none and say in the console where to look. " +
		"While another alarm whose message says it already is on, a composite is silent.\n\n" + looking)
	for _, severity := range []Severity{Page, Ticket} {
		fmt.Fprintf(&b, "\n## %s\n", map[Severity]string{Page: "Pages", Ticket: "Tickets"}[severity])
		for _, c := range inventory.Composites {
			if c.Severity == severity {
				fmt.Fprintf(&b, "\n### %s\n\n%s\n%s", c.Name, c.Advice.markdown(), c.composed())
			}
		}
		writeAlarms(&b, inventory.Alarms, severity)
	}
	for _, severity := range []Severity{Part, Wake} {
		fmt.Fprintf(&b, "\n## %s\n", map[Severity]string{Part: "Parts of composite alarms", Wake: "Wake-ups"}[severity])
		writeAlarms(&b, inventory.Alarms, severity)
	}
	return b.String()
}

func writeAlarms(b *strings.Builder, alarms []Alarm, severity Severity) {
	for _, a := range alarms {
		if a.Severity == severity {
			fmt.Fprintf(b, "\n### %s\n\n%s\n- Fires when %s.\n", a.Name, a.Advice.markdown(), a.condition())
		}
	}
}

func (a Advice) markdown() string {
	return fmt.Sprintf("%s\n\n- Likely: %s.\n- First: %s", a.Meaning, strings.Join(a.Causes, "; "), a.First)
}

func (c Composite) composed() string {
	text := "- Fires on any of: " + strings.Join(c.Any, ", ") + ".\n"
	if len(c.Unless) > 0 {
		text += "- Not while one of these is on: " + strings.Join(c.Unless, ", ") + ".\n"
	}
	return text
}

func (a Alarm) condition() string {
	direction := "at or above"
	if a.Below {
		direction = "at or below"
	}
	unit := "minute"
	if a.Seconds == day {
		unit = "day"
	}
	how := fmt.Sprintf("for %d %ss", a.Periods, unit)
	switch {
	case a.Looked() > a.Periods:
		how = fmt.Sprintf("in %d of %d %ss", a.Periods, a.Of, unit)
	case a.Periods == 1:
		how = "in a " + unit
	}
	text := fmt.Sprintf("the %s of `%s` in `%s` is %s %v %s", strings.ToLower(string(a.Statistic)), a.Metric, a.Namespace, direction, a.Threshold, how)
	if a.Missing == SilenceIsBad {
		text += ", or there is no figure"
	}
	return text
}
