package reconcile

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/event"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// newcomer is a fleet of one shard in which one more instance of a group waits to be admitted.
func newcomer(t *testing.T, role fleet.Role) (*world, *group, *member) {
	w := newWorld(t, 1, 2)
	g := w.shard(1)
	if role == fleet.RoleSignal {
		g = w.signal(1)
		g.members = nil
	} else {
		g.Desired++
	}
	w.advance(time.Second)
	return w, g, g.members[len(g.members)-1]
}

// leaver is a fleet of one shard in which one bridge with people waits at the terminate hook.
func leaver(t *testing.T) (*world, *group, *member) {
	w := newWorld(t, 1, 3)
	g := w.shard(1)
	m := g.members[0]
	m.node.endpoints = 5
	require.NoError(t, w.Terminate(context.Background(), g.Name, m.ID, true))
	w.took()
	return w, g, m
}

func TestABridgeIsAdmittedWhenItIsFit(t *testing.T) {
	w, g, m := newcomer(t, fleet.RoleBridge)
	w.runLifecycle()
	assert.Equal(t, []string{"heartbeat i-004 admit"}, w.took(), "it boots and is held")
	w.advance(4 * time.Minute)
	w.runLifecycle()
	assert.Equal(t, []string{"complete i-004 admit CONTINUE", "admit i-004"}, w.took())
	assert.Equal(t, fleet.StateInService, m.Lifecycle)
	assert.Equal(t, "lifecycle", m.node.orders[0].Loop)
	assert.Len(t, g.members, 3)
	w.well()
}

func TestABridgeWorksOnlyOnceItIsInService(t *testing.T) {
	w, _, m := newcomer(t, fleet.RoleBridge)
	w.advance(4 * time.Minute)
	w.faults["complete"] = errThrottled
	for range 90 {
		w.runThrottledLifecycle()
		require.False(t, m.node.admitted, "its hook may lapse while nobody prolongs it")
		w.advance(time.Minute)
	}
	assert.Equal(t, fleet.StatePendingWait, m.Lifecycle, "meanwhile it is held")
	clear(w.faults)
	w.runLifecycle()
	assert.Equal(t, fleet.StateInService, m.Lifecycle)
	assert.True(t, m.node.admitted)
	w.well()
}

func TestAnOrderThatABridgeInServiceDidNotHearIsRepeated(t *testing.T) {
	w, _, m := newcomer(t, fleet.RoleBridge)
	w.advance(4 * time.Minute)
	w.faults["admit"] = errThrottled
	w.runThrottledLifecycle()
	require.Equal(t, fleet.StateInService, m.Lifecycle)
	require.False(t, m.node.admitted)
	clear(w.faults)
	w.runBridges()
	assert.True(t, m.node.admitted)
	w.well()
}

func TestASignalNodeGetsItsNameBeforeItIsLetIntoService(t *testing.T) {
	w, _, m := newcomer(t, fleet.RoleSignal)
	w.advance(4 * time.Minute)
	w.names.err = errThrottled
	w.runThrottledLifecycle()
	assert.Equal(t, []string{"heartbeat i-004 admit"}, w.took(), "it is not admitted without its name, and held")
	w.names.err = nil
	w.runLifecycle()
	assert.Equal(t, []string{"point shard-1.jitsi.internal", "admit i-004", "complete i-004 admit CONTINUE"}, w.took())
	assert.Equal(t, []string{"shard-1.jitsi.internal " + m.Address.String()}, w.names.points)
}

func TestAnAdmissionThatWasBrokenOffIsFinishedByTheNextRun(t *testing.T) {
	w, _, m := newcomer(t, fleet.RoleSignal)
	w.advance(4 * time.Minute)
	w.faults["complete"] = errThrottled
	w.runThrottledLifecycle()
	clear(w.faults)
	w.took()
	w.runLifecycle()
	assert.Equal(t, []string{"point shard-1.jitsi.internal", "complete i-004 admit CONTINUE"}, w.took())
	assert.Equal(t, fleet.StateInService, m.Lifecycle)
}

func TestAnInstanceThatWasOrderedToWorkIsNotGivenUpWhenItFallsSilent(t *testing.T) {
	w, _, m := newcomer(t, fleet.RoleSignal)
	w.advance(4 * time.Minute)
	w.faults["complete"] = errThrottled
	w.runThrottledLifecycle()
	clear(w.faults)
	m.node.silent, m.node.endpoints = true, 3
	for range 120 {
		w.advance(time.Minute)
		w.runLifecycle()
	}
	assert.Equal(t, fleet.StatePendingWait, m.Lifecycle)
	w.well()
}

func TestAnAdmittedInstanceIsHeldWhileItsHookCannotBeAnswered(t *testing.T) {
	w, _, m := newcomer(t, fleet.RoleSignal)
	w.advance(4 * time.Minute)
	w.faults["complete"] = errThrottled
	for range 90 {
		w.runThrottledLifecycle()
		m.node.endpoints = 3 // it was ordered to work, and does
		w.advance(time.Minute)
	}
	assert.Equal(t, fleet.StatePendingWait, m.Lifecycle)
	w.well()
}

