package stacks

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/jsii-runtime-go"

	"github.com/jitsi-fleet/jitsi-fleet/cdk/constructs"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// keyARN is the export of the key that encrypts the fleet's topics.
const keyARN = "TopicKey"

// passwordLength is that of generated secrets: 62 letters and digits to the 40th power.
const passwordLength = 40

// control is the control plane: functions, what wakes them, and the little that they remember. It finds groups by
// their tags, so no shard is named here.
func (f Fleet) control(app awscdk.App) awscdk.Stack {
	names := f.names()
	stack := f.stack(app, control, "Control plane of the Jitsi fleet "+f.Settings.Fleet)
	table := f.stateTable(stack)
	f.secrets(stack)
	awsssm.NewCfnParameter(stack, jsii.String("Runtime"), &awsssm.CfnParameterProps{
		Name: jsii.String(settings.RuntimeParameter(f.Settings.Fleet)), Type: jsii.String("String"), Value: jsii.String("{}"),
		Description: jsii.String("Run-time overrides of the deployed settings, as JSON; {} overrides nothing"),
	})

	key := constructs.NewTopicKey(stack, "TopicKey", f.Settings.Fleet, budgets)
	constructs.Export(stack, keyARN, *key.AttrArn())
	wake := constructs.NewTopic(stack, "Wake", names.WakeTopic(), *key.AttrArn())

	may := rights{f, stack, *table.AttrArn()}
	metrics := f.function(stack, "metrics", "Asks every agent each minute and publishes metrics", 256, may.metrics())
	bridges := f.function(stack, "bridges", "Sizes every shard's group of bridges", 512, may.bridges())
	lifecycle := f.function(stack, "lifecycle", "Admits new nodes, holds and ends leaving ones", 256, may.lifecycle())
	// Its memory holds the censuses of all shards at once.
	shards := f.function(stack, "shards", "Watches the shards' states and mends rooms that live on two shards", 512, may.shards())

	queue := constructs.NewQueue(stack, "LifecycleQueue", names.LifecycleQueue(), lifecycle.Dead, constructs.FunctionTimeout)
	lifecycle.OnQueue("Hooks", queue)
	queue.Close(stack, "LifecycleQueuePolicy")
	bridges.OnTopic("Wakes", wake)
	bridges.OnParameter(settings.RuntimeParameter(f.Settings.Fleet))
	shards.OnParametersBelow(settings.ShardParameters(f.Settings.Fleet))
	if f.records() {
		f.recorders(stack, key, may)
	}
	for _, function := range []*constructs.Function{metrics, bridges, lifecycle, shards} {
		function.EveryMinute()
		function.Close()
	}
	return stack
}

// recorders is what keeps recorders free: agents and alarms publish wake-ups, which a queue gathers for the Lambda.
func (f Fleet) recorders(stack awscdk.Stack, key awskms.CfnKey, may rights) {
	names := f.names()
	wake := constructs.NewTopic(stack, "JibriWake", names.JibriWakeTopic(), *key.AttrArn())
	jibris := f.function(stack, "jibris", "Keeps recorders free and replaces broken ones", 512, may.jibris())
	queue := constructs.NewQueue(stack, "JibrisQueue", names.JibrisQueue(), jibris.Dead, constructs.FunctionTimeout)
	queue.Follow(stack, "JibriWakes", wake, jibris.Dead)
	jibris.OnWakes("Wakes", queue)
	queue.Close(stack, "JibrisQueuePolicy")
	jibris.OnParameter(settings.RuntimeParameter(f.Settings.Fleet))
	jibris.EveryMinute()
	jibris.Close()
}

