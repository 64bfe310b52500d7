package constructs

import (
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// Statistic is how CloudWatch sums up a period's values. EMF is delivered at least once, so alarms on the fleet's
// own metrics use Maximum or Minimum, which a doubled value does not change.
type Statistic string

// The statistics in use.
const (
	Maximum Statistic = "Maximum"
	Minimum Statistic = "Minimum"
	Sum     Statistic = "Sum"
)

// Missing is what silence means to an alarm.
type Missing string

// The meanings in use.
const (
	SilenceIsBad  Missing = "breaching"    // the metric is due each minute
	SilenceIsWell Missing = "notBreaching" // the metric exists when something happened
)

// AlarmProps is one alarm: it fires when the statistic is at or above the threshold, or with Below at or below it, for
// that many minutes in a row.
type AlarmProps struct {
	Name       string
	Meaning    string // what is wrong when it fires
	FirstStep  string // what whoever is told does first
	Namespace  string
	Metric     string
	Dimensions map[string]string // in their names' order in the template
	Statistic  Statistic
	Threshold  float64
	Below      bool
	Minutes    float64
	Missing    Missing
	TopicARN   string
}

// NewAlarm makes the alarm. It tells the topic when it fires and when it is over; actions come on a change of state
// only, so no loop may depend on one.
func NewAlarm(scope constructs.Construct, p AlarmProps) awscloudwatch.CfnAlarm {
	var dimensions []any
	for _, name := range slices.Sorted(maps.Keys(p.Dimensions)) {
		dimensions = append(dimensions, &awscloudwatch.CfnAlarm_DimensionProperty{Name: jsii.String(name), Value: jsii.String(p.Dimensions[name])})
	}
	comparison := "GreaterThanOrEqualToThreshold"
	if p.Below {
		comparison = "LessThanOrEqualToThreshold"
	}
	return awscloudwatch.NewCfnAlarm(scope, jsii.String(Pascal(p.Name)), &awscloudwatch.CfnAlarmProps{
		AlarmName:          jsii.String(p.Name),
		AlarmDescription:   jsii.String(p.Meaning + " First: " + p.FirstStep),
		Namespace:          jsii.String(p.Namespace),
		MetricName:         jsii.String(p.Metric),
		Dimensions:         dimensions,
		Statistic:          jsii.String(string(p.Statistic)),
		ComparisonOperator: jsii.String(comparison),
		Threshold:          jsii.Number(p.Threshold),
		Period:             jsii.Number(60),
		EvaluationPeriods:  jsii.Number(p.Minutes),
		DatapointsToAlarm:  jsii.Number(p.Minutes),
		TreatMissingData:   jsii.String(string(p.Missing)),
		AlarmActions:       Anys(p.TopicARN),
		OkActions:          Anys(p.TopicARN),
	})
}

// Own fills in one of the fleet's own metrics with the dimensions that its scope has.
func (p AlarmProps) Own(m telemetry.Metric, fleetName, shard string) AlarmProps {
	p.Namespace, p.Metric = telemetry.Namespace, m.Name
	p.Dimensions = map[string]string{telemetry.DimensionFleet: fleetName}
	if m.Scope == telemetry.PerShard {
		p.Dimensions[telemetry.DimensionShard] = shard
	}
	return p
}
