package stacks

import (
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"

	"github.com/jitsi-fleet/jitsi-fleet/cdk/constructs"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// functions are a fleet's Lambdas.
func functions(s settings.Settings) []string {
	names := []string{"metrics", "bridges", "lifecycle", "shards"}
	if s.Jibris.Max > 0 {
		names = append(names, "jibris", "recordings")
	}
	return names
}

// monitoring is who is told of what: the alert topic and the alarms.
func (f Fleet) monitoring(app awscdk.App) awscdk.Stack {
	stack := f.stack(app, monitoring, "Alarms of the Jitsi fleet "+f.Settings.Fleet)
	topic := constructs.NewTopic(stack, "Alerts", f.names().AlertTopic(), constructs.Import(f.names().Stack(control), keyARN))
	for i, address := range f.Alerts.Email {
		awssns.NewCfnSubscription(stack, jsii.String(emailID(i)), &awssns.CfnSubscriptionProps{
			TopicArn: *topic.Ref(), Protocol: jsii.String("email"), Endpoint: address,
		})
	}
	alerts := *topic.Ref()
	for _, a := range fleetAlarms {
		f.alarm(stack, a, "", alerts)
	}
	for _, name := range functions(f.Settings) {
		f.watchFunction(stack, name, alerts)
	}
	if f.records() {
		f.watchRecorders(stack, alerts)
	}
	for _, shard := range f.Shards {
		f.alarm(stack, load, shard.Name, f.wakeTopic(stack, fleet.RoleBridge))
		for _, a := range shardAlarms {
			f.alarm(stack, a, shard.Name, alerts)
		}
		if f.Edge.ShardLimit > 0 {
			f.alarm(stack, full(f.Edge.ShardLimit), shard.Name, alerts)
		}
	}
	return stack
}

func (f Fleet) alarm(stack awscdk.Stack, a alarm, shard, topic string) {
	name := f.Settings.Fleet
	if shard != "" {
		name += "-" + shard
	}
	constructs.NewAlarm(stack, constructs.AlarmProps{
		Name: name + "-" + a.name, Meaning: a.meaning, FirstStep: a.first,
		Statistic: constructs.Maximum, Threshold: a.threshold, Minutes: a.minutes, Missing: a.missing, TopicARN: topic,
	}.Own(a.metric, f.Settings.Fleet, shard))
}

// watchFunction alarms on a Lambda that fails, that is held back, and on what it could not handle at all.
func (f Fleet) watchFunction(stack awscdk.Stack, name, topic string) {
	function := f.names().Function(name)
	common := constructs.AlarmProps{Namespace: "AWS/Lambda", Dimensions: map[string]string{"FunctionName": function}, Statistic: constructs.Sum, Missing: constructs.SilenceIsWell, TopicARN: topic}

	failing := common
	failing.Name, failing.Metric, failing.Threshold, failing.Minutes = function+"-errors", "Errors", 1, 3
	failing.Meaning = "The Lambda " + function + " failed in each of three minutes."
	failing.FirstStep = "read its last error in the log group " + f.names().LogGroup(name) + "; until it is mended nothing that it does is done."
	constructs.NewAlarm(stack, failing)

	throttled := common
	throttled.Name, throttled.Metric, throttled.Threshold, throttled.Minutes = function+"-throttles", "Throttles", 1, 3
	throttled.Meaning = "The Lambda " + function + " was not started for want of concurrency."
	throttled.FirstStep = "raise the account's Lambda concurrency or find what else uses it up."
	constructs.NewAlarm(stack, throttled)

	queue := f.names().Dead(name)
	constructs.NewAlarm(stack, constructs.AlarmProps{
		Name: queue + "-not-empty", Namespace: "AWS/SQS", Metric: "ApproximateNumberOfMessagesVisible",
		Dimensions: map[string]string{"QueueName": queue}, Statistic: constructs.Maximum, Threshold: 1, Minutes: 1,
		Missing: constructs.SilenceIsWell, TopicARN: topic,
		Meaning:   "Something that should have woken the Lambda " + function + " was given up; its schedule has covered for it since.",
		FirstStep: "look at a message in the queue " + queue + " and at the Lambda's log of that minute, then purge the queue.",
	})
}

// alarm is an alarm on one of the fleet's own metrics, at or above its threshold for that many minutes.
type alarm struct {
	name      string
	metric    telemetry.Metric
	threshold float64
	minutes   float64
	missing   constructs.Missing
	meaning   string
	first     string
}

// load wakes the Lambda bridges; nobody needs to be told.
var load = alarm{
	"room-missing", telemetry.RoomMissing, 0.5, 1, constructs.SilenceIsWell,
	"A shard has half a bridge less room than its spare. This alarm wakes the Lambda bridges, which grows the group.",
	"nothing; the alarm bridges-at-maximum tells when growing is not possible.",
}

var shardAlarms = []alarm{
	{
		"down", telemetry.ShardDown, 1, 3, constructs.SilenceIsWell,
		"A HAProxy node sees the shard down: its rooms have moved to other shards.",
		"read the signal node's agent's status, which says in words what fails; terminate the instance to have it replaced.",
	},
	{
		"state-not-followed", telemetry.StateNotFollowed, 1, 3, constructs.SilenceIsWell,
		"The shard does not follow the state in its parameter, or the parameter says none.",
		"run ./scripts/shard show with the shard's name, and write ready, drain or maintenance.",
	},
	{
		"telemetry-silent", telemetry.SilentShare, 0.5, 2, constructs.SilenceIsBad,
		"Half or more of a shard's nodes say nothing. Nothing is shrunk or ended meanwhile, and growth is blind.",
		"look at the Lambda metrics' log: one cause for all nodes (security group, secret, NAT) is likelier than many.",
	},
	{
		"bridges-at-maximum", telemetry.BridgesShort, 1, 1, constructs.SilenceIsWell,
		"A shard needs more bridges than its maximum allows.",
		"raise maxBridges in the settings, or lower the load by draining the shard.",
	},
	{
		"launches-pending", telemetry.LaunchesPending, 1, 10, constructs.SilenceIsWell,
		"For ten minutes Auto Scaling has not launched what a shard's desired capacity asks for; the control plane counts on it all the same.",
		"read the group's activity history: a vCPU quota, or no capacity of the instance types in a zone. More instanceTypes help.",
	},
	{
		"drains-overdue", telemetry.DrainsOverdue, 1, 1, constructs.SilenceIsWell,
		"A bridge has drained for longer than the drain limit and still has participants.",
		"decide whether to wait; atDrainLimit \"move\" would let Jicofo move them.",
	},
	{
		"frozen", telemetry.Frozen, 1, 1, constructs.SilenceIsWell,
		"So many nodes look broken at once that the observer is presumed wrong: nothing is ended in this shard.",
		"ask a node's agent by hand; if the nodes really are broken, end them yourself, one by one.",
	},
	{
		"retained", telemetry.Retained, 1, 15, constructs.SilenceIsWell,
		"Auto Scaling retains an instance after a lapsed hook; it costs money until it is proven empty.",
		"read the Lambda lifecycle's log for what keeps it from being reaped.",
	},
	{
		"launches-fail", telemetry.LaunchFailures, 3, 1, constructs.SilenceIsWell,
		"Three launches in a row were given up; launching now backs off.",
		"read the group's activity history and /var/log/cloud-init-output.log of a new node.",
	},
}

// full asks for another shard. Its own agent keeps new rooms away from the shard meanwhile.
func full(limit int) alarm {
	return alarm{
		"above-limit", telemetry.Participants, float64(limit), 3, constructs.SilenceIsWell,
		"A shard has as many participants as its limit allows and gets no new rooms until it is down to nine tenths of it.",
		"add a shard to the settings, or raise edge.shardLimit if the shard carries its load well.",
	}
}

var fleetAlarms = []alarm{
	{
		"split-rooms", telemetry.SplitRooms, 1, 3, constructs.SilenceIsWell,
		"A room lives on two shards: its participants do not see each other. It is mended within a minute if it can be.",
		"read in the Lambda shards' log which rooms they are and what keeps them from being mended.",
	},
	{
		"censuses-missing", telemetry.CensusesMissing, 1, 5, constructs.SilenceIsBad,
		"A shard's rooms are not known, or the Lambda shards itself is silent: split rooms are not found.",
		"see in the Lambda shards' log which shard it is, then ask its signal node's agent.",
	},
	{
		"edge-silent", telemetry.EdgeSilent, 1, 5, constructs.SilenceIsBad,
		"A HAProxy node says nothing. Users may be well, but no split room is mended while it may remember it.",
		"look whether the node serves; if not, terminate its instance and the slot's group replaces it.",
	},
	{
		"no-shard-up", telemetry.EdgesWithoutShards, 1, 2, constructs.SilenceIsWell,
		"A HAProxy node has no shard to send anybody to. The load balancer sends it nobody.",
		"see which signal nodes are healthy, and that not every shard is in maintenance.",
	},
	{
		"table-nearly-full", telemetry.EdgeTableShare, 0.9, 5, constructs.SilenceIsWell,
		"The table that keeps rooms on their shards is nine tenths full; beyond that the oldest rooms are forgotten.",
		"raise edge.tableSize.",
	},
	{
		"settings-refused", telemetry.SettingsRefused, 1, 1, constructs.SilenceIsWell,
		"The run-time parameter is invalid; the last good values stay in force.",
		"read the event or the Lambda bridges' log for each mistake and its mend, and write the parameter again.",
	},
	{
		"reconcile-errors", telemetry.ReconcileErrors, 1, 3, constructs.SilenceIsWell,
		"A control loop ended in an error in each of three minutes.",
		"read the error in the Lambdas' logs.",
	},
	{
		"agents-silent", telemetry.AgentsSilent, 1, 5, constructs.SilenceIsBad,
		"A node's agent has not answered for five minutes, or the Lambda metrics itself is silent.",
		"see in the Lambda metrics' log which node it is.",
	},
}

func emailID(i int) string { return "Email" + strconv.Itoa(i+1) }
