package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// FunctionTimeout is every Lambda's time limit in seconds: less than the minute after which its schedule wakes it
// again.
const FunctionTimeout = 50

// logRetention is for how many days the Lambdas' logs, decisions among them, are kept.
const logRetention = 30

// asynchronous deliveries are level-triggered wake-ups: older than this many seconds, a newer one has replaced them.
const wakeMaxAge = 300

// FunctionProps is what differs between the fleet's Lambdas.
type FunctionProps struct {
	Names         Names
	Name          string // the folder under lambdas/
	Description   string
	Code          string // folder that holds the built bootstrap
	MemoryMiB     float64
	Environment   map[string]string // its env contract
	Subnets       []string          // empty for a Lambda outside the VPC, which asks no agents
	SecurityGroup string
	Statements    []Statement // what it may do beyond logging and being in the VPC
}

// Function is a Lambda with its log group, its role, and the queue of what it could not handle.
type Function struct {
	awslambda.CfnFunction
	ARN, Name string
	Dead      *Queue
	names     Names
	scope     constructs.Construct
}

// NewFunction makes the Lambda and all that belongs to it, in a scope of its own.
func NewFunction(parent constructs.Construct, p FunctionProps) *Function {
	scope := constructs.NewConstruct(parent, jsii.String(Pascal(p.Name)))
	logs := awslogs.NewCfnLogGroup(scope, jsii.String("Log"), &awslogs.CfnLogGroupProps{
		LogGroupName: p.Names.LogGroup(p.Name), RetentionInDays: jsii.Number(logRetention),
	})
	dead := NewDeadQueue(scope, "Dead", p.Names.Dead(p.Name))
	statements := []Statement{
		{Sid: "Log", Actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"}, Resources: []string{*logs.AttrArn()}},
		{Sid: "DeadLetter", Actions: []string{"sqs:SendMessage"}, Resources: []string{*dead.AttrArn()}},
	}
	if len(p.Subnets) > 0 {
		statements = append(statements, inVPC)
	}
	role := NewRole(scope, "Role", "lambda.amazonaws.com", append(statements, p.Statements...)...)
	Justify(role, Finding{"AwsSolutions-IAM5", "EC2 and Auto Scaling know no resources in their Describe actions, nor Lambda's network interfaces before they exist; a log group's ARN ends in a star for its streams, a secret's for the suffix that Secrets Manager makes up, recordings' keys for what they are called; the shards' parameters share a path, so that a new shard changes nothing here; changes to groups are bound to the fleet's tag."})

	name := p.Names.Function(p.Name)
	code := awss3assets.NewAsset(scope, jsii.String("Code"), &awss3assets.AssetProps{Path: jsii.String(p.Code)})
	props := &awslambda.CfnFunctionProps{
		FunctionName:  jsii.String(name),
		Description:   jsii.String(p.Description),
		Runtime:       jsii.String("provided.al2023"),
		Architectures: jsii.Strings("arm64"),
		Handler:       jsii.String("bootstrap"),
		Code:          &awslambda.CfnFunction_CodeProperty{S3Bucket: code.S3BucketName(), S3Key: code.S3ObjectKey()},
		Role:          *role.AttrArn(),
		MemorySize:    jsii.Number(p.MemoryMiB),
		Timeout:       jsii.Number(FunctionTimeout),
		Environment:   &awslambda.CfnFunction_EnvironmentProperty{Variables: p.Environment},
		// The functions write JSON lines themselves, metrics among them; as text they reach CloudWatch unchanged.
		LoggingConfig:    &awslambda.CfnFunction_LoggingConfigProperty{LogFormat: jsii.String("Text"), LogGroup: logs.Ref()},
		DeadLetterConfig: &awslambda.CfnFunction_DeadLetterConfigProperty{TargetArn: dead.AttrArn()},
	}
	if len(p.Subnets) > 0 {
		props.VpcConfig = &awslambda.CfnFunction_VpcConfigProperty{
			SubnetIds: jsii.Strings(p.Subnets...), SecurityGroupIds: jsii.Strings(p.SecurityGroup),
		}
	}
	function := awslambda.NewCfnFunction(scope, jsii.String("Function"), props)
	awslambda.NewCfnEventInvokeConfig(scope, jsii.String("Asynchronous"), &awslambda.CfnEventInvokeConfigProps{
		FunctionName: *function.Ref(), Qualifier: jsii.String("$LATEST"),
		MaximumEventAgeInSeconds: jsii.Number(wakeMaxAge), MaximumRetryAttempts: jsii.Number(2),
	})
	return &Function{
		CfnFunction: function, ARN: *function.AttrArn(), Name: name, Dead: dead, names: p.Names, scope: scope,
	}
}

// inVPC is what Lambda does with a function's role to put it into a VPC.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
var inVPC = Statement{
	Sid: "NetworkInterfaces",
	Actions: []string{
		"ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
		"ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
	},
	Resources: []string{"*"},
}

// EveryMinute wakes the function each minute: the backstop of every loop.
func (f *Function) EveryMinute() {
	f.on("Minute", f.Name+"-minute", "Each minute, whatever else woke the Lambda or did not", func(p *awsevents.CfnRuleProps) {
		p.ScheduleExpression = jsii.String("rate(1 minute)")
	})
}

// OnParameter wakes the function when an SSM parameter changes.
func (f *Function) OnParameter(parameter string) { f.onParameters(parameter, parameter) }

// OnParametersBelow wakes the function when an SSM parameter changes whose name begins so.
func (f *Function) OnParametersBelow(path string) {
	f.onParameters(path+"*", map[string]any{"prefix": path})
}

func (f *Function) onParameters(described string, name any) {
	f.on("Parameter", f.Name+"-parameter", "A change of "+described, func(p *awsevents.CfnRuleProps) {
		p.EventPattern = map[string]any{
			"source":      []any{"aws.ssm"},
			"detail-type": []any{"Parameter Store Change"},
			"detail":      map[string]any{"name": []any{name}, "operation": []any{"Create", "Update", "Delete"}},
		}
	})
}

// on makes a rule of EventBridge that invokes the function; what cannot be delivered goes to the function's queue.
func (f *Function) on(id, name, description string, when func(*awsevents.CfnRuleProps)) {
	props := &awsevents.CfnRuleProps{
		Name: jsii.String(name), Description: jsii.String(description), State: jsii.String("ENABLED"),
		Targets: []any{&awsevents.CfnRule_TargetProperty{
			Id: jsii.String(f.Name), Arn: jsii.String(f.ARN),
			DeadLetterConfig: &awsevents.CfnRule_DeadLetterConfigProperty{Arn: f.Dead.AttrArn()},
			RetryPolicy: &awsevents.CfnRule_RetryPolicyProperty{
				MaximumEventAgeInSeconds: jsii.Number(wakeMaxAge), MaximumRetryAttempts: jsii.Number(2),
			},
		}},
	}
	when(props)
	rule := awsevents.NewCfnRule(f.scope, jsii.String(id), props)
	f.allow(id+"Permission", "events.amazonaws.com", *rule.AttrArn())
	f.Dead.Accept(id, "events.amazonaws.com", *rule.AttrArn())
}

// OnTopic subscribes the function to a topic; what cannot be delivered goes to the function's queue.
func (f *Function) OnTopic(id string, topic awssns.CfnTopic) {
	f.allow(id+"Permission", "sns.amazonaws.com", *topic.Ref())
	f.Dead.Accept(id, "sns.amazonaws.com", *topic.Ref())
	awssns.NewCfnSubscription(f.scope, jsii.String(id), &awssns.CfnSubscriptionProps{
		TopicArn: *topic.Ref(), Protocol: jsii.String("lambda"), Endpoint: f.ARN,
		RedrivePolicy: map[string]any{"deadLetterTargetArn": *f.Dead.AttrArn()},
	})
}

// OnQueue feeds the function from a queue; it reports which messages of a batch failed.
func (f *Function) OnQueue(id string, queue *Queue) { f.fedBy(id, queue, 10, 0) }

// wakeBatch is how many wake-ups, which all ask for the same, one run may answer.
const wakeBatch = 100

// OnWakes feeds the function from a queue of wake-ups, which wait up to a second for others, so that many at once are
// one run. More than ten at once need such a window:
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
func (f *Function) OnWakes(id string, queue *Queue) { f.fedBy(id, queue, wakeBatch, 1) }

func (f *Function) fedBy(id string, queue *Queue, batch, windowSeconds float64) {
	props := &awslambda.CfnEventSourceMappingProps{
		EventSourceArn: *queue.AttrArn(), FunctionName: *f.Ref(),
		BatchSize: jsii.Number(batch), FunctionResponseTypes: jsii.Strings("ReportBatchItemFailures"), Enabled: true,
	}
	if windowSeconds > 0 {
		props.MaximumBatchingWindowInSeconds = jsii.Number(windowSeconds)
	}
	awslambda.NewCfnEventSourceMapping(f.scope, jsii.String(id), props)
}

// Close writes the policy of the function's queue. Call it once, after the last event source.
func (f *Function) Close() { f.Dead.Close(f.scope, "DeadPolicy") }

func (f *Function) allow(id, service, sourceARN string) {
	awslambda.NewCfnPermission(f.scope, jsii.String(id), &awslambda.CfnPermissionProps{
		Action: jsii.String("lambda:InvokeFunction"), FunctionName: f.ARN,
		Principal: service, SourceArn: sourceARN,
	})
}
