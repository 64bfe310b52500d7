package dashboard

import (
	"fmt"
	"strings"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/alarm"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// builder makes the dashboards of one fleet.
type builder struct{ s settings.Settings }

// Of are the dashboards of the fleet with these settings, the overview first.
func Of(s settings.Settings) []Dashboard {
	b := builder{s}
	all := []Dashboard{b.overview(), b.edge()}
	if b.records() {
		all = append(all, b.recorders())
	}
	all = append(all, b.controlPlane(), b.capacity())
	for _, shard := range s.Shards {
		all = append(all, b.shard(shard))
	}
	for i := range all {
		all[i].Rows = append([]Row{{1, []Widget{b.links(all)}}}, all[i].Rows...)
	}
	return all
}

func (b builder) records() bool { return b.s.Jibris.Max > 0 }

func (b builder) name(part string) string { return b.s.Fleet + "-" + part }

// links leads from every dashboard to every other.
func (b builder) links(all []Dashboard) Text {
	links := make([]string, len(all))
	for i, d := range all {
		links[i] = fmt.Sprintf("[%s](#dashboards:name=%s)", strings.TrimPrefix(d.Name, b.s.Fleet+"-"), d.Name)
	}
	return Text(strings.Join(links, " · "))
}

// own are lines of metrics of the whole fleet.
func (b builder) own(metrics ...telemetry.Metric) []Series {
	lines := make([]Series, len(metrics))
	for i, m := range metrics {
		lines[i] = Own(m, b.s.Fleet, "")
	}
	return lines
}

// each is one line of a metric for every shard.
func (b builder) each(m telemetry.Metric) []Series {
	lines := make([]Series, len(b.s.Shards))
	for i, shard := range b.s.Shards {
		lines[i] = Own(m, b.s.Fleet, shard.Name).Named(shard.Name)
	}
	return lines
}

// messages are the names of the alarms that send messages of a severity.
func (b builder) messages(severity alarm.Severity) []string {
	inventory := alarm.Of(b.s)
	var names []string
	for _, c := range inventory.Composites {
		if c.Severity == severity {
			names = append(names, c.Name)
		}
	}
	for _, a := range inventory.Alarms {
		if a.Severity == severity {
			names = append(names, a.Name)
		}
	}
	return names[:min(len(names), mostAlarms)]
}

// mostAlarms is how many alarms a widget may show.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
const mostAlarms = 100

var overloaded = &Limit{settings.OverloadStress, "Jicofo gives a bridge nobody"}

// overview answers within ten seconds whether users are well.
func (b builder) overview() Dashboard {
	quality := []Widget{
		Graph{Title: "Highest stress of a bridge", Series: b.each(telemetry.StressMax), Limit: overloaded},
		Graph{Title: "Packet loss, share", Series: b.each(telemetry.PacketLoss)},
		Graph{Title: "Round trip, ms", Series: b.each(telemetry.RoundTripMillis)},
	}
	if b.records() {
		quality = append(quality, Graph{Title: "Recorders", Series: b.own(telemetry.JibrisFree, telemetry.JibrisBusy, telemetry.JibrisBooting), Stacked: true})
	}
	return Dashboard{b.name("overview"), []Row{
		{4, []Widget{Alarms{"Somebody looks now", b.messages(alarm.Page)}, Alarms{"Can wait for the next working day", b.messages(alarm.Ticket)}}},
		{6, []Widget{
			Graph{Title: "Participants", Series: b.each(telemetry.Participants), Stacked: true},
			Graph{Title: "Conferences", Series: b.each(telemetry.Conferences), Stacked: true},
			Graph{Title: "Bridges that serve", Series: b.each(telemetry.BridgesServing), Stacked: true},
		}},
		{6, quality},
	}}
}

func (b builder) edge() Dashboard {
	return Dashboard{b.name("edge"), []Row{
		{6, []Widget{
			Graph{Title: "Clients' connections", Series: b.own(telemetry.EdgeConnections)},
			Graph{Title: "Failures of shards, and requests sent to another shard", Series: []Series{
				b.own(telemetry.EdgeErrors)[0].By("Sum"), b.own(telemetry.EdgeRedispatches)[0].By("Sum"),
			}},
			Graph{Title: "Nodes in trouble", Series: b.own(telemetry.EdgeSilent, telemetry.EdgesWithoutShards)},
		}},
		{6, []Widget{
			Graph{Title: "Split rooms, and those that were mended", Series: append(b.own(telemetry.SplitRooms), b.own(telemetry.RoomsMended)[0].By("Sum"))},
			Graph{Title: "Shards without a census", Series: b.own(telemetry.CensusesMissing)},
			Graph{Title: "HAProxy nodes for which a shard is down", Series: b.each(telemetry.ShardDown)},
		}},
		{6, []Widget{
			Graph{Title: "Table of rooms, share in use", Series: b.own(telemetry.EdgeTableShare), Limit: &Limit{0.9, "alarm"}},
			b.machines("HAProxy nodes", telemetry.EdgeHost),
			Graph{Title: "Network of HAProxy nodes, kbit/s", Series: b.own(telemetry.EdgeHost.Network)},
		}},
	}}
}

// machines shows how used the machines of a role are.
func (b builder) machines(title string, h telemetry.Host) Graph {
	return Graph{Title: title + ": the most used one, percent", Series: []Series{
		b.own(h.CPU)[0].Named("CPU"), b.own(h.Memory)[0].Named("memory"), b.own(h.Disk)[0].Named("disk in use"), b.own(h.IO)[0].Named("disk at work"),
	}}
}
