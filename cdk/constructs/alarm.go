package constructs

import (
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/alarm"
)

// NewAlarm makes an alarm of the inventory. It tells the topic when it fires and when it is over; with an empty topic it
// tells nobody. Actions come on a change of state only, so no loop may depend on one.
func NewAlarm(scope constructs.Construct, a alarm.Alarm, topicARN string) awscloudwatch.CfnAlarm {
	var dimensions []any
	for _, name := range slices.Sorted(maps.Keys(a.Dimensions)) {
		dimensions = append(dimensions, &awscloudwatch.CfnAlarm_DimensionProperty{Name: jsii.String(name), Value: jsii.String(a.Dimensions[name])})
	}
	comparison := "GreaterThanOrEqualToThreshold"
	if a.Below {
		comparison = "LessThanOrEqualToThreshold"
	}
	return awscloudwatch.NewCfnAlarm(scope, jsii.String(Pascal(a.Name)), &awscloudwatch.CfnAlarmProps{
		AlarmName:          jsii.String(a.Name),
		AlarmDescription:   jsii.String(a.Text()),
		Namespace:          jsii.String(a.Namespace),
		MetricName:         jsii.String(a.Metric),
		Dimensions:         dimensions,
		Statistic:          jsii.String(string(a.Statistic)),
		ComparisonOperator: jsii.String(comparison),
		Threshold:          jsii.Number(a.Threshold),
		Period:             jsii.Number(float64(a.Seconds)),
		EvaluationPeriods:  jsii.Number(float64(a.Looked())),
		DatapointsToAlarm:  jsii.Number(float64(a.Periods)),
		TreatMissingData:   jsii.String(string(a.Missing)),
		AlarmActions:       told(topicARN),
		OkActions:          told(topicARN),
	})
}

// NewComposite makes a composite alarm of the inventory, after those that it names.
func NewComposite(scope constructs.Construct, c alarm.Composite, topicARN string, after []awscdk.CfnResource) awscloudwatch.CfnCompositeAlarm {
	composite := awscloudwatch.NewCfnCompositeAlarm(scope, jsii.String(Pascal(c.Name)), &awscloudwatch.CfnCompositeAlarmProps{
		AlarmName:        jsii.String(c.Name),
		AlarmDescription: jsii.String(c.Text()),
		AlarmRule:        jsii.String(c.Rule()),
		AlarmActions:     told(topicARN),
		OkActions:        told(topicARN),
	})
	for _, other := range after {
		composite.AddDependency(other)
	}
	return composite
}

func told(topicARN string) *[]any {
	if topicARN == "" {
		return nil
	}
	return Anys(topicARN)
}
