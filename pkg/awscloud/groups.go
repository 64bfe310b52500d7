// Package awscloud adapts the AWS SDK to the small interfaces that the control loops own.
//
// It decides nothing: it translates words, pages through answers, and knows which of AWS's errors mean "that is
// done already".
package awscloud

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/smithy-go"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// Groups is Auto Scaling.
type Groups struct{ Client *autoscaling.Client }

// pageSize is the most groups that one DescribeAutoScalingGroups returns.
// https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingGroups.html
const pageSize = 100

// List describes the groups of a scope: one call for each hundred groups of the fleet.
func (g Groups) List(ctx context.Context, scope fleet.Scope) ([]fleet.Group, error) {
	pages := autoscaling.NewDescribeAutoScalingGroupsPaginator(g.Client, &autoscaling.DescribeAutoScalingGroupsInput{
		Filters:    []types.Filter{{Name: aws.String("tag:" + fleet.TagFleet), Values: []string{scope.Fleet}}},
		MaxRecords: aws.Int32(pageSize),
	})
	var groups []fleet.Group
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("Auto Scaling groups are not described: %w", err)
		}
		for _, described := range page.AutoScalingGroups {
			if group := groupOf(described); scope.Includes(group) {
				groups = append(groups, group)
			}
		}
	}
	return groups, nil
}

func groupOf(d types.AutoScalingGroup) fleet.Group {
	g := fleet.Group{
		Name: aws.ToString(d.AutoScalingGroupName), Min: int(aws.ToInt32(d.MinSize)), Max: int(aws.ToInt32(d.MaxSize)),
		Desired: int(aws.ToInt32(d.DesiredCapacity)), Rebalances: true,
	}
	for _, p := range d.SuspendedProcesses {
		g.Rebalances = g.Rebalances && aws.ToString(p.ProcessName) != rebalancing
	}
	for _, t := range d.Tags {
		switch aws.ToString(t.Key) {
		case fleet.TagRole:
			g.Role = fleet.Role(aws.ToString(t.Value))
		case fleet.TagShard:
			g.Shard = aws.ToString(t.Value)
		}
	}
	current := currentTemplate(d)
	for _, i := range d.Instances {
		g.Instances = append(g.Instances, fleet.Instance{
			ID: fleet.InstanceID(aws.ToString(i.InstanceId)), Lifecycle: fleet.LifecycleState(i.LifecycleState),
			Protected: aws.ToBool(i.ProtectedFromScaleIn), Outdated: outdated(i.LaunchTemplate, current),
		})
	}
	return g
}

func currentTemplate(d types.AutoScalingGroup) *types.LaunchTemplateSpecification {
	if d.MixedInstancesPolicy != nil && d.MixedInstancesPolicy.LaunchTemplate != nil {
		return d.MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification
	}
	return d.LaunchTemplate
}

// outdated compares launch templates only where both versions are numbers: "$Latest" says nothing about an
// instance that runs.
func outdated(instance, current *types.LaunchTemplateSpecification) bool {
	if instance == nil || current == nil {
		return false
	}
	have, want := aws.ToString(instance.Version), aws.ToString(current.Version)
	if strings.HasPrefix(want, "$") || want == "" || have == "" {
		return false
	}
	return have != want || aws.ToString(instance.LaunchTemplateId) != aws.ToString(current.LaunchTemplateId)
}

// Raise sets a group's desired capacity.
func (g Groups) Raise(ctx context.Context, group string, desired int) error {
	_, err := g.Client.SetDesiredCapacity(ctx, &autoscaling.SetDesiredCapacityInput{
		AutoScalingGroupName: aws.String(group), DesiredCapacity: aws.Int32(int32(desired)), //nolint:gosec // at most the group's maximum
		HonorCooldown: aws.Bool(false),
	})
	return err
}

// Terminate ends one instance of a group, whose name only the caller's log needs.
func (g Groups) Terminate(ctx context.Context, _ string, id fleet.InstanceID, shrink bool) error {
	_, err := g.Client.TerminateInstanceInAutoScalingGroup(ctx, &autoscaling.TerminateInstanceInAutoScalingGroupInput{
		InstanceId: aws.String(string(id)), ShouldDecrementDesiredCapacity: aws.Bool(shrink),
	})
	return err
}

// rebalancing is the process that ends instances in one zone and launches others in another.
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html
const rebalancing = "AZRebalance"

// KeepZones suspends rebalancing between zones. CloudFormation cannot say so without a rolling update.
func (g Groups) KeepZones(ctx context.Context, group string) error {
	_, err := g.Client.SuspendProcesses(ctx, &autoscaling.SuspendProcessesInput{
		AutoScalingGroupName: aws.String(group), ScalingProcesses: []string{rebalancing},
	})
	return err
}

// Complete ends an instance's wait at a hook.
func (g Groups) Complete(ctx context.Context, group, hook string, id fleet.InstanceID, result fleet.HookResult) error {
	_, err := g.Client.CompleteLifecycleAction(ctx, &autoscaling.CompleteLifecycleActionInput{
		AutoScalingGroupName: aws.String(group), LifecycleHookName: aws.String(hook),
		InstanceId: aws.String(string(id)), LifecycleActionResult: aws.String(string(result)),
	})
	return unlessOver(err)
}

// Heartbeat prolongs an instance's wait at a hook by one timeout of the hook.
func (g Groups) Heartbeat(ctx context.Context, group, hook string, id fleet.InstanceID) error {
	_, err := g.Client.RecordLifecycleActionHeartbeat(ctx, &autoscaling.RecordLifecycleActionHeartbeatInput{
		AutoScalingGroupName: aws.String(group), LifecycleHookName: aws.String(hook), InstanceId: aws.String(string(id)),
	})
	return unlessOver(err)
}

// unlessOver forgives the error of an action that is not active any more: completed before, by a doubled run, or
// lapsed. AWS has no code of its own for it.
// https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CompleteLifecycleAction.html
func unlessOver(err error) error {
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "ValidationError" && strings.HasPrefix(api.ErrorMessage(), "No active Lifecycle Action found") {
		return nil
	}
	return err
}
