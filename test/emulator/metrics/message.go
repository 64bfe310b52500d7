package metrics

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// stamp is how CloudWatch writes times in notifications; it is not RFC 3339.
const stamp = "2006-01-02T15:04:05.000-0700"

// regions are the long names that notifications use.
var regions = map[string]string{"us-east-1": "US East (N. Virginia)", "us-west-2": "US West (Oregon)",
	"eu-west-1": "EU (Ireland)", "eu-central-1": "EU (Frankfurt)"}

type dimension struct {
	Value string `json:"value"`
	Name  string `json:"name"`
}

// Subject is the subject of a notification of the change.
func (c Change) Subject(region string) string {
	return string(c.To) + `: "` + c.Alarm.Name + `" in ` + longName(region)
}

// Message is the JSON that CloudWatch publishes to a topic.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
func (c Change) Message(account, region string) []byte {
	a := c.Alarm
	if a.Rule != nil {
		return c.compositeMessage(account, region)
	}
	dimensions := []dimension{}
	for _, name := range slices.Sorted(maps.Keys(a.Series.Dimensions)) {
		dimensions = append(dimensions, dimension{a.Series.Dimensions[name], name})
	}
	trigger := map[string]any{
		"MetricName": a.Series.Name, "Namespace": a.Series.Namespace, "Unit": nil, "Dimensions": dimensions,
		"Period": int(a.Period / time.Second), "EvaluationPeriods": a.Periods, "DatapointsToAlarm": a.Datapoints,
		"ComparisonOperator": a.Comparison, "Threshold": a.Threshold, "TreatMissingData": a.Missing,
		"EvaluateLowSampleCountPercentile": "",
	}
	if a.Statistic[0] == 'p' {
		trigger["StatisticType"], trigger["ExtendedStatistic"] = "ExtendedStatistic", a.Statistic
	} else {
		trigger["StatisticType"], trigger["Statistic"] = "Statistic", a.Statistic
	}
	raw, _ := json.Marshal(map[string]any{ // texts and numbers always encode
		"AlarmName": a.Name, "AlarmDescription": a.Description, "AWSAccountId": account,
		"AlarmConfigurationUpdatedTimestamp": c.At.UTC().Format(stamp), "NewStateValue": c.To,
		"NewStateReason": c.Reason, "StateChangeTime": c.At.UTC().Format(stamp), "Region": longName(region),
		"AlarmArn": a.ARN, "OldStateValue": c.From, "OKActions": listed(a.OKActions),
		"AlarmActions": listed(a.AlarmActions), "InsufficientDataActions": listed(a.InsufficientActions),
		"Trigger": trigger,
	})
	return raw
}

// compositeMessage has the rule in place of a trigger.
func (c Change) compositeMessage(account, region string) []byte {
	a := c.Alarm
	raw, _ := json.Marshal(map[string]any{ // texts always encode
		"AlarmName": a.Name, "AlarmDescription": a.Description, "AWSAccountId": account, "NewStateValue": c.To,
		"NewStateReason": c.Reason, "StateChangeTime": c.At.UTC().Format(stamp), "Region": longName(region),
		"AlarmArn": a.ARN, "OldStateValue": c.From, "OKActions": listed(a.OKActions),
		"AlarmActions": listed(a.AlarmActions), "InsufficientDataActions": listed(a.InsufficientActions), "AlarmRule": a.Rule.Text,
	})
	return raw
}

// Event is the JSON with which CloudWatch invokes a Lambda function as an alarm's action.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html
func (c Change) Event(account, region string) []byte {
	reason, _ := json.Marshal(map[string]any{"version": "1.0", "queryDate": c.At.UTC().Format(stamp)})
	raw, _ := json.Marshal(map[string]any{
		"source": "aws.cloudwatch", "alarmArn": c.Alarm.ARN, "accountId": account, "region": region,
		"time": c.At.UTC().Format(stamp),
		"alarmData": map[string]any{"alarmName": c.Alarm.Name,
			"state": map[string]any{"value": c.To, "reason": c.Reason, "reasonData": string(reason),
				"timestamp": c.At.UTC().Format(stamp)},
			"previousState": map[string]any{"value": c.From},
			"configuration": map[string]any{"description": c.Alarm.Description, "metrics": []any{}}},
	})
	return raw
}

func longName(region string) string {
	if name, ok := regions[region]; ok {
		return name
	}
	return region
}

func listed(actions []string) []string { return append([]string{}, actions...) }
