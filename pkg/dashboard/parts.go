package dashboard

import (
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

func (b builder) shard(shard settings.Shard) Dashboard {
	own := func(metrics ...telemetry.Metric) []Series {
		lines := make([]Series, len(metrics))
		for i, m := range metrics {
			lines[i] = Own(m, b.s.Fleet, shard.Name)
		}
		return lines
	}
	return Dashboard{b.name(shard.Name), []Row{
		{3, []Widget{
			Number{"Users", own(telemetry.Conferences, telemetry.Participants, telemetry.LargestConference)},
			Number{"Routing: 0 ready, 1 drain, 2 maintenance", own(telemetry.ShardState, telemetry.ShardEmpty)},
			Number{"Trouble", own(telemetry.SignalUnhealthy, telemetry.ShardDown, telemetry.StateNotFollowed)},
		}},
		{5, []Widget{
			Graph{Title: "Participants", Series: own(telemetry.Participants)},
			Graph{Title: "Bridges", Series: own(telemetry.BridgesServing, telemetry.BridgesBooting, telemetry.BridgesDraining), Stacked: true},
			Graph{Title: "Bridges wanted, short and not launched yet", Series: own(telemetry.BridgesWanted, telemetry.BridgesShort, telemetry.LaunchesPending)},
		}},
		{5, []Widget{
			Graph{Title: "Stress", Series: own(telemetry.StressMean, telemetry.StressP90, telemetry.StressMax), Limit: overloaded},
			Graph{Title: "Forecast of the load, and its error", Series: own(telemetry.DemandForecast, telemetry.ForecastMargin, telemetry.ForecastError)},
			Graph{Title: "Room missing and bridges overloaded", Series: own(telemetry.RoomMissing, telemetry.BridgesOverloaded)},
			Graph{Title: "Broken, overdue, retained", Series: own(telemetry.Frozen, telemetry.DrainsOverdue, telemetry.Retained, telemetry.LaunchFailures, telemetry.SilentShare)},
		}},
		{5, []Widget{
			Graph{Title: "Bit rate, kbit/s, and packets a second", Right: "packets/s", Series: append(own(telemetry.SendKilobits, telemetry.ReceiveKilobits), own(telemetry.PacketRate)[0].OnRight())},
			Graph{Title: "Round trip, ms, and packet loss, share", Right: "loss", Series: []Series{own(telemetry.RoundTripMillis)[0], own(telemetry.PacketLoss)[0].OnRight()}},
			Graph{Title: "New ICE failures and lost bridges", Series: Growth(own(telemetry.ICEFailures, telemetry.LostBridges)...)},
			Graph{Title: "Boot of bridges, s", Series: own(telemetry.BootSeconds), Limit: &Limit{b.s.Bridges.BootTime.D().Seconds(), "bridges.bootTime"}},
		}},
	}}
}

func (b builder) recorders() Dashboard {
	return Dashboard{b.name("recorders"), []Row{
		{6, []Widget{
			Graph{Title: "Recorders", Stacked: true, Series: b.own(telemetry.JibrisFree, telemetry.JibrisBusy, telemetry.JibrisBooting, telemetry.JibrisUnhealthy, telemetry.JibrisSilent)},
			Graph{Title: "Wanted, short and not launched yet", Series: b.own(telemetry.JibrisWanted, telemetry.JibrisShort, telemetry.JibrisPending)},
			Graph{Title: "Forecast of starts, and its error", Series: b.own(telemetry.StartsForecast, telemetry.StartsMargin, telemetry.StartsForecastError)},
			Graph{Title: "Broken, overdue, retained", Series: b.own(telemetry.JibrisFrozen, telemetry.JibrisOverdue, telemetry.JibrisRetained, telemetry.JibriLaunchFailures)},
		}},
		{6, []Widget{
			Graph{Title: "Recordings and streams that began", Series: []Series{b.own(telemetry.JibriStarts)[0].By("Sum")}},
			Graph{Title: "Recordings in S3 and lost", Series: []Series{b.own(telemetry.RecordingsCatalogued)[0].By("Sum"), b.own(telemetry.RecordingsFailed)[0].By("Sum")}},
			Graph{Title: "Recordings that are on or on their way, and late", Series: b.own(telemetry.RecordingsOpen, telemetry.RecordingsLate, telemetry.SpoolTroubles)},
		}},
		{6, []Widget{
			Graph{Title: "Waiting, s, and from a recording's end to S3, s", Series: b.own(telemetry.SpoolOldestSeconds, telemetry.UploadSeconds), Limit: &Limit{b.s.Recordings.LateAfter.D().Seconds(), "recordings.lateAfter"}},
			Graph{Title: "Bytes on recorders' disks, and catalogued", Series: append(b.own(telemetry.SpoolBytes), b.own(telemetry.RecordingBytes)[0].By("Sum"))},
			b.machines("Recorders", telemetry.JibriHost),
			Graph{Title: "Network of recorders, kbit/s", Series: b.own(telemetry.JibriHost.Network)},
		}},
	}}
}

// decisions finds what the loops decided and did, with their reasons, in their logs.
const decisions = "fields @timestamp, loop, shard, instance, coalesce(actions.0, step) as done, actions.1 as then, " +
	"coalesce(reason, decision.reasons.0) as why, decision.reasons.1 as besides, error " +
	"| filter msg = 'decision' and (ispresent(actions.0) or error != '') | sort @timestamp desc | limit 50"

func (b builder) controlPlane() Dashboard {
	loops := []string{"bridges", "lifecycle", "shards"}
	if b.records() {
		loops = append(loops, "jibris")
	}
	all := append([]string{"metrics"}, loops...)
	if b.records() {
		all = append(all, "recordings")
	}
	lambda := func(metric, statistic string) []Series {
		var lines []Series
		for _, name := range all {
			lines = append(lines, Series{Namespace: "AWS/Lambda", Name: metric, Dimensions: map[string]string{"FunctionName": b.name(name)}, Statistic: statistic, Label: name})
		}
		return lines
	}
	var groups []string
	for _, name := range loops {
		groups = append(groups, "/jitsi-fleet/"+b.s.Fleet+"/"+name)
	}
	return Dashboard{b.name("control-plane"), []Row{
		{5, []Widget{
			Graph{Title: "What it did", Series: []Series{b.own(telemetry.Actions)[0].By("Sum"), b.own(telemetry.ReconcileErrors)[0].By("Sum")}},
			Graph{Title: "Lambda runs that failed, or that Lambda refused", Series: append(lambda("Errors", "Sum"), named(lambda("Throttles", "Sum"), " refused")...)},
			Graph{Title: "Lambda duration, ms", Series: lambda("Duration", "Maximum"), Limit: &Limit{50_000, "time limit"}},
			Graph{Title: "Lambda runs", Series: lambda("Invocations", "Sum")},
		}},
		{5, []Widget{
			Graph{Title: "Silent agents", Series: b.own(telemetry.AgentsSilent)},
			Graph{Title: "Time to observe the fleet, ms", Series: b.own(telemetry.ObserveMillis)},
			Graph{Title: "Age of the oldest figures, s", Series: b.own(telemetry.ObservationAge)},
			Graph{Title: "Events given up, and run-time settings refused", Series: append(b.dead(all), b.own(telemetry.SettingsRefused)[0].Named("settings refused"))},
		}},
		{8, []Widget{Log{"What was done, and why", groups, decisions}}},
	}}
}

// named adds to the labels of lines.
func named(lines []Series, more string) []Series {
	for i := range lines {
		lines[i].Label += more
	}
	return lines
}

// dead is how much is in the dead-letter queue of each Lambda.
func (b builder) dead(lambdas []string) []Series {
	lines := make([]Series, len(lambdas))
	for i, name := range lambdas {
		lines[i] = Series{
			Namespace: "AWS/SQS", Name: "ApproximateNumberOfMessagesVisible", Dimensions: map[string]string{"QueueName": b.name(name + "-dead")},
			Statistic: "Maximum", Label: name,
		}
	}
	return lines
}

func (b builder) capacity() Dashboard {
	return Dashboard{b.name("cost-and-capacity"), []Row{
		{5, []Widget{
			Graph{Title: "Bridges wanted", Series: b.each(telemetry.BridgesWanted), Stacked: true},
			Graph{Title: "Bridges that serve", Series: b.each(telemetry.BridgesServing), Stacked: true},
		}},
		{5, []Widget{
			Graph{Title: "Traffic to endpoints, kbit/s: what AWS bills most of", Series: b.each(telemetry.SendKilobits), Stacked: true},
			Graph{Title: "Mean stress: below the target is unused", Series: b.each(telemetry.StressMean), Limit: &Limit{b.s.Bridges.Target, "bridges.target"}},
			Graph{Title: "Bridges beyond the maximum", Series: b.each(telemetry.BridgesShort)},
		}},
		{5, []Widget{
			b.machines("Bridges", telemetry.BridgeHost),
			b.machines("Signal nodes", telemetry.SignalHost),
			Graph{Title: "Network, kbit/s", Series: []Series{
				b.own(telemetry.BridgeHost.Network)[0].Named("bridges"), b.own(telemetry.SignalHost.Network)[0].Named("signal nodes"), b.own(telemetry.EdgeHost.Network)[0].Named("HAProxy nodes"),
			}},
		}},
		{2, []Widget{Text(b.costs())}},
	}}
}

func (b builder) costs() string {
	return "What the fleet has cost: Cost Explorer, grouped by the tag `jitsi-fleet:fleet` once it is activated for cost allocation. " +
		"A ticket comes when a month is forecast above `alerts.monthlyBudgetUSD`. What these metrics, alarms and dashboards cost: `./scripts/metrics`."
}
