//go:build !race

package templates

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/alarm"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

const (
	alarmType     = "AWS::CloudWatch::Alarm"
	compositeType = "AWS::CloudWatch::CompositeAlarm"
)

func dimensions(alarm resource) map[string]string {
	out := map[string]string{}
	for _, d := range list(alarm.Properties["Dimensions"]) {
		if value, plain := at(d, "Value").(string); plain {
			out[at(d, "Name").(string)] = value
		}
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

// telling are the alarms and composite alarms that send messages or wake a loop.
func (a assembly) telling(t *testing.T) map[string]resource {
	all := map[string]resource{}
	for _, kind := range []string{alarmType, compositeType} {
		for r := range a.of(kind) {
			if r.Properties["AlarmActions"] != nil {
				all[r.Properties["AlarmName"].(string)] = r
				assert.Equal(t, r.Properties["AlarmActions"], r.Properties["OKActions"], r.name())
			}
		}
	}
	return all
}

// An alarm is silent when any link is missing: the topic, its policy, its key, the key's policy.
func TestCloudWatchMayTellEveryTopicThatAnAlarmNames(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		topics := map[string]bool{}
		for _, r := range a.telling(t) {
			for _, action := range list(r.Properties["AlarmActions"]) {
				arn := a.resolve(r.Stack, action)
				topics[arn] = true
				a.mayPublish(t, "cloudwatch.amazonaws.com", arn, r.name())
			}
		}
		assert.Len(t, topics, 4, "pages, tickets and two topics of wake-ups")
	})
}

// mayPublish walks from a topic's name to the topic, its policy, its key and the key's policy.
func (a assembly) mayPublish(t *testing.T, service, arn, who string) {
	t.Helper()
	account := map[string]map[string]string{"StringEquals": {"aws:SourceAccount": pseudo["AWS::AccountId"]}}
	topic, ok := a.find("AWS::SNS::Topic", arn)
	require.True(t, ok, "%s: %s is not deployed", who, arn)
	conditions, ok := allows(a.topicPolicy(topic), service, "sns:Publish", arn)
	assert.True(t, ok, "%s: the topic's policy", who)
	assert.Equal(t, account, conditions, "%s: the topic's policy", who)
	key := a.key(t, topic)
	for _, use := range []string{"kms:Decrypt", "kms:GenerateDataKey"} {
		conditions, ok := allows(a.statements(key.Stack, key.Properties["KeyPolicy"]), service, use, "the key itself")
		assert.True(t, ok, "%s: the key's policy lacks %s", who, use)
		assert.Equal(t, account, conditions, "%s: the key's policy", who)
	}
}

// What the inventory says is what is deployed, and the runbook explains every one of them.
func TestTheDeployedAlarmsAreTheInventoryAndTheRunbookExplainsThem(t *testing.T) {
	runbook, err := os.ReadFile(filepath.Join("..", "..", "pkg", "alarm", "README.md"))
	require.NoError(t, err)
	every(t, func(t *testing.T, a assembly) {
		inventory, headings := alarm.Of(a.settings), alarm.Headings(a.settings)
		deployed := map[string]bool{}
		for _, kind := range []string{alarmType, compositeType} {
			for r := range a.of(kind) {
				name := r.Properties["AlarmName"].(string)
				deployed[name] = true
				assert.Contains(t, string(runbook), "\n### "+headings[name]+"\n")
			}
		}
		assert.Len(t, deployed, len(inventory.Alarms)+len(inventory.Composites))
		assert.Len(t, headings, len(deployed))
		for name := range headings {
			assert.True(t, deployed[name], name)
		}
		suffix := map[alarm.Severity]string{alarm.Page: "-pages", alarm.Ticket: "-tickets", alarm.Wake: "wake"}
		telling := a.telling(t)
		told := func(name string, severity alarm.Severity) {
			r, tells := telling[name]
			require.Equal(t, severity != alarm.Part, tells, name)
			if tells {
				assert.True(t, strings.HasSuffix(a.resolve(r.Stack, at(r.Properties, "AlarmActions", 0)), suffix[severity]), name)
			}
		}
		for _, one := range inventory.Alarms {
			told(one.Name, one.Severity)
		}
		for _, one := range inventory.Composites {
			told(one.Name, one.Severity)
		}
	})
}

