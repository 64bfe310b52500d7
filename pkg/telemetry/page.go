package telemetry

import (
	"fmt"
	"strings"
)

// Page is the reference of all metrics, in Markdown.
func Page() string {
	var b strings.Builder
	ofFleet, ofShard := Series(true)
	fmt.Fprintf(&b, "# Metrics\n\nWhat the control plane publishes in CloudWatch's namespace `%s`. Made by `go test ./pkg/telemetry -run Page -update`.\n\n", Namespace)
	fmt.Fprintf(&b, "A metric of the whole fleet has the dimension `%s` alone, one of a shard has `%s` and `%s`; none has an instance id. ", DimensionFleet, DimensionFleet, DimensionShard)
	fmt.Fprintf(&b, "They are %d series for the fleet (at most %d, held by a test) and %d for each shard (at most %d), at USD %.2f a month each: ",
		ofFleet, MostFleetSeries, ofShard, MostShardSeries, USDPerSeries)
	fmt.Fprintf(&b, "USD %.2f a month for a fleet of two shards. `./scripts/metrics` computes it for your settings, alarms and dashboards included.\n",
		Bill{Series: ofFleet + 2*ofShard}.USD())
	for _, p := range Parts {
		fmt.Fprintf(&b, "\n## %s\n\n", p.Title)
		if p.Recorders {
			b.WriteString("Only with recorders.\n\n")
		}
		b.WriteString("| metric | unit | of each | meaning |\n|---|---|---|---|\n")
		for _, m := range p.Metrics {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.Name, m.Unit, m.Scope, m.Meaning)
		}
	}
	return b.String()
}
