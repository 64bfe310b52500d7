//go:build !race

package templates

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

const (
	queueType    = "AWS::SQS::Queue"
	functionType = "AWS::Lambda::Function"
)

// queueAllows reports whether a queue's policy lets a service send for a source.
func (a assembly) queueAllows(queue, service, source string) bool {
	for p := range a.of("AWS::SQS::QueuePolicy") {
		for _, s := range a.statements(p.Stack, p.Properties["PolicyDocument"]) {
			_, ok := allows([]statement{s}, service, "sqs:SendMessage", queue)
			if ok && s.Conditions["ArnEquals"]["aws:SourceArn"] == source {
				return true
			}
		}
	}
	return false
}

func TestWhateverCannotBeHandledGoesToAWatchedQueue(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		dead := map[string]bool{} // ARNs of dead-letter queues
		take := func(stack string, target any, whose string) {
			require.NotNil(t, target, "%s has no dead-letter queue", whose)
			arn := a.resolve(stack, target)
			_, ok := a.find(queueType, arn)
			assert.True(t, ok, "%s: its dead-letter queue %s is not deployed", whose, arn)
			dead[arn] = true
		}
		for f := range a.of(functionType) {
			take(f.Stack, at(f.Properties, "DeadLetterConfig", "TargetArn"), f.name())
			role := a.templates[f.Stack].Resources[at(f.Properties, "Role", "Fn::GetAtt", 0).(string)]
			assert.True(t, a.roleMay(f.Stack, role, "sqs:SendMessage", a.resolve(f.Stack, at(f.Properties, "DeadLetterConfig", "TargetArn"))), f.name())
		}
		for r := range a.of("AWS::Events::Rule") {
			for _, target := range list(r.Properties["Targets"]) {
				take(r.Stack, at(target, "DeadLetterConfig", "Arn"), r.name())
				assert.True(t, a.queueAllows(a.resolve(r.Stack, at(target, "DeadLetterConfig", "Arn")), "events.amazonaws.com", a.attribute(r.Stack, r.ID, "Arn")), r.name())
			}
		}
		for s := range a.of("AWS::SNS::Subscription") {
			if s.Properties["Protocol"] == "email" {
				continue
			}
			take(s.Stack, at(s.Properties, "RedrivePolicy", "deadLetterTargetArn"), s.name())
			assert.True(t, a.queueAllows(a.resolve(s.Stack, at(s.Properties, "RedrivePolicy", "deadLetterTargetArn")), "sns.amazonaws.com", a.resolve(s.Stack, s.Properties["TopicArn"])), s.name())
		}
		for q := range a.of(queueType) {
			if !dead[a.attribute(q.Stack, q.ID, "Arn")] {
				take(q.Stack, at(q.Properties, "RedrivePolicy", "deadLetterTargetArn"), q.name())
				assert.GreaterOrEqual(t, at(q.Properties, "RedrivePolicy", "maxReceiveCount"), 5.0, q.name())
			}
		}
		watched := map[string]bool{}
		for alarm := range a.of(alarmType) {
			if alarm.Properties["MetricName"] == "ApproximateNumberOfMessagesVisible" {
				watched["arn:aws:sqs:eu-central-1:123456789012:"+dimensions(alarm)["QueueName"]] = true
			}
		}
		assert.Equal(t, dead, watched, "each dead-letter queue has its alarm")
	})
}

func TestQueuesAreEncryptedAndTakeNothingWithoutTLS(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		guarded := map[string]bool{}
		for p := range a.of("AWS::SQS::QueuePolicy") {
			for _, s := range list(at(p.Properties, "PolicyDocument", "Statement")) {
				if at(s, "Effect") == "Deny" && at(s, "Condition", "Bool", "aws:SecureTransport") == "false" {
					guarded[at(p.Properties, "Queues", 0, "Ref").(string)] = true
				}
			}
		}
		for q := range a.of(queueType) {
			assert.Equal(t, true, q.Properties["SqsManagedSseEnabled"], q.name())
			assert.True(t, guarded[q.ID], q.name())
		}
	})
}

