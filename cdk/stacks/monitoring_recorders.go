package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/jitsi-fleet/jitsi-fleet/cdk/constructs"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// watchRecorders alarms on the pool of recorders and on recordings that do not get to S3.
func (f Fleet) watchRecorders(stack awscdk.Stack, alerts string) {
	for _, a := range recorderAlarms {
		f.alarm(stack, a, "", alerts)
	}
	f.alarm(stack, f.stuckSpool(), "", alerts)
	if f.Jibris.Free > 0 {
		f.watchFree(stack, alerts)
	}
	queue := f.names().Undelivered()
	constructs.NewAlarm(stack, constructs.AlarmProps{
		Name: queue + "-not-empty", Namespace: "AWS/SQS", Metric: "ApproximateNumberOfMessagesVisible",
		Dimensions: map[string]string{"QueueName": queue}, Statistic: constructs.Maximum, Threshold: 1, Minutes: 1,
		Missing: constructs.SilenceIsWell, TopicARN: alerts,
		Meaning:   "The Lambda recordings has refused the announcement of a recording for most of a day: it is in S3 and not in the catalogue.",
		FirstStep: "mend what its log complains of, then start a redrive of the queue " + queue + " in the SQS console.",
	})
}

// watchFree watches the recorders on which a recording can start now: fewer than wanted wake the Lambda jibris, and
// none at all is told to people.
func (f Fleet) watchFree(stack awscdk.Stack, alerts string) {
	missing := constructs.AlarmProps{
		Name: f.Settings.Fleet + "-jibris-missing", Statistic: constructs.Minimum, Threshold: float64(f.Jibris.Free - 1), Below: true, Minutes: 1,
		Missing: constructs.SilenceIsWell, TopicARN: f.wakeTopic(stack, fleet.RoleJibri),
		Meaning:   "Fewer recorders are free than the settings want. This alarm wakes the Lambda jibris, which grows the pool.",
		FirstStep: "nothing; the alarm jibris-at-maximum tells when growing is not possible.",
	}
	constructs.NewAlarm(stack, missing.Own(telemetry.JibrisFree, f.Settings.Fleet, ""))

	none := missing
	none.Name, none.Threshold, none.Minutes, none.Missing, none.TopicARN = f.Settings.Fleet+"-no-free-jibri", 0, 2, constructs.SilenceIsBad, alerts
	none.Statistic = constructs.Maximum
	none.Meaning = "No recorder is free: whoever presses the button is refused."
	none.FirstStep = "look whether recorders boot (metric JibrisBooting) or the pool is at its maximum; keep more free for hours like this with a schedule of freeJibris."
	constructs.NewAlarm(stack, none.Own(telemetry.JibrisFree, f.Settings.Fleet, ""))
}

// stuckSpool is a finished recording that stays on its recorder's disk.
func (f Fleet) stuckSpool() alarm {
	return alarm{
		"spool-stuck", telemetry.SpoolOldestSeconds, f.Recordings.LateAfter.D().Seconds(), 1, constructs.SilenceIsWell,
		"A finished recording has waited on its recorder's disk for longer than recordings.lateAfter. The recorder keeps it and tries again without end.",
		"read in that recorder's agent's status why its uploads fail: a right, the network, or the bucket.",
	}
}

var recorderAlarms = []alarm{
	{
		"jibris-at-maximum", telemetry.JibrisShort, 1, 1, constructs.SilenceIsWell,
		"More recorders are needed than jibris.max allows.",
		"raise jibris.max, or keep fewer free at this hour.",
	},
	{
		"jibris-unhealthy", telemetry.JibrisUnhealthy, 1, 5, constructs.SilenceIsWell,
		"For five minutes a recorder has been neither free nor busy. Its agent restarts its container first; then it is replaced.",
		"read the recorder's agent's status, which says in words what fails.",
	},
	{
		"jibris-silent", telemetry.JibrisSilent, 1, 5, constructs.SilenceIsBad,
		"A recorder's agent has not answered for five minutes. It counts as not free, and nothing ends it before it is proven empty.",
		"see in the Lambda metrics' log which node it is.",
	},
	{
		"jibris-frozen", telemetry.JibrisFrozen, 1, 1, constructs.SilenceIsWell,
		"So many recorders look broken at once that the observer is presumed wrong: none is ended.",
		"ask a recorder's agent by hand: one cause for all (a shard's Prosody, the list of shards, the image) is likelier than many.",
	},
	{
		"jibris-overdue", telemetry.JibrisOverdue, 1, 5, constructs.SilenceIsWell,
		"A recorder joins, records or finalizes for longer than its limit.",
		"read the recorder's agent's status; a recording above jibris.recordingLimit goes on until somebody stops it in its room.",
	},
	{
		"jibris-pending", telemetry.JibrisPending, 1, 10, constructs.SilenceIsWell,
		"For ten minutes Auto Scaling has not launched the recorders that the pool's desired capacity asks for.",
		"read the group's activity history: a vCPU quota, or no capacity of the instance type in a zone. More jibris.instanceTypes help.",
	},
	{
		"jibris-retained", telemetry.JibrisRetained, 1, 15, constructs.SilenceIsWell,
		"Auto Scaling retains a recorder after a lapsed hook; it costs money until it is proven empty.",
		"read the Lambda lifecycle's log for what keeps it from being reaped.",
	},
	{
		"jibri-launches-fail", telemetry.JibriLaunchFailures, 3, 1, constructs.SilenceIsWell,
		"Three launches of recorders in a row were given up; launching now backs off.",
		"read the group's activity history and /var/log/cloud-init-output.log of a new node.",
	},
	{
		"uploads-fail", telemetry.SpoolTroubles, 1, 10, constructs.SilenceIsWell,
		"For ten minutes the last upload of a recorder has been one that failed. It tries again without end.",
		"read in that recorder's agent's status why its uploads fail: a right, the network, or the bucket.",
	},
	{
		"recordings-late", telemetry.RecordingsLate, 1, 3, constructs.SilenceIsBad,
		"A recording has ended and is not in S3 after recordings.lateAfter, by the catalogue; or the Lambda recordings itself is silent.",
		"./scripts/recordings shows which and on which recorder; that recorder's agent's status says what keeps it.",
	},
	{
		"recordings-failed", telemetry.RecordingsFailed, 1, 1, constructs.SilenceIsWell,
		"A recording is lost or cut short. It stands in the catalogue with the reason.",
		"./scripts/recordings shows the reason; tell those who wait for it.",
	},
}
