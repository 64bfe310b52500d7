package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/alarm"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/dashboard"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/simulate"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// monthHours is a month as AWS's own calculator has it.
const monthHours = 730

// usage is what a workload takes in a month.
type usage struct {
	bridgeHours, jibriHours, participantHours, recordedHours float64
	recordings                                               float64
}

// item is one line of a bill.
type item struct {
	group, name string
	usd         float64
	how         string
}

// cost prints the monthly bill of our policy for each workload; that of the office when none is named.
func cost(workloads []simulate.Workload, o options, out io.Writer) error {
	p, err := readPrices(o.prices)
	if err != nil {
		return err
	}
	for i, w := range workloads {
		world := o.worldOf(i)
		world.Sample = 0
		run := simulate.Play(w, simulate.With(simulate.Ours(world), world), world)
		u := monthly(w, world, run)
		say(out, "\n%s: a month of %.0f bridge hours, %.0f recorder hours, %.0f participant hours and %.0f recordings, by prices of %s, %s\n\n",
			w.Name, u.bridgeHours, u.jibriHours, u.participantHours, u.recordings, p.Region, p.Dated)
		printBill(bill(u, p), out)
	}
	say(out, "\n%s\n", p.Source)
	return nil
}

// monthly scales what was counted to a month.
func monthly(w simulate.Workload, world simulate.Options, r simulate.Run) usage {
	times := monthHours / (w.Length() - world.WarmUp).Hours()
	people := 0.0
	for _, v := range w.Visits {
		people += max(0, v.Leave-max(v.Join, world.WarmUp.Seconds())) / 3600
	}
	return usage{
		bridgeHours: times * r.Bridges.InstanceHours, jibriHours: times * r.Jibris.InstanceHours, participantHours: times * people,
		recordedHours: times * r.Jibris.BusyHours, recordings: times * float64(r.Jibris.Requests),
	}
}

const (
	groupCalls   = "calls"
	groupRecords = "recording"
	groupFixed   = "always there"
	groupControl = "control plane"
)

// bill is what a month costs.
func bill(u usage, p prices) []item {
	f := p.Fleet
	fixed := float64(f.HAProxySlots)
	signal := float64(f.Shards)
	out := u.participantHours * f.GigabytesOutPerParticipantHour
	stored := u.recordedHours * f.GigabytesPerRecordedHour
	items := []item{
		{groupCalls, "bridges", u.bridgeHours * p.Hour[f.BridgeType], f.BridgeType},
		{groupCalls, "bridges' addresses", u.bridgeHours * p.Hour["publicIPv4"], "public IPv4"},
		{groupCalls, "bridges' disks", u.bridgeHours / monthHours * f.NodeDiskGigabytes * p.Gigabyte.DiskMonth, "gp3"},
		{groupCalls, "traffic to participants", out * p.Gigabyte.InternetOut, fmt.Sprintf("%.0f GB", out)},
		{groupRecords, "recorders", u.jibriHours * p.Hour[f.JibriType], f.JibriType},
		{groupRecords, "recorders' disks", u.jibriHours / monthHours * f.JibriDiskGigabytes * p.Gigabyte.DiskMonth, "gp3"},
		{groupRecords, "recordings", stored * f.RecordingMonthsKept * p.Gigabyte.BucketMonth, fmt.Sprintf("%.0f GB a month, kept for %g", stored, f.RecordingMonthsKept)},
		{groupFixed, "HAProxy", fixed * monthHours * p.Hour[f.HAProxyType], fmt.Sprintf("%d x %s", f.HAProxySlots, f.HAProxyType)},
		{groupFixed, "signal nodes", signal * monthHours * p.Hour[f.SignalType], fmt.Sprintf("%d x %s", f.Shards, f.SignalType)},
		{groupFixed, "their disks", (fixed + signal) * f.NodeDiskGigabytes * p.Gigabyte.DiskMonth, "gp3"},
		{groupFixed, "load balancer", monthHours * (p.Hour["networkLoadBalancer"] + f.LoadBalancerUnits*p.Hour["loadBalancerUnit"]), "NLB"},
		{groupFixed, "NAT gateways", monthHours * float64(f.NATGateways) * (p.Hour["natGateway"] + p.Hour["publicIPv4"]), "without what passes"},
		{groupFixed, "names", 2 * p.Month.HostedZone, "one public and one private zone"},
	}
	return append(items, control(p)...)
}

// control is the control plane's own part.
func control(p prices) []item {
	f := p.Fleet
	runs := float64(f.Lambdas) * f.LambdaRunsPerMinute * 60 * monthHours / 1e6 // millions
	watched := watch(f.Shards)
	return []item{
		{groupControl, "Lambda", runs * (p.Million.LambdaRequests + f.LambdaSeconds*f.LambdaGigabytes*p.Million.LambdaGigabyteSeconds), fmt.Sprintf("%.0f runs", runs*1e6)},
		{groupControl, "metrics", float64(watched.Series) * p.Month.Metric, strconv.Itoa(watched.Series)},
		{
			groupControl, "alarms", float64(watched.Alarms)*p.Month.Alarm + float64(watched.Composites)*p.Month.Composite,
			fmt.Sprintf("%d, and %d composite ones", watched.Alarms, watched.Composites),
		},
		{groupControl, "dashboards", float64(watched.Dashboards) * p.Month.Dashboard, strconv.Itoa(watched.Dashboards)},
		{groupControl, "logs", float64(f.Lambdas) * f.LogGigabytesPerLambda * p.Gigabyte.Logs, "CloudWatch"},
		{groupControl, "table", runs * (f.TableWritesPerRun*p.Million.TableWrites + f.TableReadsPerRun*p.Million.TableReads), "DynamoDB on demand"},
		{groupControl, "topics and queues", runs * (p.Million.Notifications + 3*p.Million.Messages), "SNS, SQS"},
		{groupControl, "secrets and keys", float64(f.Secrets)*p.Month.Secret + float64(f.Keys)*p.Month.Key, fmt.Sprintf("%d and %d", f.Secrets, f.Keys)},
	}
}

// watch is what a fleet of the default settings has in CloudWatch.
func watch(shards int) telemetry.Bill {
	s := settings.Defaults()
	for n := range shards {
		s.Shards = append(s.Shards, settings.Shard{Name: fmt.Sprintf("shard-%d", n+1), ID: n + 1})
	}
	ofFleet, ofShard := telemetry.Series(s.Jibris.Max > 0)
	inventory := alarm.Of(s)
	return telemetry.Bill{
		Series: ofFleet + shards*ofShard, Alarms: len(inventory.Alarms), Composites: len(inventory.Composites), Dashboards: len(dashboard.Of(s)),
	}
}

func printBill(items []item, out io.Writer) {
	sums, total, group := map[string]float64{}, 0.0, ""
	for _, i := range items {
		sums[i.group] += i.usd
		total += i.usd
	}
	for _, i := range items {
		if i.group != group {
			group = i.group
			say(out, "  %-28s %10.2f\n", group, sums[group])
		}
		say(out, "    %-26s %10.2f  %s\n", i.name, i.usd, i.how)
	}
	say(out, "  %-28s %10.2f USD a month\n", "in all", total)
}
