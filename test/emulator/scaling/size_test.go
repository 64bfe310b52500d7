package scaling

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheDesiredCapacityStaysWithinTheBounds(t *testing.T) {
	s := newService(t, withoutHooks)
	s.await(t, 2, InService)
	err := s.setDesired(t, 5)
	assert.Equal(t, "ValidationError", code(t, err))
	assert.ErrorContains(t, err, "New SetDesiredCapacity value 5 is above max value 4 for the AutoScalingGroup.")
	assert.ErrorContains(t, s.setDesired(t, 1), "New SetDesiredCapacity value 1 is below min value 2 for the AutoScalingGroup.")
	require.NoError(t, s.setDesired(t, 4))
	s.await(t, 4, InService)
	zones := map[string]int{}
	for _, i := range s.Instances() {
		zones[i.Zone]++
	}
	assert.Equal(t, map[string]int{"us-east-1a": 2, "us-east-1b": 2}, zones)
}

func TestADecrementBelowTheMinimumIsRefused(t *testing.T) {
	s := newService(t, withoutHooks)
	ids := s.await(t, 2, InService)
	err := s.terminate(t, ids[0], true)
	assert.Equal(t, "ValidationError", code(t, err))
	assert.ErrorContains(t, err, "Currently, desiredSize equals minSize (2)")
	assert.ErrorContains(t, s.terminate(t, "i-none", true), "No managed instance found for instance ID: i-none")
	require.NoError(t, s.terminate(t, ids[0], false))
	require.Eventually(t, s.gone(ids[0]), 5*time.Second, 2*time.Millisecond)
	s.await(t, 2, InService)
	assert.NotContains(t, s.in(InService), ids[0], "without a decrement it is replaced")
}

func TestAnInstanceThatTerminatesIsNotTerminatedTwice(t *testing.T) {
	s, ids := serving(t, func(g *Group) { g.Min = 1 })
	require.NoError(t, s.terminate(t, ids[0], true))
	assert.Equal(t, "ScalingActivityInProgress", code(t, s.terminate(t, ids[0], false)))
}

func TestScaleInEndsUnprotectedInstancesOnly(t *testing.T) {
	s := newService(t, func(g *Group) { g.Hooks = nil; g.Min = 0 })
	ids := s.await(t, 2, InService)
	require.NoError(t, s.setDesired(t, 0))
	time.Sleep(time.Minute / factor)
	assert.ElementsMatch(t, ids, s.in(InService), "all are protected")
	_, desired, _, _ := s.Size("g")
	assert.Equal(t, 0, desired, "the number is lowered all the same")
	activities, err := s.DescribeScalingActivities(t.Context(), &autoscaling.DescribeScalingActivitiesInput{AutoScalingGroupName: aws.String("g")})
	require.NoError(t, err)
	assert.Contains(t, aws.ToString(activities.Activities[0].Description), "all remaining instances are protected")
	_, err = s.SetInstanceProtection(t.Context(), &autoscaling.SetInstanceProtectionInput{AutoScalingGroupName: aws.String("g"),
		InstanceIds: ids[:1], ProtectedFromScaleIn: aws.Bool(false)})
	require.NoError(t, err)
	require.Eventually(t, s.gone(ids[0]), 5*time.Second, 2*time.Millisecond)
	assert.Equal(t, ids[1:], s.in(InService))
}

func TestAnUpdateMovesTheDesiredCapacityIntoTheBounds(t *testing.T) {
	s := newService(t, withoutHooks)
	s.await(t, 2, InService)
	update := func(in autoscaling.UpdateAutoScalingGroupInput) error {
		in.AutoScalingGroupName = aws.String("g")
		_, err := s.UpdateAutoScalingGroup(t.Context(), &in)
		return err
	}
	require.NoError(t, update(autoscaling.UpdateAutoScalingGroupInput{MinSize: aws.Int32(3)}))
	s.await(t, 3, InService)
	assert.ErrorContains(t, update(autoscaling.UpdateAutoScalingGroupInput{MaxSize: aws.Int32(2)}), "must be greater than or equal to min bound")
	assert.ErrorContains(t, update(autoscaling.UpdateAutoScalingGroupInput{DesiredCapacity: aws.Int32(9)}), "must be between the specified min size")
	assert.Equal(t, "NotImplemented", code(t, update(autoscaling.UpdateAutoScalingGroupInput{HealthCheckType: aws.String("ELB")})))
}