func TestAnInstanceThatNeverBecomesFitIsGivenUpAndTheFourthWaits(t *testing.T) {
	w, g, m := newcomer(t, fleet.RoleBridge)
	m.node.unfit = true
	givenUp := func() int {
		n := 0
		for _, act := range w.took() {
			if strings.HasSuffix(act, "admit ABANDON") {
				n++
			}
		}
		return n
	}
	var values map[string]float64
	abandoned := []int{}
	for minute := range 110 {
		w.advance(time.Minute)
		for _, m := range g.members {
			m.node.unfit = true
		}
		values = w.runLifecycle()
		if givenUp() > 0 {
			abandoned = append(abandoned, minute+1)
		}
	}
	// A grace of ten minutes, looked at each minute. The fourth is as old as the back-off of one grace after the third,
	// the fifth waits for two graces after the fourth, the sixth for four.
	assert.Equal(t, []int{11, 22, 33, 44, 64, 104}, abandoned)
	assert.EqualValues(t, 6, values["LaunchFailures shard-1"])
	for _, m := range g.members {
		m.node.unfit = false
	}
	w.advance(5 * time.Minute)
	values = w.runLifecycle()
	assert.Zero(t, values["LaunchFailures shard-1"], "one success ends the row")
	w.well()
}

func TestAStoppedMachineIsGivenUpAtOnce(t *testing.T) {
	w, _, m := newcomer(t, fleet.RoleBridge)
	m.Stopped = true
	w.runLifecycle()
	assert.Equal(t, []string{"complete i-004 admit ABANDON"}, w.took())
}

func TestASilentNewcomerIsHeldWhileManyAreSilent(t *testing.T) {
	w, g, m := newcomer(t, fleet.RoleBridge)
	for _, other := range g.members {
		other.node.silent = true
	}
	w.advance(20 * time.Minute)
	w.runLifecycle()
	assert.Equal(t, fleet.StatePendingWait, m.Lifecycle)
	assert.Equal(t, []string{"heartbeat i-004 admit"}, w.took())
}

func TestALeavingBridgeIsHeldDrainedRetiredAndLetGo(t *testing.T) {
	w, g, m := leaver(t)
	w.runLifecycle()
	assert.Equal(t, []string{"heartbeat i-002 drain", "drain i-002"}, w.took())
	w.advance(time.Minute)
	w.runLifecycle()
	assert.Empty(t, w.took(), "it has people")
	m.node.endpoints = 0
	w.runLifecycle()
	assert.Equal(t, []string{"retire i-002"}, w.took())
	w.advance(time.Minute)
	w.runLifecycle()
	assert.Equal(t, []string{"complete i-002 drain CONTINUE"}, w.took())
	assert.Len(t, g.members, 2)
	w.well()
}

func TestAHoldIsProlongedEachThirdOfTheHooksTimeout(t *testing.T) {
	w, _, m := leaver(t)
	beats := 0
	for range 300 {
		w.runLifecycle()
		w.advance(time.Minute)
		for _, act := range w.took() {
			if act == "heartbeat i-002 drain" {
				beats++
			}
		}
	}
	assert.Equal(t, 30, beats, "one each ten minutes of 300")
	assert.Equal(t, fleet.StateTerminatingWait, m.Lifecycle)
	w.well()
}

func TestAHeartbeatThatFailedIsRepeated(t *testing.T) {
	w, _, _ := leaver(t)
	w.faults["heartbeat"] = errThrottled
	w.runThrottledLifecycle()
	clear(w.faults)
	w.took()
	w.advance(time.Minute)
	w.runLifecycle()
	assert.Contains(t, w.took(), "heartbeat i-002 drain")
}

func TestASilentLeaverIsHeldForEver(t *testing.T) {
	w, _, m := leaver(t)
	m.node.silent = true
	for range 8 * 60 {
		w.advance(time.Minute)
		w.runLifecycle()
	}
	assert.Equal(t, fleet.StateTerminatingWait, m.Lifecycle)
	var overdue bool
	for _, d := range w.decisions() {
		overdue = overdue || d["overdue"] == true
	}
	assert.True(t, overdue, "the log tells that it is past its limit")
	w.well()
}

func TestALeaverAtItsLimitIsMovedWhenTheOperatorSaidSo(t *testing.T) {
	w, g, m := leaver(t)
	w.lifecycle.Env.AtDrainLimit = settings.Move
	for range 6*60 + 3 {
		w.runLifecycle()
		w.advance(time.Minute)
	}
	assert.Contains(t, w.took(), "move i-002")
	assert.NotContains(t, g.ids(), m.ID)
	w.well()
}

func TestALeaverThatEC2StoppedIsLetGo(t *testing.T) {
	w, g, m := leaver(t)
	m.Stopped = true
	w.runLifecycle()
	assert.Equal(t, []string{"complete i-002 drain CONTINUE"}, w.took())
	assert.NotContains(t, g.ids(), m.ID)
}

