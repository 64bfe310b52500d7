package alarm

import (
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// Functions are the names of the fleet's Lambdas.
func (b *builder) functions() []string {
	names := []string{"metrics", "bridges", "lifecycle", "shards"}
	if b.s.Jibris.Max > 0 {
		names = append(names, "jibris", "recordings")
	}
	return names
}

// slowMillis is the duration of a Lambda's run that leaves ten seconds of its time limit of fifty.
const slowMillis = 40_000

// controlPlane watches every Lambda: that it runs at all, that it succeeds, and what it could not handle.
func (b *builder) controlPlane() {
	for _, name := range b.functions() {
		function := b.name(name)
		lambda := Alarm{
			Severity: Part, Namespace: "AWS/Lambda", Dimensions: map[string]string{"FunctionName": function},
			Statistic: Sum, Threshold: 1, Periods: 3, Seconds: minute, Missing: SilenceIsWell,
		}
		errors, throttles, idle, slow := lambda, lambda, lambda, lambda
		errors.Name, errors.Metric = name+"-errors", "Errors"
		errors.Advice = Advice{
			"The Lambda " + function + " failed in three minutes of five.", []string{"AWS refuses or throttles a call", "a right is missing after a change", "what it needs is not deployed"},
			"read its last error in the log group /jitsi-fleet/" + b.s.Fleet + "/" + name + "; until it is mended nothing that it does is done.",
		}
		throttles.Name, throttles.Metric = name+"-throttles", "Throttles"
		throttles.Advice = Advice{
			"The Lambda " + function + " was not started in three minutes of five.", []string{"another program uses up the account's Lambda concurrency"},
			"raise the account's Lambda concurrency or find what else uses it up.",
		}
		idle.Name, idle.Metric, idle.Threshold, idle.Below, idle.Periods, idle.Missing = name+"-idle", "Invocations", 0, true, 5, SilenceIsBad
		idle.Advice = Advice{
			"The Lambda " + function + ", which is due each minute, has not run in five minutes of seven.", []string{"its schedule's rule is disabled or gone", "its permission is gone", "EventBridge is disturbed in this region"},
			"look at the rule in EventBridge and at the AWS Health Dashboard; deploy the control stack again to restore both.",
		}
		slow.Name, slow.Metric, slow.Statistic, slow.Threshold = name+"-slow", "Duration", Maximum, slowMillis
		slow.Periods = 5 // of runs that take so long because they fail, errors are told first, and alone
		slow.Advice = Advice{
			"A run of the Lambda " + function + " took 40 of its 50 seconds in each of five minutes.", []string{"AWS throttles its calls", "many agents hang until their time limit", "the fleet has outgrown its memory size"},
			"read in its log what it waits for; compare the metric ObserveMillis.",
		}
		b.add("", errors, throttles, idle, slow, b.dead(name+"-dead", Advice{
			"Something that should have woken the Lambda " + function + " was given up; its schedule has covered for it since.",
			[]string{"it failed three times on the same event", "it was throttled for five minutes"},
			"look at a message and at the Lambda's log of that minute (a tick of the schedule says no more than that it failed then), and purge the queue with " +
				"aws sqs purge-queue --queue-url $(aws sqs get-queue-url --queue-name " + b.name(name+"-dead") + " --query QueueUrl --output text).",
		}))
	}
}

// dead watches that a queue for what could not be handled is empty.
func (b *builder) dead(queue string, advice Advice) Alarm {
	return Alarm{
		Name: queue + "-not-empty", Severity: Part, Advice: advice, Namespace: "AWS/SQS", Metric: "ApproximateNumberOfMessagesVisible",
		Dimensions: map[string]string{"QueueName": b.name(queue)}, Statistic: Maximum, Threshold: 1, Periods: 1, Seconds: minute, Missing: SilenceIsWell,
	}
}

// slowObservation is in milliseconds: beyond it, decisions are made on figures that are half a minute old.
const slowObservation = 30_000

// observation watches that the fleet is seen at all.
func (b *builder) observation() {
	// A Lambda that fails or does not run says nothing either: the alarms of that are on before this.
	silent := own("metrics-silent", Part, telemetry.ObserveMillis, slowObservation, 7, Advice{
		"For seven minutes the fleet was not observed, or observing it took half a minute.",
		[]string{"the Lambda metrics fails", "CloudWatch does not read its log", "every agent hangs until its time limit"},
		"read the log of the Lambda metrics.",
	})
	silent.Missing = SilenceIsBad
	b.add("", silent,
		own("agents-silent", Part, telemetry.AgentsSilent, 1, 5, Advice{
			"A node's agent has not answered for five minutes. Nothing ends the node before it is proven empty.",
			[]string{"the machine hangs or is impaired", "the agent is stopped", "its disk is full"},
			"see in the Lambda metrics' log which node it is; look at its EC2 status checks.",
		}),
		own("settings-refused", Ticket, telemetry.SettingsRefused, 1, 1, Advice{
			"The run-time parameter is invalid; the last good values stay in force.", []string{"a slip of the pen", "a value outside the bounds that are deployed"},
			"read the event \"Settings Refused\" or the Lambda bridges' log for each mistake and its mend, and write the parameter again.",
		}),
	)
}