// stateTable holds leases, drain starts and the last good run-time values.
func (f Fleet) stateTable(stack awscdk.Stack) awsdynamodb.CfnTable {
	return awsdynamodb.NewCfnTable(stack, jsii.String("State"), &awsdynamodb.CfnTableProps{
		TableName:            jsii.String(f.names().StateTable()),
		BillingMode:          jsii.String("PAY_PER_REQUEST"),
		AttributeDefinitions: []any{&awsdynamodb.CfnTable_AttributeDefinitionProperty{AttributeName: jsii.String("pk"), AttributeType: jsii.String("S")}},
		KeySchema:            []any{&awsdynamodb.CfnTable_KeySchemaProperty{AttributeName: jsii.String("pk"), KeyType: jsii.String("HASH")}},
		SseSpecification:     &awsdynamodb.CfnTable_SSESpecificationProperty{SseEnabled: true},
		PointInTimeRecoverySpecification: &awsdynamodb.CfnTable_PointInTimeRecoverySpecificationProperty{
			PointInTimeRecoveryEnabled: true,
		},
		TimeToLiveSpecification: &awsdynamodb.CfnTable_TimeToLiveSpecificationProperty{AttributeName: jsii.String("expires"), Enabled: true},
	})
}

// secrets are generated once and known to nobody.
func (f Fleet) secrets(stack awscdk.Stack) {
	type secret struct{ name, what string }
	all := []secret{
		{constructs.SecretAgent, "Signs the control plane's orders to node agents"},
		{constructs.SecretJVB, "XMPP password of the bridges, the same on all shards"},
		{constructs.SecretJicofo, "XMPP password of Jicofo"},
	}
	if f.records() {
		all = append(all, secret{constructs.SecretJibri, "XMPP password of the recorders, the same on all shards"},
			secret{constructs.SecretRecorder, "XMPP password of the recorders' browsers, the same on all shards"})
	}
	for _, s := range all {
		secret := awssecretsmanager.NewCfnSecret(stack, jsii.String(constructs.Pascal(s.name)+"Secret"), &awssecretsmanager.CfnSecretProps{
			Name: jsii.String(f.names().Secret(s.name)), Description: jsii.String(s.what),
			GenerateSecretString: &awssecretsmanager.CfnSecret_GenerateSecretStringProperty{
				PasswordLength: jsii.Number(passwordLength), ExcludePunctuation: true,
			},
		})
		constructs.Justify(secret, constructs.Finding{Rule: "AwsSolutions-SMG4", Reason: "Every node holds the secret from boot; it is changed by deploying and letting nodes be replaced, not under running conferences."})
	}
}

// function is one Lambda of the control plane, told what its env contract asks for.
func (f Fleet) function(stack awscdk.Stack, name, description string, memory float64, may []constructs.Statement) *constructs.Function {
	environment, err := settings.EncodeEnv(f.contract(name))
	if err != nil {
		panic(fmt.Sprintf("the env contract of %s cannot be written: %v", name, err))
	}
	return constructs.NewFunction(stack, constructs.FunctionProps{
		Names: f.names(), Name: name, Description: description, Code: f.Built.Lambda(name), MemoryMiB: memory,
		Environment: environment, Subnets: f.subnets(exportPrivate), SecurityGroup: f.fromNetwork(sgControl), Statements: may,
	})
}

// contract fills what only the deployment knows into the Lambda's env contract.
func (f Fleet) contract(name string) any {
	c := f.Control()
	c.AgentSecretARN = f.names().Secret(constructs.SecretAgent)
	switch name {
	case "metrics":
		return f.MetricsEnv(c)
	case "bridges":
		e := f.BridgesEnv(c)
		e.StateTable = f.names().StateTable()
		return e
	case "shards":
		e := f.ShardsEnv(c)
		e.StateTable = f.names().StateTable()
		return e
	case "jibris":
		e := f.JibrisEnv(c)
		e.StateTable = f.names().StateTable()
		return e
	default:
		e := f.LifecycleEnv(c)
		e.StateTable, e.PrivateZoneID = f.names().StateTable(), f.fromNetwork(privateZoneID)
		return e
	}
}
