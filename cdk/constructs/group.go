package constructs

import (
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsautoscaling"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// GroupProps is what differs between the fleet's groups of nodes.
type GroupProps struct {
	Names         Names
	Role          fleet.Role
	Shard         string // empty for nodes that serve all shards
	Name          string // the group's name
	Image         string // an image id or "resolve:ssm:PARAMETER"
	RootDevice    string // the image's root device name
	InstanceTypes []string
	Min, Max      int
	Subnets       []string
	SecurityGroup string
	Public        bool // gives each node a public IPv4 address
	UserData      string
	Statements    []Statement // what the nodes may do
	VolumeGiB     float64
	Hooks         *Hooks // nil for nodes that no Lambda admits and ends
}

// Hooks is how Auto Scaling asks the Lambda lifecycle before a node begins and ends its service.
type Hooks struct {
	QueueARN string
	RoleARN  string
	// HeartbeatSeconds is how long Auto Scaling waits for a word: 30 to 7,200.
	HeartbeatSeconds float64
}

// NewGroup makes a group of nodes. It sets no desired capacity, so that a deployment never changes what the control
// plane set; it has no rolling update and no instance refresh, because a node of an old launch template version is
// simply the next to drain. The suspension of AZRebalance is not here: CloudFormation cannot express it outside a
// rolling update (aws/aws-cdk#36134), so the Lambda bridges sees to it.
func NewGroup(parent constructs.Construct, id string, p GroupProps) awsautoscaling.CfnAutoScalingGroup {
	scope := constructs.NewConstruct(parent, jsii.String(id))
	template := launchTemplate(scope, p)
	group := awsautoscaling.NewCfnAutoScalingGroup(scope, jsii.String("Group"), &awsautoscaling.CfnAutoScalingGroupProps{
		AutoScalingGroupName:             jsii.String(p.Name),
		MinSize:                          jsii.String(strconv.Itoa(p.Min)),
		MaxSize:                          jsii.String(strconv.Itoa(p.Max)),
		VpcZoneIdentifier:                Anys(p.Subnets...),
		HealthCheckType:                  jsii.String("EC2"),
		NewInstancesProtectedFromScaleIn: true,
		MixedInstancesPolicy:             onDemand(template, p.InstanceTypes),
		Tags:                             tags(p),
	})
	if p.Hooks != nil {
		group.SetLifecycleHookSpecificationList(p.Hooks.specifications())
		// A hook that lapses or is abandoned must not end a node with people on it: the instance is retained until
		// the control plane has proven it empty.
		group.SetInstanceLifecyclePolicy(&awsautoscaling.CfnAutoScalingGroup_InstanceLifecyclePolicyProperty{
			RetentionTriggers: &awsautoscaling.CfnAutoScalingGroup_RetentionTriggersProperty{TerminateHookAbandon: jsii.String("retain")},
		})
	}
	Justify(group,
		Finding{"AwsSolutions-AS3", "Every launch and end is decided, logged and measured by the control plane, which alarms on failed launches."},
		Finding{"CdkNagValidationFailure", "AwsSolutions-EC26 cannot follow a launch template into a mixed instances policy; the volumes are encrypted there."},
	)
	return group
}

// specifications puts the hooks into the group itself: as resources of their own they would come after the first
// instances were launched.
func (h *Hooks) specifications() []any {
	hook := func(name, transition string) any {
		return &awsautoscaling.CfnAutoScalingGroup_LifecycleHookSpecificationProperty{
			LifecycleHookName: jsii.String(name), LifecycleTransition: jsii.String(transition),
			DefaultResult: jsii.String("ABANDON"), HeartbeatTimeout: jsii.Number(h.HeartbeatSeconds),
			NotificationTargetArn: jsii.String(h.QueueARN), RoleArn: jsii.String(h.RoleARN),
		}
	}
	return []any{
		hook(fleet.HookLaunch, "autoscaling:EC2_INSTANCE_LAUNCHING"),
		hook(fleet.HookTerminate, "autoscaling:EC2_INSTANCE_TERMINATING"),
	}
}

// NewHookRole is the role with which Auto Scaling writes to the queue of hooks.
func NewHookRole(scope constructs.Construct, id, queueARN string) awsiam.CfnRole {
	return NewRole(scope, id, "autoscaling.amazonaws.com", Statement{
		Sid: "Hook", Actions: []string{"sqs:SendMessage", "sqs:GetQueueUrl"}, Resources: []string{queueARN},
	})
}

// onDemand buys the first instance type that can be had, in the operator's order, never Spot.
func onDemand(template awsec2.CfnLaunchTemplate, types []string) *awsautoscaling.CfnAutoScalingGroup_MixedInstancesPolicyProperty {
	overrides := make([]any, len(types))
	for i, t := range types {
		overrides[i] = &awsautoscaling.CfnAutoScalingGroup_LaunchTemplateOverridesProperty{InstanceType: jsii.String(t)}
	}
	return &awsautoscaling.CfnAutoScalingGroup_MixedInstancesPolicyProperty{
		LaunchTemplate: &awsautoscaling.CfnAutoScalingGroup_LaunchTemplateProperty{
			LaunchTemplateSpecification: &awsautoscaling.CfnAutoScalingGroup_LaunchTemplateSpecificationProperty{
				LaunchTemplateId: template.Ref(), Version: template.AttrLatestVersionNumber(),
			},
			Overrides: overrides,
		},
		InstancesDistribution: &awsautoscaling.CfnAutoScalingGroup_InstancesDistributionProperty{
			OnDemandAllocationStrategy:          jsii.String("prioritized"),
			OnDemandPercentageAboveBaseCapacity: jsii.Number(100),
		},
	}
}

func launchTemplate(scope constructs.Construct, p GroupProps) awsec2.CfnLaunchTemplate {
	role := NewRole(scope, "Role", "ec2.amazonaws.com", p.Statements...)
	Justify(role, Finding{"AwsSolutions-IAM5", "A secret's ARN ends in a suffix that Secrets Manager makes up; Describe actions of EC2 know no resources."})
	profile := awsiam.NewCfnInstanceProfile(scope, jsii.String("Profile"), &awsiam.CfnInstanceProfileProps{Roles: Anys(*role.Ref())})
	template := awsec2.NewCfnLaunchTemplate(scope, jsii.String("Template"), &awsec2.CfnLaunchTemplateProps{
		LaunchTemplateData: &awsec2.CfnLaunchTemplate_LaunchTemplateDataProperty{
			ImageId:            jsii.String(p.Image),
			InstanceType:       jsii.String(p.InstanceTypes[0]),
			IamInstanceProfile: &awsec2.CfnLaunchTemplate_IamInstanceProfileProperty{Arn: profile.AttrArn()},
			// Containers run on the host's network, so that a hop limit of 1 reaches them and nothing behind a bridge.
			MetadataOptions: &awsec2.CfnLaunchTemplate_MetadataOptionsProperty{
				HttpTokens: jsii.String("required"), HttpPutResponseHopLimit: jsii.Number(1),
			},
			NetworkInterfaces: []any{&awsec2.CfnLaunchTemplate_NetworkInterfaceProperty{
				DeviceIndex: jsii.Number(0), AssociatePublicIpAddress: p.Public,
				DeleteOnTermination: true, Groups: jsii.Strings(p.SecurityGroup),
			}},
			BlockDeviceMappings: []any{&awsec2.CfnLaunchTemplate_BlockDeviceMappingProperty{
				DeviceName: jsii.String(p.RootDevice),
				Ebs: &awsec2.CfnLaunchTemplate_EbsProperty{
					VolumeType: jsii.String("gp3"), VolumeSize: jsii.Number(p.VolumeGiB), Encrypted: true, DeleteOnTermination: true,
				},
			}},
			TagSpecifications: []any{&awsec2.CfnLaunchTemplate_TagSpecificationProperty{
				ResourceType: jsii.String("volume"), Tags: &[]*awscdk.CfnTag{{Key: jsii.String(fleet.TagFleet), Value: jsii.String(p.Names.Fleet)}},
			}},
			UserData: awscdk.Fn_Base64(jsii.String(p.UserData)),
		},
	})
	Accept(template, "E1152", "EC2 resolves the image's parameter at each launch.")
	return template
}

// tags are how the control plane finds the group and its nodes.
func tags(p GroupProps) *[]*awsautoscaling.CfnAutoScalingGroup_TagPropertyProperty {
	out := []*awsautoscaling.CfnAutoScalingGroup_TagPropertyProperty{tag("Name", p.Name), tag(fleet.TagFleet, p.Names.Fleet), tag(fleet.TagRole, string(p.Role))}
	if p.Shard != "" {
		out = append(out, tag(fleet.TagShard, p.Shard))
	}
	return &out
}

func tag(key, value string) *awsautoscaling.CfnAutoScalingGroup_TagPropertyProperty {
	return &awsautoscaling.CfnAutoScalingGroup_TagPropertyProperty{
		Key: jsii.String(key), Value: jsii.String(value), PropagateAtLaunch: true,
	}
}