func TestADeadMachineIsReplacedThroughItsHook(t *testing.T) {
	for name, kill := range map[string]func(*service, string) error{
		"when its status checks fail": func(s *service, id string) error { return s.FailInstance(id) },
		"when EC2 has ended it":       func(s *service, id string) error { s.Ended(id); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			s, ids := serving(t, nil)
			require.NoError(t, kill(s, ids[0]))
			assert.Equal(t, ids[:1], s.await(t, 1, TerminatingWait))
			s.await(t, 1, PendingWait) // the replacement does not wait for the hook of the dead one
			require.NoError(t, s.complete(t, "drain", ids[0], Continue))
			require.Eventually(t, s.gone(ids[0]), 5*time.Second, 2*time.Millisecond)
			s.mu.Lock()
			defer s.mu.Unlock()
			assert.Len(t, s.ended, 1, "a machine ends once")
		})
	}
}

func TestSuspendedProcessesDoNothing(t *testing.T) {
	s := newService(t, withoutHooks)
	ids := s.await(t, 2, InService)
	processes := func(names ...string) *autoscaling.SuspendProcessesInput {
		return &autoscaling.SuspendProcessesInput{AutoScalingGroupName: aws.String("g"), ScalingProcesses: names}
	}
	_, err := s.SuspendProcesses(t.Context(), processes("Launch", "AZRebalance", "ReplaceUnhealthy"))
	require.NoError(t, err)
	require.NoError(t, s.setDesired(t, 3))
	require.NoError(t, s.FailInstance(ids[0]))
	time.Sleep(3 * time.Minute / factor)
	assert.ElementsMatch(t, ids, s.in(InService))
	out, err := s.DescribeAutoScalingGroups(t.Context(), &autoscaling.DescribeAutoScalingGroupsInput{})
	require.NoError(t, err)
	assert.Len(t, out.AutoScalingGroups[0].SuspendedProcesses, 3)
	_, err = s.ResumeProcesses(t.Context(), &autoscaling.ResumeProcessesInput{AutoScalingGroupName: aws.String("g")})
	require.NoError(t, err)
	s.await(t, 3, InService)
	_, err = s.SuspendProcesses(t.Context(), processes("Sleep"))
	assert.ErrorContains(t, err, "is not a valid process type")
}

func TestSetInstanceHealthReplacesAtOnce(t *testing.T) {
	s := newService(t, withoutHooks)
	ids := s.await(t, 2, InService)
	_, err := s.SetInstanceHealth(t.Context(), &autoscaling.SetInstanceHealthInput{InstanceId: aws.String(ids[1]), HealthStatus: aws.String("Unhealthy")})
	require.NoError(t, err)
	require.Eventually(t, s.gone(ids[1]), time.Second, 2*time.Millisecond)
}

