package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/jitsi-fleet/jitsi-fleet/cdk/constructs"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// rights are what each Lambda may do: reading is the same for all, changing is not.
type rights struct {
	fleet Fleet
	stack awscdk.Stack
	table string // ARN
}

func (r rights) metrics() []constructs.Statement {
	return r.observe()
}

func (r rights) bridges() []constructs.Statement {
	return append(r.observe(), r.state("dynamodb:GetItem", "dynamodb:UpdateItem"), r.values(), r.tell(),
		r.change("autoscaling:SetDesiredCapacity", "autoscaling:SuspendProcesses", "autoscaling:TerminateInstanceInAutoScalingGroup"))
}

func (r rights) jibris() []constructs.Statement {
	return append(r.bridges(), constructs.Statement{
		Sid: "Wakes", Actions: receive, Resources: []string{constructs.ARN(r.stack, "sqs", r.fleet.names().JibrisQueue())},
	})
}

// receive is what it takes to be fed by a queue.
var receive = []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}

func (r rights) lifecycle() []constructs.Statement {
	return append(r.observe(), r.state("dynamodb:UpdateItem"), r.tell(),
		r.change("autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat", "autoscaling:TerminateInstanceInAutoScalingGroup"),
		constructs.Statement{
			Sid: "Hooks", Actions: receive,
			Resources: []string{constructs.ARN(r.stack, "sqs", r.fleet.names().LifecycleQueue())},
		},
		constructs.Statement{
			Sid: "SignalNames", Actions: []string{"route53:ChangeResourceRecordSets"},
			Resources: []string{"arn:" + *awscdk.Aws_PARTITION() + ":route53:::hostedzone/" + r.fleet.fromNetwork(privateZoneID)},
		})
}

func (r rights) shards() []constructs.Statement {
	states := constructs.ARN(r.stack, "ssm", "parameter"+settings.ShardParameters(r.fleet.Settings.Fleet)+"*")
	return append(r.observe(), r.state("dynamodb:UpdateItem"), r.tell(),
		constructs.Statement{Sid: "ShardStates", Actions: []string{"ssm:GetParameter"}, Resources: []string{states}})
}

// recordings allows to look at recordings, and to write the catalogue, which is the table here. HeadObject is GetObject to
// IAM, and without ListBucket S3 calls an object that is not there forbidden.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
func (r rights) recordings(bucket, objects string) []constructs.Statement {
	return []constructs.Statement{
		{Sid: "Verify", Actions: []string{"s3:GetObject"}, Resources: []string{objects}},
		{Sid: "Missing", Actions: []string{"s3:ListBucket"}, Resources: []string{bucket}},
		{Sid: "Announcements", Actions: receive, Resources: []string{constructs.ARN(r.stack, "sqs", r.fleet.names().Recordings())}},
		{Sid: "Machines", Actions: []string{"ec2:DescribeInstances"}, Resources: []string{"*"}},
		r.state("dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"), r.tell(),
	}
}

// observe is what it takes to see the fleet: groups, instances, and the secret that agents ask for.
func (r rights) observe() []constructs.Statement {
	names := r.fleet.names()
	return []constructs.Statement{
		{Sid: "Observe", Resources: []string{"*"}, Actions: []string{
			"autoscaling:DescribeAutoScalingGroups", "ec2:DescribeInstances",
		}},
		{Sid: "AgentSecret", Actions: []string{"secretsmanager:GetSecretValue"}, Resources: []string{constructs.SecretARN(r.stack, names.Secret(constructs.SecretAgent))}},
	}
}

// values allows to read the operator's run-time values.
func (r rights) values() constructs.Statement {
	parameter := "parameter" + settings.RuntimeParameter(r.fleet.Settings.Fleet)
	return constructs.Statement{Sid: "Settings", Actions: []string{"ssm:GetParameter"}, Resources: []string{constructs.ARN(r.stack, "ssm", parameter)}}
}

func (r rights) state(actions ...string) constructs.Statement {
	return constructs.Statement{Sid: "State", Actions: actions, Resources: []string{r.table}}
}

// change allows actions on groups that carry the fleet's tag and on no others in the account.
func (r rights) change(actions ...string) constructs.Statement {
	return constructs.Statement{
		Sid: "Change", Actions: actions,
		Resources:  []string{constructs.ARN(r.stack, "autoscaling", "autoScalingGroup:*:autoScalingGroupName/*")},
		Conditions: constructs.Equal("autoscaling:ResourceTag/"+fleet.TagFleet, r.fleet.Settings.Fleet),
	}
}

// tell allows events on the default bus, in the fleet's name only.
func (r rights) tell() constructs.Statement {
	return constructs.Statement{
		Sid: "Tell", Actions: []string{"events:PutEvents"}, Resources: []string{constructs.ARN(r.stack, "events", "event-bus/default")},
		Conditions: constructs.Equal("events:source", telemetry.EventSource),
	}
}
