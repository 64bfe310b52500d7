package scaling

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// code is the error code of an API error.
func code(t *testing.T, err error) string {
	t.Helper()
	var api smithy.APIError
	require.ErrorAs(t, err, &api)
	return api.ErrorCode()
}

func TestALaunchHookHoldsAnInstanceUntilItIsCompletedOnce(t *testing.T) {
	s := newService(t, nil)
	ids := s.await(t, 2, PendingWait)
	require.NoError(t, s.complete(t, "admit", ids[0], Continue))
	assert.Equal(t, ids[:1], s.await(t, 1, InService))
	assert.Equal(t, ids[1:], s.in(PendingWait), "the other one still waits")
	for _, i := range s.Instances() {
		assert.Equal(t, i.State == InService, i.Protected, "protection begins with service")
	}
	err := s.complete(t, "admit", ids[0], Continue)
	assert.Equal(t, "ValidationError", code(t, err))
	assert.ErrorContains(t, err, "No active Lifecycle Action found with instance ID "+ids[0])
	_, err = s.CompleteLifecycleAction(t.Context(), &autoscaling.CompleteLifecycleActionInput{AutoScalingGroupName: aws.String("g"),
		LifecycleHookName: aws.String("admit"), LifecycleActionToken: aws.String("none"), LifecycleActionResult: aws.String(Continue)})
	assert.ErrorContains(t, err, "No active Lifecycle Action found with token none")
}

func TestAHookTellsItsQueueInTheDocumentedForm(t *testing.T) {
	s, ids := serving(t, nil)
	require.NoError(t, s.setDesired(t, 3))
	s.await(t, 1, PendingWait)
	require.NoError(t, s.terminate(t, ids[0], true))
	s.await(t, 1, TerminatingWait)
	require.Eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.notes) == 6
	}, 5*time.Second, time.Millisecond, "a test for each hook, three launches, one end")
	s.mu.Lock()
	defer s.mu.Unlock()
	assert.Equal(t, "autoscaling:TEST_NOTIFICATION", s.notes[0]["Event"])
	assert.NotContains(t, s.notes[0], "LifecycleActionToken")
	assert.NotContains(t, s.notes[0], "EC2InstanceId")
	last := s.notes[5]
	assert.Equal(t, Terminating, last["LifecycleTransition"])
	assert.Equal(t, ids[0], last["EC2InstanceId"])
	assert.Equal(t, "drain", last["LifecycleHookName"])
	assert.Equal(t, "AutoScalingGroup", last["Origin"])
	assert.Equal(t, "EC2", last["Destination"])
	assert.NotEmpty(t, last["LifecycleActionToken"])
	_, err := time.Parse(time.RFC3339, last["Time"].(string))
	assert.NoError(t, err)
}

func TestALapsedLaunchHookReplacesTheInstance(t *testing.T) {
	s := newService(t, func(g *Group) { g.Hooks = g.Hooks[:1]; g.Min, g.Desired = 1, 1 })
	first := s.await(t, 1, PendingWait)[0]
	require.Eventually(t, s.gone(first), 5*time.Second, 5*time.Millisecond)
	second := s.await(t, 1, PendingWait)[0]
	assert.NotEqual(t, first, second)
}

func TestLaunchesThatFailInARowAreSlowedDown(t *testing.T) {
	s := newService(t, func(g *Group) { g.Hooks = nil; g.Min, g.Desired = 0, 0 })
	s.mu.Lock()
	s.refuse = &smithy.GenericAPIError{Code: "InsufficientInstanceCapacity"}
	s.mu.Unlock()
	require.NoError(t, s.setDesired(t, 1))
	failures := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.problems)
	}
	time.Sleep(10 * time.Minute / factor)
	n := failures()
	assert.GreaterOrEqual(t, n, 3)
	assert.LessOrEqual(t, n, 8, "after the third failure a minute passes, then two, then four")
	s.mu.Lock()
	s.refuse = nil
	s.mu.Unlock()
	s.await(t, 1, InService)
}

func TestAHeartbeatGivesOneMoreTimeoutFromNow(t *testing.T) {
	s := newService(t, func(g *Group) { g.Min, g.Desired = 1, 1 })
	id := s.await(t, 1, PendingWait)[0]
	for range 4 {
		time.Sleep(6 * time.Minute / factor)
		_, err := s.RecordLifecycleActionHeartbeat(t.Context(), &autoscaling.RecordLifecycleActionHeartbeatInput{
			AutoScalingGroupName: aws.String("g"), LifecycleHookName: aws.String("admit"), InstanceId: aws.String(id)})
		require.NoError(t, err)
	}
	assert.Equal(t, []string{id}, s.in(PendingWait), "24 minutes after its launch with a timeout of 10")
	require.Eventually(t, func() bool { return len(s.in(TerminatingWait)) == 1 }, 5*time.Second, 5*time.Millisecond)
	_, err := s.RecordLifecycleActionHeartbeat(t.Context(), &autoscaling.RecordLifecycleActionHeartbeatInput{
		AutoScalingGroupName: aws.String("g"), LifecycleHookName: aws.String("admit"), InstanceId: aws.String(id)})
	assert.ErrorContains(t, err, "No active Lifecycle Action found with instance ID "+id)
}

func TestAHeartbeatDoesNotReachBeyondTheGlobalTimeout(t *testing.T) {
	now := time.Now()
	a := &action{hook: Hook{DefaultResult: Abandon}, deadline: now.Add(time.Hour), limit: now}
	i := &instance{actions: []*action{a}}
	assert.Equal(t, Abandon, i.outcome(now))
}

func TestATerminatingInstanceWaitsForItsHook(t *testing.T) {
	for name, c := range map[string]struct {
		result string
		retain bool
		left   string
	}{
		"CONTINUE ends it":                          {Continue, true, ""},
		"ABANDON retains it where the policy says":  {Abandon, true, Retained},
		"ABANDON ends it where the policy does not": {Abandon, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, ids := serving(t, func(g *Group) { g.Retain = c.retain; g.Min = 1 })
			require.NoError(t, s.terminate(t, ids[0], true))
			assert.Equal(t, ids[:1], s.await(t, 1, TerminatingWait))
			require.NoError(t, s.complete(t, "drain", ids[0], c.result))
			if c.left == "" {
				require.Eventually(t, s.gone(ids[0]), 5*time.Second, 2*time.Millisecond)
				assert.Len(t, s.Instances(), 1)
				return
			}
			s.await(t, 1, c.left)
			assert.False(t, s.gone(ids[0])())
			_, desired, _, _ := s.Size("g")
			assert.Equal(t, 1, desired, "a retained instance does not count")
			require.NoError(t, s.terminate(t, ids[0], false))
			require.Eventually(t, s.gone(ids[0]), 5*time.Second, 2*time.Millisecond, "without a second hook")
		})
	}
}

func TestALapsedTerminateHookRetainsTheInstance(t *testing.T) {
	s, ids := serving(t, func(g *Group) { g.Min = 1 })
	require.NoError(t, s.terminate(t, ids[0], true))
	s.await(t, 1, TerminatingWait)
	assert.Equal(t, ids[:1], s.await(t, 1, Retained))
	assert.Equal(t, ids[1:], s.in(InService))
}
