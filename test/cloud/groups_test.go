package cloud

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/awscloud"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/reconcile"
)

var _ reconcile.Groups = awscloud.Groups{}

func groups() awscloud.Groups { return awscloud.Groups{Client: autoscaling.NewFromConfig(fronted())} }

// named is a group of the template.
func named(t *testing.T, name string) fleet.Group {
	t.Helper()
	found, err := groups().List(t.Context(), fleet.Scope{Fleet: "contract", Names: []string{name}})
	require.NoError(t, err)
	require.Len(t, found, 1)
	return found[0]
}

// settled waits until a group's instances are as wanted, and returns them by id.
func settled(t *testing.T, name string, wanted ...fleet.LifecycleState) []fleet.Instance {
	t.Helper()
	var found []fleet.Instance
	slices.Sort(wanted)
	require.Eventually(t, func() bool {
		found = named(t, name).Instances
		var states []fleet.LifecycleState
		for _, i := range found {
			states = append(states, i.Lifecycle)
		}
		slices.Sort(states)
		return slices.Equal(wanted, states)
	}, 10*time.Second, 20*time.Millisecond, "%s has not the instances %v", name, wanted)
	return found
}

// assertRefused asserts that AWS refused a call as not valid, for a reason.
func assertRefused(t *testing.T, err error, reason string) {
	t.Helper()
	var api smithy.APIError
	if assert.ErrorAs(t, err, &api) {
		assert.Equal(t, "ValidationError", api.ErrorCode())
		assert.Contains(t, api.ErrorMessage(), reason)
	}
}

func TestAGroupIsRaisedAndShrunkWithinItsBounds(t *testing.T) {
	const name = "contract-sized"
	g, in := groups(), fleet.StateInService
	only := settled(t, name, in)[0]
	assert.True(t, only.Protected, "each instance is protected as it enters service")
	assertRefused(t, g.Raise(t.Context(), name, 4), "above max value 3")
	assert.Equal(t, 1, named(t, name).Desired, "a refused call changes nothing")
	assertRefused(t, g.Raise(t.Context(), "no-such-group", 2), "not found")

	require.NoError(t, g.Raise(t.Context(), name, 3))
	three := settled(t, name, in, in, in)
	group := named(t, name)
	assert.Equal(t, []int{1, 3, 3}, []int{group.Min, group.Desired, group.Max})

	require.NoError(t, g.Terminate(t.Context(), name, only.ID, true))
	two := settled(t, name, in, in)
	assert.Equal(t, 2, named(t, name).Desired, "with shrink the desired capacity follows")
	assert.NotContains(t, two, only)
	for _, i := range two {
		assert.Contains(t, three, i, "no other is ended")
	}
	require.NoError(t, g.Terminate(t.Context(), name, two[0].ID, false))
	require.Eventually(t, func() bool {
		now := named(t, name).Instances
		return len(now) == 2 && !slices.ContainsFunc(now, func(i fleet.Instance) bool { return i.ID == two[0].ID })
	}, 10*time.Second, 20*time.Millisecond, "without shrink it is replaced")
	assert.Equal(t, 2, named(t, name).Desired)

	require.NoError(t, g.Terminate(t.Context(), name, two[1].ID, true))
	last := settled(t, name, in)[0]
	assertRefused(t, g.Terminate(t.Context(), name, last.ID, true), "min size")
	assert.Equal(t, last, settled(t, name, in)[0], "the minimum stays")
	assertRefused(t, g.Terminate(t.Context(), name, "i-00000000000000000", true), "Instance Id not found")
}

func TestAGroupDoesNotRebalanceOnceItsZonesAreKept(t *testing.T) {
	const name = "contract-single"
	assert.True(t, named(t, name).Rebalances, "AWS rebalances unless it is told not to")
	require.NoError(t, groups().KeepZones(t.Context(), name))
	assert.False(t, named(t, name).Rebalances)
	require.NoError(t, groups().KeepZones(t.Context(), name), "once more is no error")
	assertRefused(t, groups().KeepZones(t.Context(), "no-such-group"), "not found")

	_, err := groups().Client.ResumeProcesses(t.Context(), &autoscaling.ResumeProcessesInput{AutoScalingGroupName: aws.String(name)})
	require.NoError(t, err)
	_, err = groups().Client.SuspendProcesses(t.Context(), &autoscaling.SuspendProcessesInput{
		AutoScalingGroupName: aws.String(name), ScalingProcesses: []string{"ReplaceUnhealthy"}})
	require.NoError(t, err)
	assert.True(t, named(t, name).Rebalances, "another process that is suspended says nothing of zones")
}

// TestAnInstanceIsOutdatedWhenItsGroupUsesAnotherVersion deploys a new version of the launch template, for a group
// that names it itself and for one that names it in a mixed instances policy.
func TestAnInstanceIsOutdatedWhenItsGroupUsesAnotherVersion(t *testing.T) {
	for _, name := range []string{"contract-mixed", "contract-single"} {
		assert.False(t, settled(t, name, fleet.StateInService)[0].Outdated, name)
	}
	newVersion(t)
	require.NoError(t, here.cloud.Adopt(t.Context(), assembly))
	for _, name := range []string{"contract-mixed", "contract-single"} {
		old := settled(t, name, fleet.StateInService)[0]
		assert.True(t, old.Outdated, name)
		require.NoError(t, groups().Raise(t.Context(), name, 2))
		for _, i := range settled(t, name, fleet.StateInService, fleet.StateInService) {
			assert.Equal(t, i.ID == old.ID, i.Outdated, "%s in %s: what is launched now is of the new version", i.ID, name)
		}
		require.NoError(t, groups().Terminate(t.Context(), name, old.ID, true))
	}
}

func newVersion(t *testing.T) {
	t.Helper()
	_, err := ec2.NewFromConfig(fronted()).CreateLaunchTemplateVersion(t.Context(), &ec2.CreateLaunchTemplateVersionInput{
		LaunchTemplateName: aws.String("contract"), SourceVersion: aws.String("1"),
		LaunchTemplateData: &types.RequestLaunchTemplateData{InstanceType: types.InstanceTypeC7gXlarge}})
	require.NoError(t, err)
}

func TestGroupsThatCannotBeReadAreAnErrorAndNoEmptyFleet(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	found, err := groups().List(ended, fleet.Scope{Fleet: "contract"})
	assert.ErrorIs(t, err, context.Canceled)
	assert.Nil(t, found)
}
