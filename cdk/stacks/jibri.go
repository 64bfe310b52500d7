package stacks

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/jsii-runtime-go"

	"github.com/jitsi-fleet/jitsi-fleet/cdk/constructs"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// jibri is the recorders that all shards share, and what becomes of their recordings.
func (f Fleet) jibri(app awscdk.App) awscdk.Stack {
	names := f.names()
	stack := f.stack(app, jibri, "Recorders and recordings of the Jitsi fleet "+f.Settings.Fleet)
	kept := f.recordings(stack)
	f.shardsParameter(stack)
	lifecycle := constructs.ARN(stack, "sqs", names.LifecycleQueue())
	architecture := settings.ArchitectureOf(f.Jibris.InstanceTypes[0])
	boot := f.bundle(stack, "Boot", architecture)
	constructs.NewGroup(stack, "Jibris", constructs.GroupProps{
		Names: names, Role: fleet.RoleJibri, Name: names.Stack("jibris"),
		Image: amazonLinux(architecture), RootDevice: amazonLinuxRoot, InstanceTypes: f.Jibris.InstanceTypes,
		Min: f.Jibris.Min, Max: f.Jibris.Max, Subnets: f.subnets(exportPrivate), SecurityGroup: f.fromNetwork(sgJibris),
		UserData: f.jibriData(stack, kept, boot), VolumeGiB: float64(f.Jibris.VolumeGiB),
		Hooks: &constructs.Hooks{
			QueueARN: lifecycle, RoleARN: *constructs.NewHookRole(stack, "HookRole", lifecycle).AttrArn(),
			HeartbeatSeconds: f.Bridges.HookTimeout.D().Seconds(),
		},
		Statements: append(f.nodeRights(stack, fleet.RoleJibri, boot, constructs.SecretAgent, constructs.SecretJibri, constructs.SecretRecorder),
			f.recorderRights(stack, kept)...),
	})
	return stack
}

// shardsParameter is the list of shards that recorders join. It is no part of the user data, so that a new shard makes
// no recorder an old one: each takes the list over when it is idle.
func (f Fleet) shardsParameter(stack awscdk.Stack) {
	hosts := make([]string, len(f.Shards))
	for i, s := range f.Shards {
		hosts[i] = settings.SignalName(f.Settings.Fleet, s.Name)
	}
	awsssm.NewCfnParameter(stack, jsii.String("Shards"), &awsssm.CfnParameterProps{
		Name: jsii.String(settings.ShardsParameter(f.Settings.Fleet)), Type: jsii.String("String"), Value: jsii.String(strings.Join(hosts, ",")),
		Description: jsii.String("Signal nodes of all shards, which every recorder joins"),
	})
}

// recorderRights are what a recorder may do beyond what every node may: bring recordings, announce them, follow the
// list of shards. It can neither read nor delete a recording.
func (f Fleet) recorderRights(stack awscdk.Stack, kept kept) []constructs.Statement {
	return []constructs.Statement{
		{Sid: "Upload", Actions: []string{"s3:PutObject", "s3:AbortMultipartUpload"}, Resources: []string{kept.objects}},
		{Sid: "Announce", Actions: []string{"sqs:SendMessage"}, Resources: []string{*kept.queue.AttrArn()}},
		{Sid: "Shards", Actions: []string{"ssm:GetParameter"}, Resources: []string{constructs.ARN(stack, "ssm", "parameter"+settings.ShardsParameter(f.Settings.Fleet))}},
	}
}

func (f Fleet) jibriData(stack awscdk.Stack, kept kept, b bundle) string {
	u := &userData{}
	node := f.node(stack, fleet.RoleJibri, "")
	node.Recorder.Bucket, node.Recorder.QueueURL = *kept.bucket.Ref(), *kept.queue.Ref()
	u.node(node)
	u.variable("AWS_DEFAULT_REGION", *awscdk.Aws_REGION())
	u.variable("RELEASE", f.Release)
	u.variable("DOMAIN", f.Domain)
	f.recorderSecrets(u)
	u.boot(b, "jibri")
	return u.text()
}

// recorderSecrets tells a node where the recorders' passwords are.
func (f Fleet) recorderSecrets(u *userData) {
	u.variable("JIBRI_SECRET", f.names().Secret(constructs.SecretJibri))
	u.variable("RECORDER_SECRET", f.names().Secret(constructs.SecretRecorder))
}