func TestARetainedInstanceIsReapedWhenItIsEmpty(t *testing.T) {
	w, g, m := leaver(t)
	w.advance(31 * time.Minute)
	require.Equal(t, fleet.StateTerminatingRetained, m.Lifecycle)
	values := w.runLifecycle()
	assert.EqualValues(t, 1, values["Retained shard-1"], "the signal node's group of the shard does not hide it")
	assert.Equal(t, []string{"drain i-002"}, w.took(), "there is no hook to prolong")
	m.node.endpoints = 0
	w.runLifecycle()
	w.advance(time.Minute)
	w.runLifecycle()
	assert.Equal(t, []string{"retire i-002", "replace i-002"}, w.took())
	assert.NotContains(t, g.ids(), m.ID)
	assert.Equal(t, 2, g.Desired)
	values = w.runLifecycle()
	assert.Zero(t, values["Retained shard-1"])
	w.well()
}

func TestDoubledWakeupsDoNothingTwice(t *testing.T) {
	w, g, _ := newcomer(t, fleet.RoleBridge)
	w.advance(4 * time.Minute)
	hook := event.Wakeup{Kind: event.Lifecycle, Group: g.Name, Instance: "i-004", Message: "m-1"}
	for range 3 {
		_, err := w.lifecycle.Run(context.Background(), []event.Wakeup{hook, hook})
		require.NoError(t, err)
	}
	assert.Equal(t, []string{"complete i-004 admit CONTINUE", "admit i-004"}, w.took())
}

func TestAWakeupNarrowsTheGroupsAndItsContentIsNotBelieved(t *testing.T) {
	w := newWorld(t, 2, 2)
	for n := range 2 {
		w.shard(n+1).Desired++
	}
	w.advance(4 * time.Minute)
	_, err := w.lifecycle.Run(context.Background(), []event.Wakeup{{Kind: event.Lifecycle, Group: w.shard(2).Name, Instance: "i-999"}})
	require.NoError(t, err)
	acts := w.took()
	assert.True(t, slices.ContainsFunc(acts, func(a string) bool { return strings.HasPrefix(a, "admit") }), acts)
	assert.Equal(t, fleet.StatePendingWait, w.shard(1).members[2].Lifecycle)
	assert.Equal(t, fleet.StateInService, w.shard(2).members[2].Lifecycle)
}

func TestIgnoredWakeupsAskAWSNothing(t *testing.T) {
	w, _, _ := newcomer(t, fleet.RoleBridge)
	_, err := w.lifecycle.Run(context.Background(), []event.Wakeup{{Kind: event.Ignored, Because: "Auto Scaling's test notification"}})
	require.NoError(t, err)
	assert.Empty(t, w.calls)
	assert.Contains(t, w.log.String(), "test notification")
}

func TestAFleetAtRestTakesNoLease(t *testing.T) {
	w := newWorld(t, 2, 2)
	w.runLifecycle()
	assert.Empty(t, w.leases.items)
	assert.Equal(t, map[string]int{"describe groups": 1}, w.calls)
}

func TestEachHeldInstanceIsOneLineOfJSON(t *testing.T) {
	w, _, _ := leaver(t)
	w.shard(1).Desired++
	w.advance(time.Second)
	w.runLifecycle()
	lines := w.decisions()
	require.Len(t, lines, 2)
	for _, line := range lines {
		for _, key := range []string{"loop", "group", "shard", "fence", "instance", "lifecycle", "observed", "step", "reason", "overdue", "actions", "error"} {
			assert.Contains(t, line, key)
		}
		assert.NotEmpty(t, line["reason"])
	}
}

func TestASilentInstanceThatWasGivenUpIsLetGoWithoutAWord(t *testing.T) {
	w, g, m := newcomer(t, fleet.RoleBridge)
	w.abandonedLeave = true
	m.node.silent = true
	for range 11 {
		w.advance(time.Minute)
		w.runLifecycle()
	}
	require.Equal(t, fleet.StateTerminatingWait, m.Lifecycle)
	w.runLifecycle()
	assert.NotContains(t, g.members, m)
	w.well()
}

func TestAnOrderToWorkIsRememberedEvenIfItsRunEndsBeforeItsLease(t *testing.T) {
	w, _, m := newcomer(t, fleet.RoleSignal)
	w.advance(4 * time.Minute)
	w.faults["complete"] = errThrottled
	w.leases.fail["release lifecycle/jitsi-shard-1-signals"] = errThrottled
	w.runThrottledLifecycle()
	clear(w.faults)
	clear(w.leases.fail)
	m.node.silent, m.node.endpoints = true, 3
	for range 60 {
		w.advance(time.Minute)
		w.runLifecycle()
	}
	assert.Equal(t, fleet.StatePendingWait, m.Lifecycle, "it may carry people")
	w.well()
}

func TestNothingIsOrderedThatCannotBeRemembered(t *testing.T) {
	w, _, m := newcomer(t, fleet.RoleSignal)
	w.advance(4 * time.Minute)
	w.leases.fail["note lifecycle/jitsi-shard-1-signals"] = errThrottled
	w.runThrottledLifecycle()
	assert.False(t, m.node.admitted)
}
