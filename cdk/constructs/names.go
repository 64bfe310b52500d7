// Package constructs holds the parts that more than one stack is made of: a Lambda with its queue for what it could
// not handle, a topic that CloudWatch may publish to, a group of nodes, an alarm. They are CloudFormation's own
// resources, one for one, so that a template is read as it was written and nothing brings the CDK's own Lambda-backed
// custom resources. They must not know why a stack wants them.
package constructs

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Names are the physical names that stacks agree on. A stack that needs another's topic, queue or table says its
// name, so that neither has to export anything and either can be deployed again alone.
type Names struct{ Fleet string }

// StateTable holds leases, drain starts and the last good run-time values.
func (n Names) StateTable() string { return n.Fleet + "-state" }

// WakeTopic is where agents and the load alarm wake the Lambda bridges.
func (n Names) WakeTopic() string { return n.Fleet + "-wake" }

// LifecycleQueue is where Auto Scaling asks the Lambda lifecycle.
func (n Names) LifecycleQueue() string { return n.Fleet + "-lifecycle" }

// JibriWakeTopic is where recorders' agents and their alarms wake the Lambda jibris, through JibrisQueue.
func (n Names) JibriWakeTopic() string { return n.Fleet + "-jibri-wake" }

// JibrisQueue gathers the wake-ups of the Lambda jibris.
func (n Names) JibrisQueue() string { return n.Fleet + "-jibris" }

// Recordings is the topic on which finished and failed recordings are announced, and the queue on which recorders
// announce them to the Lambda recordings.
func (n Names) Recordings() string { return n.Fleet + "-recordings" }

// Undelivered is the queue of announcements that the Lambda recordings has refused for good.
func (n Names) Undelivered() string { return n.Fleet + "-recordings-undelivered" }

// PageTopic is where people are told of what they have to look at now.
func (n Names) PageTopic() string { return n.Fleet + "-pages" }

// TicketTopic is where people are told of what can wait for the next working day.
func (n Names) TicketTopic() string { return n.Fleet + "-tickets" }

// Function is a Lambda by its folder's name.
func (n Names) Function(name string) string { return n.Fleet + "-" + name }

// Dead is the queue of what the Lambda name could not handle.
func (n Names) Dead(name string) string { return n.Fleet + "-" + name + "-dead" }

// LogGroup is where the Lambda name writes.
func (n Names) LogGroup(name string) string { return "/jitsi-fleet/" + n.Fleet + "/" + name }

// Secret is a generated password's name in Secrets Manager. Callers in the same account may read it by name.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
func (n Names) Secret(name string) string { return n.Fleet + "/" + name }

// The fleet's secrets.
const (
	SecretAgent  = "agent"  // what signs orders to node agents
	SecretJVB    = "jvb"    // the bridges' XMPP password, the same on all shards
	SecretJicofo = "jicofo" // Jicofo's XMPP password
	// SecretJibri and SecretRecorder are the recorders' XMPP passwords, the same on all shards: with the one they join
	// the breweries, with the other, in a browser, the room.
	SecretJibri    = "jibri"
	SecretRecorder = "recorder"
)

// Stack is a stack's name by its part of the fleet: "network", "control", "edge", "shard-NAME", "jibri",
// "monitoring".
func (n Names) Stack(part string) string { return n.Fleet + "-" + part }

// ARN is the name of a resource of this account and region, such as "sns", "jitsi-wake" or "sqs", "jitsi-lifecycle".
func ARN(scope constructs.Construct, service, resource string) string {
	return *awscdk.Stack_Of(scope).FormatArn(&awscdk.ArnComponents{
		Service: jsii.String(service), Resource: jsii.String(resource), ArnFormat: awscdk.ArnFormat_NO_RESOURCE_NAME,
	})
}

// SecretARN matches a secret by name: Secrets Manager ends every ARN with a hyphen and six characters of its own.
func SecretARN(scope constructs.Construct, name string) string {
	return *awscdk.Stack_Of(scope).FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("secretsmanager"), Resource: jsii.String("secret"),
		ResourceName: jsii.String(name + "-??????"), ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
	})
}

// Export publishes an id that AWS makes up (of a VPC, a subnet, a key) to the fleet's other stacks. The export also
// keeps CloudFormation from replacing what they stand on.
func Export(scope constructs.Construct, name, value string) {
	stack := awscdk.Stack_Of(scope)
	awscdk.NewCfnOutput(stack, jsii.String(name+"Export"), &awscdk.CfnOutputProps{
		Value:      jsii.String(value),
		ExportName: jsii.String(*stack.StackName() + ":" + name),
	})
}

// Import is the value that the stack of that name exported.
func Import(stack, name string) string {
	return *awscdk.Fn_ImportValue(jsii.String(stack + ":" + name))
}

// Zone is an availability zone by its place in the region's list, so that templates name no account and no region.
func Zone(index int) *string {
	return awscdk.Fn_Select(jsii.Number(float64(index)), awscdk.Fn_GetAzs(nil))
}

// Pascal is a name as a logical id: "room-missing" becomes "RoomMissing".
func Pascal(name string) string {
	var out strings.Builder
	for part := range strings.SplitSeq(name, "-") {
		if part != "" {
			out.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return out.String()
}

// Anys is a list for those of CloudFormation's properties that take a name or a reference.
func Anys(values ...string) *[]any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return &out
}
