//go:build !race

package templates

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

const group = "AWS::AutoScaling::AutoScalingGroup"

// tags are a group's tags that its instances get too.
func tags(t *testing.T, g resource) map[string]string {
	out := map[string]string{}
	for _, tag := range list(g.Properties["Tags"]) {
		if at(tag, "PropagateAtLaunch") == true {
			out[at(tag, "Key").(string)] = at(tag, "Value").(string)
		}
	}
	require.NotEmpty(t, out, g.name())
	return out
}

func TestAGroupLeavesItsSizeToTheControlPlane(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		for g := range a.of(group) {
			assert.NotContains(t, g.Properties, "DesiredCapacity", g.name())
			assert.Empty(t, g.UpdatePolicy, "%s: no rolling update and no instance refresh", g.name())
			assert.Equal(t, true, g.Properties["NewInstancesProtectedFromScaleIn"], g.name())
		}
	})
}

func TestEveryShardHasOneSignalNodeAndItsBridgesWithinBoundsAndAllShareRecorders(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		sizes := map[string][2]string{}
		for g := range a.of(group) {
			tags := tags(t, g)
			assert.Equal(t, a.settings.Fleet, tags[fleet.TagFleet], g.name())
			sizes[tags[fleet.TagRole]+" "+tags[fleet.TagShard]] = [2]string{g.Properties["MinSize"].(string), g.Properties["MaxSize"].(string)}
		}
		for _, shard := range a.settings.Shards {
			least, most := a.settings.ShardBridges(shard)
			assert.Equal(t, [2]string{"1", "1"}, sizes["signal "+shard.Name])
			assert.Equal(t, [2]string{strconv.Itoa(least), strconv.Itoa(most)}, sizes["bridge "+shard.Name])
		}
		assert.Equal(t, [2]string{"1", "1"}, sizes["edge "])
		assert.Equal(t, [2]string{strconv.Itoa(a.settings.Jibris.Min), strconv.Itoa(a.settings.Jibris.Max)}, sizes["jibri "])
		assert.Len(t, sizes, 2*len(a.settings.Shards)+2, "no group of another role")
	})
}

func TestHooksAreInTheGroupAndNeverEndANodeByThemselves(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		for range a.of("AWS::AutoScaling::LifecycleHook") {
			assert.Fail(t, "a hook of its own comes after the first instances")
		}
		for g := range a.of(group) {
			if tags(t, g)[fleet.TagRole] == string(fleet.RoleEdge) {
				assert.NotContains(t, g.Properties, "LifecycleHookSpecificationList", "nobody admits HAProxy nodes yet")
				continue
			}
			hooks := map[string]string{}
			for _, h := range list(g.Properties["LifecycleHookSpecificationList"]) {
				hooks[at(h, "LifecycleHookName").(string)] = at(h, "LifecycleTransition").(string)
				assert.Equal(t, "ABANDON", at(h, "DefaultResult"), g.name())
				assert.EqualValues(t, a.settings.Bridges.HookTimeout.D().Seconds(), at(h, "HeartbeatTimeout"), g.name())
				a.checkHookReachesQueue(t, g, h)
			}
			assert.Equal(t, map[string]string{
				fleet.HookLaunch:    "autoscaling:EC2_INSTANCE_LAUNCHING",
				fleet.HookTerminate: "autoscaling:EC2_INSTANCE_TERMINATING",
			}, hooks, g.name())
			assert.Equal(t, "retain", at(g.Properties, "InstanceLifecyclePolicy", "RetentionTriggers", "TerminateHookAbandon"), g.name())
		}
	})
}

// checkHookReachesQueue walks from a hook to the queue and through the role that sends.
func (a assembly) checkHookReachesQueue(t *testing.T, g resource, hook any) {
	queue := a.resolve(g.Stack, at(hook, "NotificationTargetARN"))
	_, ok := a.find("AWS::SQS::Queue", queue)
	assert.True(t, ok, "%s: the queue %s is not deployed", g.name(), queue)
	role := a.templates[g.Stack].Resources[at(hook, "RoleARN", "Fn::GetAtt", 0).(string)]
	trust := a.statements(g.Stack, role.Properties["AssumeRolePolicyDocument"])
	require.Len(t, trust, 1)
	assert.Equal(t, "autoscaling.amazonaws.com", trust[0].Service, g.name())
	assert.True(t, a.roleMay(g.Stack, role, "sqs:SendMessage", queue), "%s: its role may not send to %s", g.name(), queue)
}

// roleMay reports whether a role's own policies allow an action on a resource.
func (a assembly) roleMay(stack string, role resource, action, on string) bool {
	for _, p := range list(role.Properties["Policies"]) {
		if _, ok := allows(a.statements(stack, at(p, "PolicyDocument")), "", action, on); ok {
			return true
		}
	}
	return false
}

func TestBridgesAndRecordersAreOnDemandInTheOperatorsOrder(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		for g := range a.of(group) {
			want, ok := map[string][]string{
				string(fleet.RoleBridge): a.settings.Bridges.InstanceTypes, string(fleet.RoleJibri): a.settings.Jibris.InstanceTypes,
			}[tags(t, g)[fleet.TagRole]]
			if !ok {
				continue
			}
			var types []string
			for _, o := range list(at(g.Properties, "MixedInstancesPolicy", "LaunchTemplate", "Overrides")) {
				types = append(types, at(o, "InstanceType").(string))
			}
			assert.Equal(t, want, types, g.name())
			distribution := at(g.Properties, "MixedInstancesPolicy", "InstancesDistribution")
			assert.Equal(t, "prioritized", at(distribution, "OnDemandAllocationStrategy"))
			assert.EqualValues(t, 100, at(distribution, "OnDemandPercentageAboveBaseCapacity"))
		}
	})
}

func TestNodesHaveMetadataVersionTwoAndEncryptedVolumes(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		for l := range a.of("AWS::EC2::LaunchTemplate") {
			data := at(l.Properties, "LaunchTemplateData")
			assert.Equal(t, "required", at(data, "MetadataOptions", "HttpTokens"), l.name())
			assert.EqualValues(t, 1, at(data, "MetadataOptions", "HttpPutResponseHopLimit"), l.name())
			volumes := list(at(data, "BlockDeviceMappings"))
			require.NotEmpty(t, volumes, l.name())
			for _, v := range volumes {
				assert.Equal(t, true, at(v, "Ebs", "Encrypted"), l.name())
				assert.Equal(t, "gp3", at(v, "Ebs", "VolumeType"), l.name())
			}
		}
	})
}

func TestOnlyBridgesHavePublicAddresses(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		for g := range a.of(group) {
			id := at(g.Properties, "MixedInstancesPolicy", "LaunchTemplate", "LaunchTemplateSpecification", "LaunchTemplateId", "Ref").(string)
			launch := a.templates[g.Stack].Resources[id]
			public := at(launch.Properties, "LaunchTemplateData", "NetworkInterfaces", 0, "AssociatePublicIpAddress")
			assert.Equal(t, tags(t, g)[fleet.TagRole] == string(fleet.RoleBridge), public, g.name())
		}
	})
}
