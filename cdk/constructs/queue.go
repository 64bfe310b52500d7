package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// deadRetention is how long what could not be handled waits for a person: SQS's maximum of 14 days, in seconds.
const deadRetention = 14 * 24 * 60 * 60

// maxReceives is how often a message is tried before it goes to the dead-letter queue. AWS advises at least 5 for
// queues that feed a function: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
const maxReceives = 5

// Queue is an SQS queue.
type Queue struct {
	awssqs.CfnQueue
	ARN     string
	senders []Statement
}

// NewDeadQueue is a queue for what could not be handled. It is encrypted with SQS's own key, which every service
// that sends dead letters may use.
func NewDeadQueue(scope constructs.Construct, id, name string) *Queue {
	q := awssqs.NewCfnQueue(scope, jsii.String(id), &awssqs.CfnQueueProps{
		QueueName:              jsii.String(name),
		MessageRetentionPeriod: jsii.Number(deadRetention),
		SqsManagedSseEnabled:   true,
	})
	Justify(q, Finding{"AwsSolutions-SQS3", "This is itself the dead-letter queue; an alarm watches that it is empty."})
	return &Queue{CfnQueue: q, ARN: ARN(scope, "sqs", name)}
}

// NewQueue is a queue that feeds a function of the given timeout in seconds. Its visibility timeout is six times
// that, as AWS asks: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
func NewQueue(scope constructs.Construct, id, name string, dead *Queue, functionTimeout float64) *Queue {
	q := awssqs.NewCfnQueue(scope, jsii.String(id), &awssqs.CfnQueueProps{
		QueueName:            jsii.String(name),
		VisibilityTimeout:    jsii.Number(6 * functionTimeout),
		SqsManagedSseEnabled: true,
		RedrivePolicy:        map[string]any{"deadLetterTargetArn": *dead.AttrArn(), "maxReceiveCount": maxReceives},
	})
	return &Queue{CfnQueue: q, ARN: ARN(scope, "sqs", name)}
}

// Keep makes the queue of something that must not be lost: it waits for as long as SQS lets it, and is tried receives
// times before a person has to look.
func (q *Queue) Keep(receives int, dead *Queue) {
	q.SetMessageRetentionPeriod(jsii.Number(deadRetention))
	q.SetRedrivePolicy(map[string]any{"deadLetterTargetArn": *dead.AttrArn(), "maxReceiveCount": receives})
}

// Follow subscribes the queue to a topic; what cannot be delivered goes to the dead-letter queue.
func (q *Queue) Follow(scope constructs.Construct, id string, topic awssns.CfnTopic, dead *Queue) {
	q.Accept(id, "sns.amazonaws.com", *topic.Ref())
	dead.Accept(id, "sns.amazonaws.com", *topic.Ref())
	awssns.NewCfnSubscription(scope, jsii.String(id), &awssns.CfnSubscriptionProps{
		TopicArn: *topic.Ref(), Protocol: jsii.String("sqs"), Endpoint: *q.AttrArn(),
		RedrivePolicy: map[string]any{"deadLetterTargetArn": *dead.AttrArn()},
	})
}

// Accept lets a service send to the queue on behalf of one resource.
func (q *Queue) Accept(sid, service, sourceARN string) {
	q.senders = append(q.senders, Statement{
		Sid: sid, Principal: Service(service), Actions: []string{"sqs:SendMessage"},
		Resources: []string{*q.AttrArn()}, Conditions: From(sourceARN),
	})
}

// Close writes the queue's policy: who may send, and nothing without TLS. Call it once, after the last Accept.
func (q *Queue) Close(scope constructs.Construct, id string) {
	awssqs.NewCfnQueuePolicy(scope, jsii.String(id), &awssqs.CfnQueuePolicyProps{
		Queues:         jsii.Strings(*q.Ref()),
		PolicyDocument: Policy(append(q.senders, OnlyTLS("sqs:*", *q.AttrArn()))...),
	})
}

// OnlyTLS denies everything that does not come encrypted.
func OnlyTLS(actions string, resources ...string) Statement {
	return Statement{
		Sid: "OnlyTLS", Deny: true, Principal: Everyone(), Actions: []string{actions}, Resources: resources,
		Conditions: map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
	}
}
