package cloud

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/awscloud"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// shards of a fleet whose groups, one of bridges and one signal node for each, are more than one page holds.
const shards = 53

// TestAFleetOfMoreGroupsThanAPageIsListedWhole makes the groups in moto itself: they are many, and none needs a hook.
func TestAFleetOfMoreGroupsThanAPageIsListedWhole(t *testing.T) {
	large := fresh("large")
	makeLargeFleet(t, large)
	var asked atomic.Int32
	cfg := plain()
	cfg.HTTPClient = withField("Version", "2011-01-01", &asked)
	g := awscloud.Groups{Client: autoscaling.NewFromConfig(cfg)}
	for name, c := range map[string]struct {
		scope fleet.Scope
		want  int
	}{
		"everything":                       {fleet.Scope{Fleet: large}, 2 * shards},
		"one role":                         {fleet.Scope{Fleet: large, Roles: []fleet.Role{fleet.RoleBridge}}, shards},
		"two roles":                        {fleet.Scope{Fleet: large, Roles: []fleet.Role{fleet.RoleSignal, fleet.RoleBridge}}, 2 * shards},
		"a role that it has not":           {fleet.Scope{Fleet: large, Roles: []fleet.Role{fleet.RoleEdge}}, 0},
		"two shards":                       {fleet.Scope{Fleet: large, Shards: []string{"s0", "s52"}}, 4},
		"one role of a shard":              {fleet.Scope{Fleet: large, Shards: []string{"s7"}, Roles: []fleet.Role{fleet.RoleSignal}}, 1},
		"one name":                         {fleet.Scope{Fleet: large, Names: []string{large + "-bridge-s51"}}, 1},
		"a group of another fleet by name": {fleet.Scope{Fleet: large, Names: []string{large + "st-bridge-s0"}}, 0},
		"a fleet whose name begins so":     {fleet.Scope{Fleet: large + "st"}, 1},
		"no fleet":                         {fleet.Scope{Fleet: large[:4]}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			before := asked.Load()
			found, err := g.List(t.Context(), c.scope)
			require.NoError(t, err)
			assert.Len(t, found, c.want)
			names := map[string]bool{}
			for _, one := range found {
				names[one.Name] = true
				assert.Equal(t, fmt.Sprintf("%s-%s-%s", c.scope.Fleet, one.Role, one.Shard), one.Name)
				assert.Equal(t, []int{0, 0, 9, 0}, []int{one.Min, one.Desired, one.Max, len(one.Instances)})
			}
			assert.Len(t, names, c.want, "each once")
			if c.scope.Fleet == large {
				assert.Equal(t, int32(2), asked.Load()-before, "a call for each hundred groups")
			}
		})
	}
}

// makeLargeFleet also makes one group of a fleet whose name begins with the fleet's.
func makeLargeFleet(t *testing.T, large string) {
	t.Helper()
	template := aws.String(large)
	_, err := ec2.NewFromConfig(plain()).CreateLaunchTemplate(t.Context(), &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: template, LaunchTemplateData: &ec2types.RequestLaunchTemplateData{
			ImageId: aws.String(image), InstanceType: ec2types.InstanceTypeC7gLarge}})
	require.NoError(t, err)
	client := autoscaling.NewFromConfig(plain())
	var all errgroup.Group
	all.SetLimit(4)
	one := func(of string, role fleet.Role, shard string) {
		all.Go(func() error {
			tag := func(key, value string) types.Tag {
				return types.Tag{Key: aws.String(key), Value: aws.String(value), PropagateAtLaunch: aws.Bool(true)}
			}
			_, err := client.CreateAutoScalingGroup(t.Context(), &autoscaling.CreateAutoScalingGroupInput{
				AutoScalingGroupName: aws.String(fmt.Sprintf("%s-%s-%s", of, role, shard)), AvailabilityZones: []string{"us-east-1a"},
				MinSize: aws.Int32(0), MaxSize: aws.Int32(9), DesiredCapacity: aws.Int32(0),
				LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateName: template, Version: aws.String("1")},
				Tags:           []types.Tag{tag(fleet.TagFleet, of), tag(fleet.TagRole, string(role)), tag(fleet.TagShard, shard)},
			})
			return err
		})
	}
	for n := range shards {
		one(large, fleet.RoleBridge, fmt.Sprint("s", n))
		one(large, fleet.RoleSignal, fmt.Sprint("s", n))
	}
	one(large+"st", fleet.RoleBridge, "s0")
	require.NoError(t, all.Wait())
}
