package emulator

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/scaling"
)

// TestAGroupOfATemplateLivesThroughItsHooks follows the template's group from its first launches, over a hook's
// message in a real queue, to an instance that EC2 has ended.
func TestAGroupOfATemplateLivesThroughItsHooks(t *testing.T) {
	w := shared
	client := autoscaling.NewFromConfig(operator(w.Cloud))
	group := aws.String("probe-group")
	eventually(t, "two instances wait in two zones", func() bool {
		zones := map[string]bool{}
		for _, i := range w.Instances() {
			if i.State == scaling.PendingWait && strings.HasPrefix(i.Address, "127.16.") && i.Tags["team"] == "probe" {
				zones[i.Zone] = true
			}
		}
		return len(zones) == 2
	})
	var tokens []string
	test := false
	eventually(t, "both hooks' messages and the test messages are in the queue", func() bool {
		messages, err := w.Cloud.moto.Receive(t.Context(), "probe-hooks", 10, 30)
		require.NoError(t, err)
		for _, m := range messages {
			var body map[string]any
			require.NoError(t, json.Unmarshal([]byte(m.Body), &body))
			if body["Event"] == "autoscaling:TEST_NOTIFICATION" {
				test = true
				continue
			}
			assert.Equal(t, "autoscaling:EC2_INSTANCE_LAUNCHING", body["LifecycleTransition"])
			tokens = append(tokens, body["LifecycleActionToken"].(string))
		}
		return test && len(tokens) == 2
	})
	for _, token := range tokens {
		_, err := client.CompleteLifecycleAction(t.Context(), &autoscaling.CompleteLifecycleActionInput{AutoScalingGroupName: group,
			LifecycleHookName: aws.String("admit"), LifecycleActionToken: aws.String(token), LifecycleActionResult: aws.String("CONTINUE")})
		require.NoError(t, err)
	}
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

func TestAMachineThatSomebodyEndsInEC2IsReplaced(t *testing.T) {
	w := shared
	_, err := autoscaling.NewFromConfig(operator(w.Cloud)).SetDesiredCapacity(t.Context(), &autoscaling.SetDesiredCapacityInput{
		AutoScalingGroupName: aws.String("probe-other"), DesiredCapacity: aws.Int32(1)})
	require.NoError(t, err)
	only := func() string {
		for _, i := range w.Instances() {
			if i.Group == "probe-other" && i.State == scaling.InService {
				return i.ID
			}
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
