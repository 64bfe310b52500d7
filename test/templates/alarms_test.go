//go:build !race

package templates

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

const alarmType = "AWS::CloudWatch::Alarm"

func dimensions(alarm resource) map[string]string {
	out := map[string]string{}
	for _, d := range list(alarm.Properties["Dimensions"]) {
		out[at(d, "Name").(string)] = at(d, "Value").(string)
	}
	return out
}

func TestAlarmsNameMetricsThatExistWithTheirDimensions(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		known := map[string]telemetry.Metric{}
		for _, m := range telemetry.All {
			known[m.Name] = m
		}
		shards := map[string]bool{}
		for _, s := range a.settings.Shards {
			shards[s.Name] = true
		}
		var own int
		for alarm := range a.of(alarmType) {
			if alarm.Properties["Namespace"] != telemetry.Namespace {
				continue
			}
			own++
			m, ok := known[alarm.Properties["MetricName"].(string)]
			require.True(t, ok, "%s: no metric %v", alarm.name(), alarm.Properties["MetricName"])
			d := dimensions(alarm)
			assert.Equal(t, a.settings.Fleet, d[telemetry.DimensionFleet], alarm.name())
			want := []string{telemetry.DimensionFleet}
			if m.Scope == telemetry.PerShard {
				want = append(want, telemetry.DimensionShard)
				assert.True(t, shards[d[telemetry.DimensionShard]], alarm.name())
			}
			assert.Equal(t, want, slices.Sorted(maps.Keys(d)), alarm.name())
		}
		assert.Positive(t, own)
	})
}

func TestAnAlarmSaysWhatItMeansAndWhatToDoFirst(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		for alarm := range a.of(alarmType) {
			meaning, first, ok := strings.Cut(alarm.Properties["AlarmDescription"].(string), " First: ")
			assert.True(t, ok && len(meaning) > 20 && len(first) > 10, "%s: %v", alarm.name(), alarm.Properties["AlarmDescription"])
			assert.NotEmpty(t, alarm.Properties["TreatMissingData"], alarm.name())
		}
	})
}

// An alarm is silent when any link is missing: the topic, its policy, its key, the key's policy.
func TestCloudWatchMayTellEveryTopicThatAnAlarmNames(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		account := map[string]map[string]string{"StringEquals": {"aws:SourceAccount": pseudo["AWS::AccountId"]}}
		for alarm := range a.of(alarmType) {
			actions := list(alarm.Properties["AlarmActions"])
			require.NotEmpty(t, actions, alarm.name())
			for _, action := range actions {
				arn := a.resolve(alarm.Stack, action)
				topic, ok := a.find("AWS::SNS::Topic", arn)
				require.True(t, ok, "%s: %s is not deployed", alarm.name(), arn)
				conditions, ok := allows(a.topicPolicy(topic), "cloudwatch.amazonaws.com", "sns:Publish", arn)
				assert.True(t, ok, "%s: the topic's policy", alarm.name())
				assert.Equal(t, account, conditions, "%s: the topic's policy", alarm.name())
				key := a.key(t, topic)
				for _, use := range []string{"kms:Decrypt", "kms:GenerateDataKey"} {
					conditions, ok := allows(a.statements(key.Stack, key.Properties["KeyPolicy"]), "cloudwatch.amazonaws.com", use, "the key itself")
					assert.True(t, ok, "%s: the key's policy lacks %s", alarm.name(), use)
					assert.Equal(t, account, conditions, "%s: the key's policy", alarm.name())
				}
			}
		}
	})
}

func (a assembly) topicPolicy(topic resource) []statement {
	for p := range a.of("AWS::SNS::TopicPolicy") {
		if p.Stack == topic.Stack && at(p.Properties, "Topics", 0, "Ref") == topic.ID {
			return a.statements(p.Stack, p.Properties["PolicyDocument"])
		}
	}
	return nil
}

// key is the customer key of a topic.
func (a assembly) key(t *testing.T, topic resource) resource {
	want := a.resolve(topic.Stack, topic.Properties["KmsMasterKeyId"])
	for k := range a.of("AWS::KMS::Key") {
		if k.Stack+"."+k.ID+".Arn" == want {
			assert.Equal(t, true, k.Properties["EnableKeyRotation"])
			return k
		}
	}
	require.Fail(t, "no key "+want)
	return resource{}
}

func TestAlarmsOfMissingRoomAndRecordersWakeTheControlPlaneAndEveryOtherTellsPeople(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		for alarm := range a.of(alarmType) {
			want := "-alerts"
			switch {
			case alarm.Properties["MetricName"] == telemetry.RoomMissing.Name:
				want = a.settings.Fleet + "-wake"
			case strings.HasSuffix(alarm.Properties["AlarmName"].(string), "-jibris-missing"):
				want = a.settings.Fleet + "-jibri-wake"
			}
			assert.True(t, strings.HasSuffix(a.resolve(alarm.Stack, at(alarm.Properties, "AlarmActions", 0)), want), alarm.name())
		}
	})
}

func TestSilentTelemetryIsItselfAnAlarm(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		silent := map[string]bool{}
		for alarm := range a.of(alarmType) {
			if alarm.Properties["MetricName"] == telemetry.SilentShare.Name {
				silent[dimensions(alarm)[telemetry.DimensionShard]] = true
				assert.Equal(t, "breaching", alarm.Properties["TreatMissingData"], alarm.name())
				assert.EqualValues(t, 2, alarm.Properties["EvaluationPeriods"], alarm.name())
			}
		}
		assert.Len(t, silent, len(a.settings.Shards))
	})
}

func TestPeopleAreSubscribedToTheAlerts(t *testing.T) {
	var told []string
	for s := range wider.of("AWS::SNS::Subscription") {
		if s.Properties["Protocol"] == "email" {
			told = append(told, s.Properties["Endpoint"].(string))
			assert.Contains(t, wider.resolve(s.Stack, s.Properties["TopicArn"]), "-alerts")
		}
	}
	assert.Equal(t, wider.settings.Alerts.Email, told)
}
