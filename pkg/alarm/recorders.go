package alarm

import (
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

func (b *builder) recorders() {
	b.add("", recorderAlarms...)
	if b.s.Jibris.Free == 0 {
		return
	}
	missing := own("jibris-missing", Wake, telemetry.JibrisFree, float64(b.s.Jibris.Free-1), 1, Advice{
		"Fewer recorders are free than the settings want. This alarm wakes the Lambda jibris, which grows the pool.",
		[]string{"recordings begin"}, "nothing; the alarm recorders-short tells when growing is not possible.",
	})
	missing.Statistic, missing.Below, missing.Wakes = Minimum, true, fleet.RoleJibri
	// A fleet that boots has none free either, for as long as one takes.
	none := own("no-free-jibri", Part, telemetry.JibrisFree, 0, minutesOf(b.s.Jibris.BootTime.D()+bootMargin), Advice{
		"For longer than a recorder takes to boot, none has been free: whoever presses the button is refused.",
		[]string{"more recordings at once than the pool may have", "recorders boot and do not become healthy"},
		"look whether recorders boot (JibrisBooting) or the pool is at its maximum; keep more free for hours like this with a schedule of freeJibris.",
	})
	none.Below = true
	b.add("", missing, none)
}

// short are the parts of recorders-short.
func (b *builder) short() []string {
	parts := []string{b.name("jibris-at-maximum"), b.name("jibris-pending"), b.name("jibri-launches-fail")}
	if b.s.Jibris.Free > 0 {
		parts = append(parts, b.name("no-free-jibri"))
	}
	return parts
}

var recorderAlarms = []Alarm{
	own("jibris-at-maximum", Part, telemetry.JibrisShort, 1, 2, Advice{
		"More recorders are needed than jibris.max allows.", []string{"more recordings at once than foreseen"},
		"raise jibris.max, or keep fewer free at this hour.",
	}),
	own("jibris-pending", Part, telemetry.JibrisPending, 1, 10, Advice{
		"For ten minutes Auto Scaling has not launched the recorders that the pool's desired capacity asks for.",
		[]string{"a vCPU quota", "no capacity of the instance type in a zone"},
		"read the group's activity history. More jibris.instanceTypes help.",
	}),
	own("jibri-launches-fail", Part, telemetry.JibriLaunchFailures, 3, 1, Advice{
		"Three launches of recorders in a row were given up; launching now backs off.", []string{"the image or a boot script fails", "no Jicofo sees the new recorders"},
		"read the group's activity history and the console output of a new node (aws ec2 get-console-output --latest).",
	}),
	own("jibris-frozen", Part, telemetry.JibrisFrozen, 1, 2, Advice{
		"For two minutes so many recorders have looked broken at once that the observer is presumed wrong: none is ended.", []string{"a shard's Prosody fails", "the list of shards is wrong", "the image fails"},
		"see in the Lambda metrics' log what they say: one cause for all is likelier than many.",
	}),
	own("jibris-unhealthy", Part, telemetry.JibrisUnhealthy, 1, 5, Advice{
		"For five minutes a recorder has been neither free nor busy. Its agent restarts its container first; then it is replaced.",
		[]string{"Chrome or ffmpeg hangs", "its disk is full", "it cannot join a shard"},
		"see under \"unwell\" in the Lambda metrics' log which it is and what fails there.",
	}),
	own("jibris-overdue", Part, telemetry.JibrisOverdue, 1, 5, Advice{
		"A recorder joins, records or finalizes for longer than its limit, or was told to end, has nothing to do and does not.", []string{"somebody forgot to stop a recording", "a room that cannot be joined", "its container cannot be stopped"},
		"see under \"unwell\" in the Lambda metrics' log which it is; a recording above jibris.recordingLimit goes on until somebody stops it in its room.",
	}),
	own("jibris-retained", Ticket, telemetry.JibrisRetained, 1, 15, Advice{
		"Auto Scaling retains a recorder after a lapsed hook; it costs money until it is proven empty.", []string{"a recording on it is not in S3", "the Lambda lifecycle was down for longer than bridges.hookTimeout"},
		"read the Lambda lifecycle's log for what keeps it from being reaped.",
	}),
}

// recordings watches that what was recorded gets to S3.
func (b *builder) recordings() {
	b.add("",
		own("spool-stuck", Part, telemetry.SpoolOldestSeconds, b.s.Recordings.LateAfter.D().Seconds(), 1, Advice{
			"A finished recording has waited on its recorder's disk for longer than recordings.lateAfter. The recorder keeps it and tries again without end.",
			[]string{"a right on the bucket or its key", "no route to S3"},
			"see under \"unwell\" in the Lambda metrics' log which recorder it is and why its uploads fail.",
		}),
		own("uploads-fail", Part, telemetry.SpoolTroubles, 1, 10, Advice{
			"For ten minutes the last upload of a recorder has been one that failed. It tries again without end.",
			[]string{"a right on the bucket or its key", "no route to S3"},
			"see under \"unwell\" in the Lambda metrics' log which recorder it is and why its uploads fail.",
		}),
		own("recordings-late", Part, telemetry.RecordingsLate, 1, 3, Advice{
			"A recording has ended and is not in S3 after recordings.lateAfter, by the catalogue.",
			[]string{"its upload fails", "its recorder was lost", "its checksum in S3 is another"},
			"./scripts/recordings list shows which and on which recorder; under \"unwell\" in the Lambda metrics' log it says what keeps it.",
		}),
		own("recordings-failed", Page, telemetry.RecordingsFailed, 1, 1, Advice{
			"A recording is lost or cut short. It stands in the catalogue with the reason.", []string{"its recorder was lost before it had uploaded", "the encoder died"},
			"./scripts/recordings list shows the reason; tell those who wait for it.",
		}),
		b.dead("recordings-undelivered", Advice{
			"The Lambda recordings has refused the announcement of a recording for most of a day: it is in S3 and not in the catalogue.",
			[]string{"an announcement that is malformed", "a right on the catalogue"},
			"mend what its log complains of, then let them be delivered again with aws sqs start-message-move-task --source-arn " +
				"$(aws sqs get-queue-attributes --queue-url $(aws sqs get-queue-url --queue-name " + b.name("recordings-undelivered") + " --query QueueUrl --output text) " +
				"--attribute-names QueueArn --query Attributes.QueueArn --output text).",
		}),
	)
}