func TestACompositeIsMadeAfterTheAlarmsThatItNames(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		byName := map[string]resource{}
		for _, kind := range []string{alarmType, compositeType} {
			for r := range a.of(kind) {
				byName[r.Properties["AlarmName"].(string)] = r
			}
		}
		for c := range a.of(compositeType) {
			after := map[string]bool{}
			for _, id := range list(c.DependsOn) {
				after[id.(string)] = true
			}
			for _, named := range regexp.MustCompile(`ALARM\("([^"]+)"\)`).FindAllStringSubmatch(c.Properties["AlarmRule"].(string), -1) {
				other, ok := byName[named[1]]
				require.True(t, ok, "%s names %s, which is not deployed", c.name(), named[1])
				assert.True(t, after[other.ID], "%s is not made after %s", c.name(), named[1])
			}
		}
	})
}

func TestALambdasAlarmsNameALambdaThatIsDeployed(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		watched := map[string]map[string]bool{}
		for r := range a.of(alarmType) {
			if r.Properties["Namespace"] == "AWS/Lambda" {
				name := dimensions(r)["FunctionName"]
				if watched[name] == nil {
					watched[name] = map[string]bool{}
				}
				watched[name][r.Properties["MetricName"].(string)] = true
			}
		}
		all := map[string]bool{"Errors": true, "Throttles": true, "Invocations": true, "Duration": true}
		n := 0
		for f := range a.of(functionType) {
			n++
			assert.Equal(t, all, watched[f.Properties["FunctionName"].(string)], f.name())
		}
		assert.Len(t, watched, n)
	})
}

func TestTheCertificateInUseIsWatched(t *testing.T) {
	for name, a := range map[string]assembly{"made by the fleet": deployed, "the operator's": wider} {
		t.Run(name, func(t *testing.T) {
			used := ""
			for l := range a.of("AWS::ElasticLoadBalancingV2::Listener") {
				if arn := at(l.Properties, "Certificates", 0, "CertificateArn"); arn != nil {
					used = a.resolve(l.Stack, arn)
				}
			}
			require.NotEmpty(t, used)
			watched := 0
			for r := range a.of(alarmType) {
				if r.Properties["MetricName"] == "DaysToExpiry" {
					watched++
					assert.Equal(t, used, a.resolve(r.Stack, at(r.Properties, "Dimensions", 0, "Value")))
				}
			}
			assert.Equal(t, 1, watched)
		})
	}
}

func TestABudgetIsToldOnATopicThatItMayUse(t *testing.T) {
	for b := range deployed.of("AWS::Budgets::Budget") {
		assert.Fail(t, "no budget is asked for", b.name())
	}
	n := 0
	for b := range wider.of("AWS::Budgets::Budget") {
		n++
		assert.EqualValues(t, wider.settings.Alerts.MonthlyBudgetUSD, at(b.Properties, "Budget", "BudgetLimit", "Amount"))
		assert.Equal(t, []any{"user:jitsi-fleet:fleet$wide"}, at(b.Properties, "Budget", "CostFilters", "TagKeyValue"))
		notices := list(b.Properties["NotificationsWithSubscribers"])
		assert.Len(t, notices, 2)
		for _, notice := range notices {
			wider.mayPublish(t, "budgets.amazonaws.com", wider.resolve(b.Stack, at(notice, "Subscribers", 0, "Address")), b.name())
		}
	}
	assert.Equal(t, 1, n)
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

func TestOnlyWhatIsThereFromTheFirstMinuteMayBeMissed(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		var bad []string
		for r := range a.of(alarmType) {
			if r.Properties["TreatMissingData"] != "notBreaching" {
				bad = append(bad, r.Properties["MetricName"].(string))
				assert.GreaterOrEqual(t, r.Properties["EvaluationPeriods"], 3.0, r.name())
			}
		}
		slices.Sort(bad)
		assert.Equal(t, []string{"Invocations", telemetry.ObserveMillis.Name}, slices.Compact(bad))
	})
}

func TestPeopleAreSubscribedBySeverity(t *testing.T) {
	told := map[string][]string{}
	for s := range wider.of("AWS::SNS::Subscription") {
		if s.Properties["Protocol"] == "email" {
			arn := wider.resolve(s.Stack, s.Properties["TopicArn"])
			topic := arn[strings.LastIndex(arn, ":")+1:]
			told[topic] = append(told[topic], s.Properties["Endpoint"].(string))
		}
	}
	assert.Equal(t, map[string][]string{
		"wide-pages": append(slices.Clone(wider.settings.Alerts.Email), wider.settings.Alerts.PageEmail...), "wide-tickets": wider.settings.Alerts.Email,
	}, told)
}