func TestGroupsAreDescribedByNameTagAndPage(t *testing.T) {
	s := newService(t, withoutHooks)
	require.NoError(t, s.Adopt(t.Context(), Group{Name: "h", Max: 1, Subnets: []Subnet{{"subnet-a", "us-east-1a"}},
		Template: Template{"lt-2", "other", "1"}, Tags: []Tag{{"team", "other", true}}}))
	s.await(t, 2, InService)
	filter := func(name string, values ...string) *autoscaling.DescribeAutoScalingGroupsInput {
		return &autoscaling.DescribeAutoScalingGroupsInput{Filters: []types.Filter{{Name: aws.String(name), Values: values}}}
	}
	out, err := s.DescribeAutoScalingGroups(t.Context(), filter("tag:team", "probe"))
	require.NoError(t, err)
	require.Len(t, out.AutoScalingGroups, 1)
	g := out.AutoScalingGroups[0]
	assert.Equal(t, "g", aws.ToString(g.AutoScalingGroupName))
	assert.Equal(t, []int32{2, 2, 4}, []int32{aws.ToInt32(g.MinSize), aws.ToInt32(g.DesiredCapacity), aws.ToInt32(g.MaxSize)})
	assert.Equal(t, "3", aws.ToString(g.MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification.Version))
	assert.Equal(t, "3", aws.ToString(g.Instances[0].LaunchTemplate.Version))
	assert.Equal(t, types.LifecycleStateInService, g.Instances[0].LifecycleState)
	assert.True(t, aws.ToBool(g.NewInstancesProtectedFromScaleIn))
	out, err = s.DescribeAutoScalingGroups(t.Context(), filter("tag-key", "team"))
	require.NoError(t, err)
	assert.Len(t, out.AutoScalingGroups, 2)
	_, err = s.DescribeAutoScalingGroups(t.Context(), filter("size", "2"))
	assert.ErrorContains(t, err, "Filter type size is not correct")

	pages := autoscaling.NewDescribeAutoScalingGroupsPaginator(s.Client, &autoscaling.DescribeAutoScalingGroupsInput{MaxRecords: aws.Int32(1)})
	var names []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		for _, g := range page.AutoScalingGroups {
			names = append(names, aws.ToString(g.AutoScalingGroupName))
		}
	}
	assert.Equal(t, []string{"g", "h"}, names)
	_, err = s.DescribeAutoScalingGroups(t.Context(), &autoscaling.DescribeAutoScalingGroupsInput{MaxRecords: aws.Int32(101)})
	assert.Equal(t, "ValidationError", code(t, err))

	instances, err := s.DescribeAutoScalingInstances(t.Context(), &autoscaling.DescribeAutoScalingInstancesInput{InstanceIds: []string{"i-00000001", "i-ffffffff"}})
	require.NoError(t, err)
	require.Len(t, instances.AutoScalingInstances, 1, "an unknown id is ignored")
	assert.Equal(t, "HEALTHY", aws.ToString(instances.AutoScalingInstances[0].HealthStatus))
}

func TestHooksAndTagsAreDescribed(t *testing.T) {
	s := newService(t, nil)
	hooks, err := s.DescribeLifecycleHooks(t.Context(), &autoscaling.DescribeLifecycleHooksInput{AutoScalingGroupName: aws.String("g")})
	require.NoError(t, err)
	require.Len(t, hooks.LifecycleHooks, 2)
	assert.EqualValues(t, 600, aws.ToInt32(hooks.LifecycleHooks[0].HeartbeatTimeout))
	assert.EqualValues(t, 60000, aws.ToInt32(hooks.LifecycleHooks[0].GlobalTimeout))
	_, err = s.CreateOrUpdateTags(t.Context(), &autoscaling.CreateOrUpdateTagsInput{Tags: []types.Tag{{ResourceId: aws.String("g"),
		ResourceType: aws.String("auto-scaling-group"), Key: aws.String("team"), Value: aws.String("new"), PropagateAtLaunch: aws.Bool(true)}}})
	require.NoError(t, err)
	require.NoError(t, s.setDesired(t, 3))
	s.await(t, 3, PendingWait)
	s.mu.Lock()
	defer s.mu.Unlock()
	assert.Equal(t, "new", s.launched[2].Tags["team"])
	assert.NotContains(t, s.launched[2].Tags, "hidden", "only what propagates")
}

func TestWhatTheEngineDoesNotKnowIsRefusedLoudly(t *testing.T) {
	s := newService(t, nil)
	_, err := s.StartInstanceRefresh(t.Context(), &autoscaling.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("g")},
		func(o *autoscaling.Options) { o.Retryer = aws.NopRetryer{} })
	assert.Equal(t, "NotImplemented", code(t, err))
	s.mu.Lock()
	defer s.mu.Unlock()
	assert.Len(t, s.problems, 1)
}

func TestAGroupAdoptedAgainKeepsItsInstances(t *testing.T) {
	s := newService(t, withoutHooks)
	ids := s.await(t, 2, InService)
	require.NoError(t, s.Adopt(t.Context(), Group{Name: "g", Min: 1, Max: 3, Desired: 1, Subnets: []Subnet{{"subnet-a", "us-east-1a"}},
		Template: Template{"lt-1", "bridges", "4"}}))
	assert.ElementsMatch(t, ids, s.in(InService))
	least, desired, most, ok := s.Size("g")
	assert.True(t, ok)
	assert.Equal(t, []int{1, 2, 3}, []int{least, desired, most})
	for _, i := range s.Instances() {
		assert.Equal(t, "3", i.Template.Version, "an instance keeps the version that it was launched from")
	}
}
