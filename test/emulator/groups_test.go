package emulator

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/scaling"
)

// TestAGroupOfATemplateLivesThroughItsHooks follows the template's group from a launch over its hook's message in a
// real queue into service.
func TestAGroupOfATemplateLivesThroughItsHooks(t *testing.T) {
	w := shared
	client := autoscaling.NewFromConfig(operator(w.Cloud))
	group := aws.String("probe-group")
	for _, id := range w.in("probe-group", scaling.InService) { // left by an earlier run of this test
		_, err := client.TerminateInstanceInAutoScalingGroup(t.Context(), &autoscaling.TerminateInstanceInAutoScalingGroupInput{
			InstanceId: aws.String(id), ShouldDecrementDesiredCapacity: aws.Bool(false)})
		require.NoError(t, err)
	}
	eventually(t, "two instances wait", func() bool { return len(w.in("probe-group", scaling.PendingWait)) == 2 })
	waiting := w.in("probe-group", scaling.PendingWait)
	zones := map[string]bool{}
	for _, i := range w.Instances() {
		if slices.Contains(waiting, i.ID) {
			zones[i.Zone] = true
			assert.Equal(t, "probe", i.Tags["team"])
			assert.True(t, strings.HasPrefix(i.Address, "127.16."), i.Address)
		}
	}
	assert.Len(t, zones, 2)
	tokens := map[string]string{}
	eventually(t, "the messages of both hooks are in the queue", func() bool {
		messages, err := w.Cloud.moto.Receive(t.Context(), "probe-hooks", 10, 30)
		require.NoError(t, err)
		for _, m := range messages {
			var body map[string]string
			require.NoError(t, json.Unmarshal([]byte(m.Body), &body))
			if body["LifecycleTransition"] == scaling.Launching && slices.Contains(waiting, body["EC2InstanceId"]) {
				tokens[body["EC2InstanceId"]] = body["LifecycleActionToken"]
			}
			require.NoError(t, w.Cloud.moto.Delete(t.Context(), "probe-hooks", []string{m.Receipt}))
		}
		return len(tokens) == 2
	})
	for _, token := range tokens {
		_, err := client.CompleteLifecycleAction(t.Context(), &autoscaling.CompleteLifecycleActionInput{AutoScalingGroupName: group,
			LifecycleHookName: aws.String("admit"), LifecycleActionToken: aws.String(token), LifecycleActionResult: aws.String("CONTINUE")})
		require.NoError(t, err)
	}
	eventually(t, "both serve", func() bool { return len(w.in("probe-group", scaling.InService)) == 2 })
	out, err := client.DescribeAutoScalingGroups(t.Context(), &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{*group}})
	require.NoError(t, err)
	require.Len(t, out.AutoScalingGroups, 1)
	spec := out.AutoScalingGroups[0].MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification
	assert.Equal(t, "1", aws.ToString(spec.Version), "the version is the one of the deployment")
	for _, i := range out.AutoScalingGroups[0].Instances {
		assert.Equal(t, "1", aws.ToString(i.LaunchTemplate.Version))
		assert.Equal(t, "c7g.xlarge", aws.ToString(i.InstanceType), "the first override is preferred")
	}
	env, err := w.InstanceEnv(w.Instances()[0].ID)
	require.NoError(t, err)
	assert.Contains(t, env, "AWS_ENDPOINT_URL="+w.Endpoint())
}

func TestAnInstanceHasTheUserDataOfItsTemplate(t *testing.T) {
	w := shared
	eventually(t, "there is an instance", func() bool { return len(w.Instances()) > 0 })
	text, err := w.UserData(w.Instances()[0].ID)
	require.NoError(t, err)
	assert.Equal(t, "#!/bin/bash\necho us-east-1\n", text)
	_, err = w.UserData("i-00000000")
	assert.ErrorContains(t, err, "belongs to no group")
}

func TestALaunchTimeIsToldInMilliseconds(t *testing.T) {
	w := shared
	eventually(t, "there are two instances", func() bool { return len(w.Instances()) >= 2 })
	want := map[string]time.Time{}
	var ids []string
	for _, i := range w.Instances() {
		want[i.ID] = i.Launched.UTC().Truncate(time.Millisecond)
		ids = append(ids, i.ID)
	}
	out, err := ec2.NewFromConfig(operator(w.Cloud)).DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: ids})
	require.NoError(t, err)
	got := map[string]time.Time{}
	for _, r := range out.Reservations {
		for _, i := range r.Instances {
			got[aws.ToString(i.InstanceId)] = aws.ToTime(i.LaunchTime)
		}
	}
	assert.Equal(t, want, got)
}

func TestAMachineThatSomebodyEndsInEC2IsReplaced(t *testing.T) {
	w := shared
	_, err := autoscaling.NewFromConfig(operator(w.Cloud)).SetDesiredCapacity(t.Context(), &autoscaling.SetDesiredCapacityInput{
		AutoScalingGroupName: aws.String("probe-other"), DesiredCapacity: aws.Int32(1)})
	require.NoError(t, err)
	only := func() string {
		if ids := w.in("probe-other", scaling.InService); len(ids) == 1 {
			return ids[0]
		}
		return ""
	}
	eventually(t, "a group without hooks has its instance in service", func() bool { return only() != "" })
	first := only()
	_, err = ec2.NewFromConfig(operator(w.Cloud)).TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{first}})
	require.NoError(t, err)
	eventually(t, "it is replaced", func() bool { return only() != "" && only() != first })
	w.see(func() { assert.Contains(t, w.ended, first) })
}
