package stacks

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/jsii-runtime-go"

	"github.com/jitsi-fleet/jitsi-fleet/cdk/constructs"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// Root volumes in GiB: the operating system, the container images of a role and their logs.
const (
	signalVolume = 20
	bridgeVolume = 20
)

const amazonLinuxRoot = "/dev/xvda"

// amazonLinux is the newest Amazon Linux 2023 at the moment of a launch, so that a new node is a patched node.
// https://docs.aws.amazon.com/linux/al2023/ug/ec2.html
func amazonLinux(a settings.Architecture) string {
	return "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-" + string(a)
}

// shard is one Jitsi Meet shard: its signal node and its bridges.
func (f Fleet) shard(app awscdk.App, shard settings.Shard) awscdk.Stack {
	names := f.names()
	stack := f.stack(app, "shard-"+shard.Name, "Shard "+shard.Name+" of the Jitsi fleet "+f.Settings.Fleet)
	queue := constructs.ARN(stack, "sqs", names.LifecycleQueue())
	hooks := &constructs.Hooks{
		QueueARN: queue, RoleARN: *constructs.NewHookRole(stack, "HookRole", queue).AttrArn(),
		HeartbeatSeconds: f.Bridges.HookTimeout.D().Seconds(),
	}

	f.state(stack, shard)

	architecture := settings.ArchitectureOf(f.Signal.InstanceType)
	signal := f.bundle(stack, "SignalBoot", architecture)
	constructs.NewGroup(stack, "Signal", constructs.GroupProps{
		Names: names, Role: fleet.RoleSignal, Shard: shard.Name, Name: names.Stack(shard.Name + "-signal"),
		Image: amazonLinux(architecture), RootDevice: amazonLinuxRoot, InstanceTypes: []string{f.Signal.InstanceType},
		Min: 1, Max: 1, Subnets: f.subnets(exportPrivate), SecurityGroup: f.fromNetwork(sgSignal),
		UserData: f.signalData(stack, shard, signal), VolumeGiB: signalVolume, Hooks: hooks,
		Statements: append(f.nodeRights(stack, fleet.RoleSignal, signal, f.signalSecrets()...), f.readState(stack, shard)),
	})

	least, most := f.ShardBridges(shard)
	architecture = settings.ArchitectureOf(f.Bridges.InstanceTypes[0])
	bridge := f.bundle(stack, "BridgeBoot", architecture)
	constructs.NewGroup(stack, "Bridges", constructs.GroupProps{
		Names: names, Role: fleet.RoleBridge, Shard: shard.Name, Name: names.Stack(shard.Name + "-bridges"),
		Image: amazonLinux(architecture), RootDevice: amazonLinuxRoot, InstanceTypes: f.Bridges.InstanceTypes,
		Min: least, Max: most, Subnets: f.subnets(exportPublic), SecurityGroup: f.fromNetwork(sgBridges), Public: true,
		UserData: f.bridgeData(stack, shard, bridge), VolumeGiB: bridgeVolume, Hooks: hooks,
		Statements: f.nodeRights(stack, fleet.RoleBridge, bridge, constructs.SecretAgent, constructs.SecretJVB),
	})
	return stack
}

// state is where the operator writes the shard's state. A new shard gets no rooms before somebody has tested it. No
// property of this resource may ever be changed: CloudFormation would write the value anew, over the operator's.
func (f Fleet) state(stack awscdk.Stack, shard settings.Shard) {
	awsssm.NewCfnParameter(stack, jsii.String("State"), &awsssm.CfnParameterProps{
		Name: jsii.String(settings.ShardParameter(f.Settings.Fleet, shard.Name)), Type: jsii.String("String"), Value: jsii.String(string(fleet.ShardDrain)),
	})
}

// readState lets the signal node follow its shard's state.
func (f Fleet) readState(stack awscdk.Stack, shard settings.Shard) constructs.Statement {
	return constructs.Statement{
		Sid: "ShardState", Actions: []string{"ssm:GetParameter"},
		Resources: []string{constructs.ARN(stack, "ssm", "parameter"+settings.ShardParameter(f.Settings.Fleet, shard.Name))},
	}
}

// nodeRights are what a node may do: fetch its bundle, read its role's secrets, wake the control plane.
func (f Fleet) nodeRights(stack awscdk.Stack, role fleet.Role, b bundle, secrets ...string) []constructs.Statement {
	names := f.names()
	arns := make([]string, len(secrets))
	for i, s := range secrets {
		arns[i] = constructs.SecretARN(stack, names.Secret(s))
	}
	return append([]constructs.Statement{
		b.read(),
		{Sid: "Secrets", Actions: []string{"secretsmanager:GetSecretValue"}, Resources: arns},
	}, constructs.Publish(f.wakeTopic(stack, role), constructs.Import(names.Stack(control), keyARN))...)
}

// wakeTopic is where nodes of a role wake the control plane.
func (f Fleet) wakeTopic(stack awscdk.Stack, role fleet.Role) string {
	if role == fleet.RoleJibri {
		return constructs.ARN(stack, "sns", f.names().JibriWakeTopic())
	}
	return constructs.ARN(stack, "sns", f.names().WakeTopic())
}

// signalSecrets are what a signal node knows: Prosody has the accounts of all who join.
func (f Fleet) signalSecrets() []string {
	secrets := []string{constructs.SecretAgent, constructs.SecretJVB, constructs.SecretJicofo}
	if f.records() {
		secrets = append(secrets, constructs.SecretJibri, constructs.SecretRecorder)
	}
	return secrets
}

// node is the configuration of a node's agent. The boot script fills in what only the instance knows.
func (f Fleet) node(stack awscdk.Stack, role fleet.Role, shard string) settings.Node {
	node := f.Node(role, shard)
	node.Instance, node.Listen = "@INSTANCE@", fmt.Sprintf("@ADDRESS@:%d", settings.AgentPort)
	if role == fleet.RoleSignal {
		node.CheckListen = fmt.Sprintf("@ADDRESS@:%d", settings.CheckPort)
	}
	node.AgentSecretARN = f.names().Secret(constructs.SecretAgent)
	node.WakeTopicARN = f.wakeTopic(stack, role)
	return node
}

// common is what both of a shard's roles are told at boot.
func (f Fleet) common(stack awscdk.Stack, role fleet.Role, shard settings.Shard) *userData {
	u := &userData{}
	u.node(f.node(stack, role, shard.Name))
	u.variable("AWS_DEFAULT_REGION", *awscdk.Aws_REGION())
	u.variable("RELEASE", f.Release)
	u.variable("SHARD", shard.Name)
	u.variable("SIGNAL", settings.SignalName(f.Settings.Fleet, shard.Name))
	u.variable("JVB_SECRET", f.names().Secret(constructs.SecretJVB))
	return u
}

func (f Fleet) signalData(stack awscdk.Stack, shard settings.Shard, b bundle) string {
	u := f.common(stack, fleet.RoleSignal, shard)
	u.variable("DOMAIN", f.Domain)
	u.variable("JICOFO_SECRET", f.names().Secret(constructs.SecretJicofo))
	if f.records() {
		f.recorderSecrets(u)
	}
	u.boot(b, "signal")
	return u.text()
}

func (f Fleet) bridgeData(stack awscdk.Stack, shard settings.Shard, b bundle) string {
	u := f.common(stack, fleet.RoleBridge, shard)
	u.boot(b, "bridge")
	return u.text()
}
