package alarm

import "slices"

// composeFleet makes one message of what one failure shows in many alarms.
func (b *builder) composeFleet() {
	var failing, ailing []string
	for _, name := range b.functions() {
		failing = append(failing, b.name(name+"-errors"), b.name(name+"-throttles"), b.name(name+"-idle"))
		ailing = append(ailing, b.name(name+"-slow"), b.name(name+"-dead-not-empty"))
	}
	b.compose(b.name("control-plane-failing"), Page, failing, nil, Advice{
		"A Lambda of the control plane does not do its work: nothing that is up ends, but what it does is not done.",
		[]string{"AWS refuses or throttles a call", "a deployment that is half done", "what it needs (the table, the secret) is gone"},
		"look which Lambda's part is in alarm and read its last error in its log group under /jitsi-fleet/" + b.s.Fleet + "/.",
	})
	b.compose(b.name("control-plane-ailing"), Ticket, ailing, []string{b.name("control-plane-failing")}, Advice{
		"A Lambda of the control plane is slow, or gave up an event that its schedule has covered for since.",
		[]string{"it failed for a while", "AWS throttled its calls"},
		"look which part is in alarm; read and purge the dead-letter queue that it names.",
	})
	blind := slices.Concat([]string{b.name("metrics-silent")}, b.each("nodes-silent"))
	if b.s.Jibris.Max > 0 {
		blind = append(blind, b.name("jibris-frozen"))
	}
	metricsFails := []string{b.name("metrics-errors"), b.name("metrics-throttles"), b.name("metrics-idle")}
	b.compose(b.name("telemetry-silent"), Page, blind, metricsFails, Advice{
		"The fleet, or much of it, is not seen. Nothing is shrunk or ended meanwhile, and growth is blind.",
		[]string{"a security group, the secret or a route was changed", "a zone is disturbed", "CloudWatch does not read the Lambdas' logs"},
		"look at the Lambda metrics' log: one cause for all nodes is likelier than many.",
	})
	silent := b.name("telemetry-silent")
	unhealthy := b.each("unhealthy")
	b.compose(b.name("node-silent"), Ticket, []string{b.name("agents-silent"), b.name("edge-silent")}, append([]string{silent}, unhealthy...), Advice{
		"A node says nothing, and nothing else is known to be wrong.", []string{"the machine hangs or is impaired", "its agent is stopped"},
		"see in the log of the Lambda metrics, or for HAProxy nodes of shards, which node it is; look at its EC2 status checks.",
	})
	b.compose(b.name("rooms-unwatched"), Ticket, []string{b.name("censuses-missing")}, append([]string{silent, b.name("no-shard-up")}, unhealthy...), Advice{
		"A shard serves, but its rooms are not known: its split rooms are not found.", []string{"Prosody's census module does not answer"},
		"see in the Lambda shards' log which shard it is, then ask its signal node's agent.",
	})
	b.compose(b.name("edge-failing"), Ticket, []string{b.name("edge-errors")}, append([]string{b.name("no-shard-up")}, unhealthy...), Advice{
		"HAProxy's connections to shards fail though no shard is down.", []string{"a signal node is overloaded", "Prosody or the web server restarts again and again"},
		"compare EdgeErrors with the CPU of signal nodes; read Prosody's log on the busiest one.",
	})
	if b.s.Jibris.Max > 0 {
		b.composeRecorders(silent)
	}
}

func (b *builder) composeRecorders(silent string) {
	b.compose(b.name("recorders-short"), Page, b.short(), []string{silent}, Advice{
		"Recordings are refused, or will be: fewer recorders are free than people need.",
		[]string{"the pool is at its maximum", "a vCPU quota, or no capacity in a zone", "recorders do not become healthy"},
		"look which of its parts is in alarm: raise jibris.max, ask for quota, or see in the Lambda metrics' log what a new recorder lacks.",
	})
	b.compose(b.name("recorders-ailing"), Ticket, []string{b.name("jibris-unhealthy"), b.name("jibris-overdue")}, []string{b.name("recorders-short"), silent}, Advice{
		"A recorder hangs; enough others are free.", []string{"Chrome or ffmpeg hangs", "somebody forgot to stop a recording"},
		"see under \"unwell\" in the Lambda metrics' log which it is and what fails there.",
	})
	b.compose(b.name("recordings-stuck"), Page,
		[]string{b.name("spool-stuck"), b.name("uploads-fail"), b.name("recordings-late"), b.name("recordings-undelivered-not-empty")}, nil, Advice{
			"Finished recordings do not get to S3 or to the catalogue. Nothing is lost: recorders keep them and try again.",
			[]string{"a right on the bucket or its key was changed", "no route to S3", "the Lambda recordings fails"},
			"./scripts/recordings list shows which and where; under \"unwell\" in the Lambda metrics' log each recorder says what keeps it.",
		})
}