func TestEveryFunctionIsWokenEachMinuteAndMayBe(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		minutely := map[string]bool{}
		for r := range a.of("AWS::Events::Rule") {
			function := a.resolve(r.Stack, at(r.Properties, "Targets", 0, "Arn"))
			if r.Properties["ScheduleExpression"] == "rate(1 minute)" {
				minutely[function] = true
			}
			assert.True(t, a.mayInvoke("events.amazonaws.com", a.attribute(r.Stack, r.ID, "Arn"), function), r.name())
		}
		for f := range a.of(functionType) {
			assert.True(t, minutely[a.attribute(f.Stack, f.ID, "Arn")], f.name())
		}
	})
}

// mayInvoke reports whether a Lambda permission lets a service invoke a function for a source.
func (a assembly) mayInvoke(service, source, function string) bool {
	for p := range a.of("AWS::Lambda::Permission") {
		if p.Properties["Principal"] == service && p.Properties["Action"] == "lambda:InvokeFunction" &&
			a.resolve(p.Stack, p.Properties["SourceArn"]) == source && a.resolve(p.Stack, p.Properties["FunctionName"]) == function {
			return true
		}
	}
	return false
}

func TestWakeUpsAndParameterChangesReachTheLambdaBridges(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		bridges := "arn:aws:lambda:eu-central-1:123456789012:function:" + a.settings.Fleet + "-bridges"
		topic := "arn:aws:sns:eu-central-1:123456789012:" + a.settings.Fleet + "-wake"
		assert.True(t, a.mayInvoke("sns.amazonaws.com", topic, bridges))
		var subscribed, follows bool
		for s := range a.of("AWS::SNS::Subscription") {
			subscribed = subscribed || a.resolve(s.Stack, s.Properties["TopicArn"]) == topic && a.resolve(s.Stack, s.Properties["Endpoint"]) == bridges
		}
		for r := range a.of("AWS::Events::Rule") {
			follows = follows || at(r.Properties, "EventPattern", "detail", "name", 0) == settings.RuntimeParameter(a.settings.Fleet) &&
				a.resolve(r.Stack, at(r.Properties, "Targets", 0, "Arn")) == bridges
		}
		assert.True(t, subscribed, "the topic is not subscribed")
		assert.True(t, follows, "no rule follows the parameter")
	})
}

func TestALambdaThatIsFedByAQueueReportsWhatFailed(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		fed := map[string][2]any{} // batch and window by function
		for m := range a.of("AWS::Lambda::EventSourceMapping") {
			assert.Equal(t, []any{"ReportBatchItemFailures"}, m.Properties["FunctionResponseTypes"])
			queue, ok := a.find(queueType, a.resolve(m.Stack, m.Properties["EventSourceArn"]))
			require.True(t, ok)
			function := a.templates[m.Stack].Resources[at(m.Properties, "FunctionName", "Ref").(string)]
			fed[function.Properties["FunctionName"].(string)] = [2]any{m.Properties["BatchSize"], m.Properties["MaximumBatchingWindowInSeconds"]}
			timeout := function.Properties["Timeout"].(float64)
			assert.GreaterOrEqual(t, queue.Properties["VisibilityTimeout"], 6*timeout)
			role := a.templates[m.Stack].Resources[at(function.Properties, "Role", "Fn::GetAtt", 0).(string)]
			for _, action := range []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"} {
				assert.True(t, a.roleMay(m.Stack, role, action, a.attribute(queue.Stack, queue.ID, "Arn")), action)
			}
		}
		name := a.settings.Fleet
		assert.Equal(t, map[string][2]any{
			name + "-lifecycle": {10.0, nil}, name + "-recordings": {10.0, nil},
			name + "-jibris": {100.0, 1.0}, // more than 10 at once need a window
		}, fed)
	})
}
