package telemetry

// What CloudWatch costs a month in us-east-1, in USD: https://aws.amazon.com/cloudwatch/pricing/. The figures are
// as remembered in November 2026 and as others quote them, not checked against that page, which draws them by script. The
// free tier (ten metrics, ten alarms and three dashboards of an account) is not taken off.
const (
	USDPerSeries    = 0.30 // a custom metric with its dimensions, of an account's first 10,000
	USDPerAlarm     = 0.10 // a standard-resolution metric alarm
	USDPerComposite = 0.50 // a composite alarm
	USDPerDashboard = 3.00
)

// The most series that a fleet may have: a custom metric is paid for with each value of its dimensions.
const (
	MostFleetSeries = 60
	MostShardSeries = 35 // of each shard
)

// Series counts the custom metrics of a fleet: those of the whole fleet and those of each shard.
func Series(recorders bool) (ofFleet, ofShard int) {
	for _, p := range Parts {
		if p.Recorders && !recorders {
			continue
		}
		for _, m := range p.Metrics {
			if m.Scope == PerShard {
				ofShard++
			} else {
				ofFleet++
			}
		}
	}
	return ofFleet, ofShard
}

// Bill is what is paid for in CloudWatch, beside the logs that carry the metrics.
type Bill struct{ Series, Alarms, Composites, Dashboards int }

// USD is the bill of a month.
func (b Bill) USD() float64 {
	return float64(b.Series)*USDPerSeries + float64(b.Alarms)*USDPerAlarm + float64(b.Composites)*USDPerComposite + float64(b.Dashboards)*USDPerDashboard
}
