package alarm

import "github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"

// edgeErrors is how many failures of shards in a minute are told: a handful comes with each reconnect of a laptop.
const edgeErrors = 50

// certificateDays is before when ACM has renewed a certificate that it can renew: it begins 60 days before expiry.
// https://docs.aws.amazon.com/acm/latest/userguide/managed-renewal.html
const certificateDays = 30

func (b *builder) edge() {
	b.add("",
		own("no-shard-up", Page, telemetry.EdgesWithoutShards, 1, 3, Advice{
			"A HAProxy node has no shard to send anybody to. The load balancer sends it nobody.",
			[]string{"every shard is in maintenance", "the signal nodes are down", "the network between HAProxy and them is cut"},
			"run ./scripts/shard list, and see which signal nodes are healthy.",
		}),
		own("edge-silent", Part, telemetry.EdgeSilent, 1, 5, Advice{
			"A HAProxy node says nothing. Users may be well, but no split room is mended while it may remember it.",
			[]string{"the machine hangs or is impaired", "the agent is stopped"},
			"look whether the node serves; if not, terminate its instance and the slot's group replaces it.",
		}),
		own("edge-errors", Part, telemetry.EdgeErrors, edgeErrors, 3, Advice{
			"In each of three minutes fifty connections to shards, or answers of theirs, failed.",
			[]string{"a signal node is overloaded", "Prosody or the web server restarts again and again"},
			"compare EdgeErrors with the CPU of signal nodes; read Prosody's log on the busiest one.",
		}),
		own("split-rooms", Ticket, telemetry.SplitRooms, 1, 3, Advice{
			"A room lives on two shards: its participants do not see each other. It is mended within a minute if it can be.",
			[]string{"a HAProxy node is silent, which keeps rooms from being mended", "two HAProxy nodes disagree on a shard's health"},
			"read in the Lambda shards' log which rooms they are and what keeps them from being mended.",
		}),
		own("censuses-missing", Part, telemetry.CensusesMissing, 1, 10, Advice{
			"For ten minutes a shard's rooms have not been known: its split rooms are not found.",
			[]string{"Prosody's census module does not answer", "the signal node's agent is silent"},
			"see in the Lambda shards' log which shard it is, then ask its signal node's agent.",
		}),
		own("table-nearly-full", Ticket, telemetry.EdgeTableShare, 0.9, 5, Advice{
			"The table that keeps rooms on their shards is nine tenths full; beyond that the oldest rooms are forgotten.",
			[]string{"more rooms than foreseen", "somebody makes up rooms"},
			"raise edge.tableSize, or lower edge.tableExpiry.",
		}),
		Alarm{
			Name: "certificate-near-expiry", Severity: Ticket, Namespace: "AWS/CertificateManager", Metric: "DaysToExpiry",
			Dimensions: map[string]string{"CertificateArn": b.s.CertificateArn},
			Statistic:  Minimum, Threshold: certificateDays, Below: true, Periods: 1, Seconds: day, Missing: SilenceIsWell,
			Advice: Advice{
				"The certificate of the meetings expires in 30 days; after that no browser lets anybody in.",
				[]string{"it was imported, which ACM does not renew", "the DNS record that proves it is gone"},
				"open the certificate in ACM: import a new one under the same ARN, or restore the record that it shows.",
			},
		},
	)
}
