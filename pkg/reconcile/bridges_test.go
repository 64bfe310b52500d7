package reconcile

import (
	"context"
	"encoding/json"
	"errors"
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

var errThrottled = errors.New("Throttling: Rate exceeded")

func TestAGroupGrowsWithItsLoadAndOnceForIt(t *testing.T) {
	w := newWorld(t, 1, 2)
	w.load(w.shard(1), 2)
	values := w.runBridges()
	assert.Equal(t, []string{"raise jitsi-shard-1-bridges to 3"}, w.took())
	assert.EqualValues(t, 3, values["BridgesWanted shard-1"])
	for range 3 {
		w.runBridges()
	}
	assert.Empty(t, w.took(), "what was bought and is not visible yet is not bought again")
	w.loaded(w.shard(1), 2, 60)
	// 2.0 of demand and one spare at a target of 0.6 take five bridges; four have room for what comes within a minute.
	assert.Equal(t, 4, w.inPhase(w.shard(1), fleet.PhaseServing))
	assert.Equal(t, 1, w.inPhase(w.shard(1), fleet.PhaseDraining))
	w.well()
}

func TestTheBridgeWithTheFewestConferencesDrainsFirst(t *testing.T) {
	w := newWorld(t, 1, 4)
	g := w.shard(1)
	for i, m := range g.members {
		m.node.stress, m.node.endpoints, m.node.conferences = 0.3, 30, []int64{5, 1, 4, 3}[i]
	}
	w.runBridges()
	assert.Equal(t, []string{"drain " + string(g.members[1].ID)}, w.took(), "the last of one conference ends sooner than of three")
}

func TestAGroupShrinksByDrainingThenRetiringThenTerminatingWithDecrement(t *testing.T) {
	w := newWorld(t, 1, 4)
	g := w.shard(1)
	w.loaded(g, 0.2, 10)
	require.ElementsMatch(t, []string{"drain i-002", "drain i-003"}, w.took(), "down to the minimum; nothing ends before the demand is known for ShrinkAfter")
	w.loaded(g, 0.2, 60)
	// Side by side: each bridge is retired, has gone, is terminated and then let go by the lifecycle loop.
	acts := w.took()
	for _, id := range []string{"i-002", "i-003"} {
		var own []string
		for _, act := range acts {
			if verb, subject := cut(act); subject == id {
				own = append(own, verb)
			}
		}
		assert.Equal(t, []string{"retire", "shrink by", "complete"}, own, id)
	}
	assert.Equal(t, 2, g.Desired)
	assert.Len(t, g.members, 2)
	w.well()
}

// cut splits an act into its verb and its subject.
func cut(act string) (verb, subject string) {
	if subject, found := strings.CutPrefix(act, "shrink by "); found {
		return "shrink by", subject
	}
	fields := strings.Fields(act)
	return fields[0], fields[1]
}

func TestMovesBetweenZonesAreForbiddenBeforeAnythingElseAndOnce(t *testing.T) {
	w := newWorld(t, 1, 2)
	w.shard(1).Rebalances = true
	w.load(w.shard(1), 2)
	w.runBridges()
	w.runBridges()
	assert.Equal(t, []string{"keep zones jitsi-shard-1-bridges", "raise jitsi-shard-1-bridges to 3"}, w.took())
}

func TestDrainingBridgesAreTakenBackBeforeAnythingIsLaunched(t *testing.T) {
	w := newWorld(t, 1, 4)
	g := w.shard(1)
	w.loaded(g, 0.8, 5)
	require.ElementsMatch(t, []string{"drain i-002", "drain i-003"}, w.took())
	w.load(g, 1.6)
	w.runBridges()
	assert.ElementsMatch(t, []string{"undrain i-003", "undrain i-002", "raise jitsi-shard-1-bridges to 5"}, w.took())
	w.loaded(g, 1.6, 1)
	assert.NotContains(t, w.took(), "retire i-002", "what was taken back does not go on leaving")
	w.well()
}

func TestAnEmptyBridgeThatIsTakenBackIsNotRetiredInTheSameRun(t *testing.T) {
	w := newWorld(t, 1, 3)
	w.load(w.shard(1), 1.8)
	leaver := w.shard(1).members[2].node
	leaver.endpoints, leaver.stress = 0, 0
	leaver.become(fleet.PhaseDraining, w.Now())
	w.runBridges()
	assert.Equal(t, []string{"undrain i-004"}, w.took())
}

func TestADrainingBridgeThatFallsSilentIsLeavingAndNoReasonToDoubtTheObserver(t *testing.T) {
	w := newWorld(t, 1, 4)
	g := w.shard(1)
	for _, m := range g.members {
		m.node.stress, m.node.endpoints = 0.3, 30
	}
	for _, m := range g.members[2:] {
		m.node.become(fleet.PhaseDraining, w.Now())
	}
	w.runBridges()
	for _, m := range g.members[2:] {
		m.node.silent = true
	}
	w.decisions()
	values := w.runBridges()
	assert.Zero(t, values["Frozen shard-1"])
	assert.Equal(t, map[string]any{"serving": 2.0, "retiring": 2.0}, w.decisions()[0]["bridges"])
	assert.NotContains(t, w.took(), "undrain i-004")
}

func TestABridgeThatForgotItsAdmissionIsTakenBackByAdmission(t *testing.T) {
	w := newWorld(t, 1, 3)
	g := w.shard(1)
	w.load(g, 1.7)
	g.members[2].node.become(fleet.PhaseDraining, w.Now())
	g.members[2].node.admitted = false
	w.runBridges()
	assert.Contains(t, w.took(), "admit i-004")
}

func TestABridgeThatEndsAtTheMinimumIsReplaced(t *testing.T) {
	w := newWorld(t, 1, 2)
	g := w.shard(1)
	g.Max = 2
	g.members[0].node.become(fleet.PhaseRetiring, w.Now())
	w.runBridges()
	require.Empty(t, w.took())
	w.advance(time.Minute)
	w.runBridges()
	assert.Equal(t, []string{"replace i-002"}, w.took())
	assert.Equal(t, 2, g.Desired)
	w.minutes(10)
	assert.Equal(t, 2, w.inPhase(g, fleet.PhaseServing))
	w.well()
}

func TestABridgeThatEndsWhenItsSuccessorIsBoughtIsNotReplacedTwice(t *testing.T) {
	w := newWorld(t, 1, 2)
	g := w.shard(1)
	g.members[0].node.become(fleet.PhaseRetiring, w.Now())
	w.faults["raise"] = errThrottled
	_, err := w.bridges.Run(context.Background(), []event.Wakeup{schedule})
	require.ErrorIs(t, err, errThrottled)
	clear(w.faults)
	w.advance(time.Minute)
	w.runBridges()
	assert.Equal(t, []string{"raise jitsi-shard-1-bridges to 3", "shrink by i-002"}, w.took())
	assert.Equal(t, 2, g.Desired)
	w.well()
}

func TestABridgeInServiceThatLostItsAdmissionIsAdmittedAgain(t *testing.T) {
	w := newWorld(t, 1, 2)
	n := w.shard(1).members[1].node
	n.admitted, n.phase = false, fleet.PhaseStandby
	w.runBridges()
	assert.Equal(t, []string{"admit i-003"}, w.took())
	assert.Equal(t, fleet.PhaseServing, n.phase)
}

func TestAnErrorOfOneGroupLeavesTheOthersReconciled(t *testing.T) {
	w := newWorld(t, 3, 2)
	for n := range 3 {
		w.load(w.shard(n+1), 2)
	}
	w.faults["raise jitsi-shard-2-bridges to 3"] = errThrottled
	w.leases.fail["acquire bridges/shard-3"] = errThrottled
	record, err := w.bridges.Run(context.Background(), []event.Wakeup{schedule})
	require.ErrorIs(t, err, errThrottled)
	assert.ErrorContains(t, err, "raise desired capacity to 3")
	assert.ErrorContains(t, err, "the lease of shard-3 is not to be had")
	assert.Equal(t, []string{"raise jitsi-shard-1-bridges to 3"}, w.took())
	values := metricsOf(t, record)
	assert.Contains(t, values, "BridgesWanted shard-2", "what is wanted is told though it failed")
	assert.NotContains(t, values, "BridgesWanted shard-3")
	clear(w.faults)
	clear(w.leases.fail)
	w.runBridges()
	acts := w.took()
	slices.Sort(acts)
	assert.Equal(t, []string{"raise jitsi-shard-2-bridges to 3", "raise jitsi-shard-3-bridges to 3"}, acts)
}

func TestNothingIsDoneWhenAWSTellsNothing(t *testing.T) {
	for _, verb := range []string{"describe groups", "describe machines"} {
		w := newWorld(t, 1, 2)
		w.load(w.shard(1), 2)
		w.faults[verb] = errThrottled
		_, err := w.bridges.Run(context.Background(), []event.Wakeup{schedule})
		require.ErrorIs(t, err, errThrottled)
		assert.Empty(t, w.took())
		clear(w.faults)
		w.runBridges()
		assert.NotEmpty(t, w.took(), "the lease was given back")
	}
}

func TestWakeupsNarrowTheShards(t *testing.T) {
	of := func(shard string) event.Wakeup { return event.Wakeup{Kind: event.Node, Shard: shard} }
	for _, c := range []struct {
		name    string
		wakeups []event.Wakeup
		shards  []any
	}{
		{"a node's wake-up", []event.Wakeup{of("shard-2")}, []any{"shard-2"}},
		{"the same twice", []event.Wakeup{of("shard-2"), of("shard-2")}, []any{"shard-2"}},
		{"two shards' wake-ups", []event.Wakeup{of("shard-2"), of("shard-1")}, []any{"shard-1", "shard-2"}},
		{"the schedule", []event.Wakeup{schedule}, []any{"shard-1", "shard-2", "shard-3"}},
		{"the schedule beside a node's", []event.Wakeup{of("shard-2"), schedule}, []any{"shard-1", "shard-2", "shard-3"}},
		{"an alarm on no shard", []event.Wakeup{{Kind: event.Alarm}}, []any{"shard-1", "shard-2", "shard-3"}},
		{"an unknown shard", []event.Wakeup{of("shard-9")}, nil},
		{"an ignored message", []event.Wakeup{{Kind: event.Ignored, Because: "garbage"}}, nil},
		{"nothing", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 3, 2)
			_, err := w.bridges.Run(context.Background(), c.wakeups)
			require.NoError(t, err)
			var shards []any
			for _, d := range w.decisions() {
				shards = append(shards, d["shard"])
			}
			assert.ElementsMatch(t, c.shards, shards)
		})
	}
}

func TestEachDecisionIsOneLineOfJSON(t *testing.T) {
	w := newWorld(t, 2, 2)
	w.load(w.shard(1), 2)
	w.runBridges()
	lines := w.decisions()
	require.Len(t, lines, 2, "one for each group")
	for _, line := range lines {
		for _, key := range []string{"loop", "group", "shard", "fence", "bridges", "desired", "decision", "quarantine", "actions", "error"} {
			assert.Contains(t, line, key)
		}
		decision := line["decision"].(map[string]any)
		assert.NotEmpty(t, decision["reasons"])
		assert.Contains(t, decision, "wanted")
		if line["shard"] == "shard-1" {
			assert.Equal(t, []any{"raise desired capacity to 3"}, line["actions"])
			assert.Equal(t, map[string]any{"serving": 2.0}, line["bridges"])
		}
	}
}

func TestALimitedDrainIsHeldOrMovedAsTheOperatorSaid(t *testing.T) {
	for _, at := range []settings.AtDrainLimit{settings.Hold, settings.Move} {
		w := newWorld(t, 1, 3)
		w.bridges.Env.AtDrainLimit = at
		n := w.shard(1).members[0].node
		n.endpoints, n.stress = 5, 0.7 // more than is worth taking back
		n.become(fleet.PhaseDraining, w.Now())
		w.minutes(11) // from then on it is released
		w.advance(6 * time.Hour)
		w.minutes(11)
		values := w.runBridges()
		assert.EqualValues(t, 1, values["DrainsOverdue shard-1"])
		assert.Equal(t, at == settings.Move, slices.Contains(w.took(), "move i-002"), "at the limit: %s", at)
	}
}

func TestTheLimitOfADrainIsNotForAReserve(t *testing.T) {
	w := newWorld(t, 1, 3)
	g := w.shard(1)
	n := g.members[0].node
	n.endpoints, n.stress = 5, 0.05
	n.become(fleet.PhaseDraining, w.Now())
	others := func(stress float64) {
		for _, m := range g.members[1:] {
			m.node.endpoints, m.node.stress = int64(100*stress), stress
		}
	}
	others(0.4)
	for range 8 {
		w.advance(time.Hour)
		w.minutes(11)
	}
	assert.EqualValues(t, 0, w.runBridges()["DrainsOverdue shard-1"], "it is needed as a reserve, for eight hours")
	require.Equal(t, fleet.PhaseDraining, n.phase)
	others(0.05)
	w.minutes(11)
	assert.EqualValues(t, 0, w.runBridges()["DrainsOverdue shard-1"], "it is not needed any more")
	w.advance(7 * time.Hour)
	w.minutes(11)
	assert.EqualValues(t, 1, w.runBridges()["DrainsOverdue shard-1"], "nor was it for seven hours")
}

func TestAnOutdatedGroupIsRolledOneByOne(t *testing.T) {
	w := newWorld(t, 1, 2)
	g := w.shard(1)
	for _, m := range g.members {
		m.Outdated = true
	}
	for range 120 {
		w.loaded(g, 0.3, 1)
		assert.LessOrEqual(t, w.inPhase(g, fleet.PhaseDraining), 1)
	}
	for _, m := range g.members {
		assert.False(t, m.Outdated, m.ID)
	}
	assert.Len(t, g.members, 2)
	w.well()
}

func TestMemoryOutlivesARun(t *testing.T) {
	w := newWorld(t, 1, 3)
	w.shard(1).members[0].node.endpoints = 5
	w.shard(1).members[0].node.become(fleet.PhaseDraining, w.Now())
	w.minutes(3)
	held, err := holdAll[bridgeMemory](context.Background(), w.leases, loopBridges, []string{"shard-1"}, func() time.Time { return w.Now().Add(time.Hour) }, w.bridges.Log)
	require.NoError(t, err)
	m := held["shard-1"].memory
	assert.Len(t, m.Demand, 3)
	assert.Contains(t, m.Leaving, fleet.InstanceID("i-002"))
}

func TestUnreadableMemoryIsBegunAnew(t *testing.T) {
	w := newWorld(t, 1, 2)
	w.leases.items["bridges/shard-1"] = &item{memory: []byte(`{"demand":"of another release"}`), fence: 7}
	w.runBridges()
	assert.Contains(t, w.log.String(), "begun anew")
	assert.EqualValues(t, 8, w.leases.items["bridges/shard-1"].fence)
	assert.JSONEq(t, `[{"at":"2026-03-02T12:00:00Z","demand":0}]`, demandOf(t, w.leases.items["bridges/shard-1"].memory))
}

func TestABridgeThatDoesNotObeyItsTakingBackIsNotWaitedFor(t *testing.T) {
	w := newWorld(t, 1, 3)
	g := w.shard(1)
	deaf := g.members[2].node
	deaf.deaf, deaf.stress, deaf.endpoints = true, 0.1, 10
	for _, m := range g.members[:2] {
		m.node.stress, m.node.endpoints = 0.55, 55
	}
	deaf.become(fleet.PhaseDraining, w.Now())
	w.runBridges()
	require.Equal(t, []string{"undrain i-004"}, w.took())
	w.minutes(1)
	assert.Contains(t, w.took(), "raise jitsi-shard-1-bridges to 4")
}

func TestABridgeInServiceThatNeverStartsIsReplaced(t *testing.T) {
	w := newWorld(t, 1, 3)
	broken := w.shard(1).members[2].node
	broken.unfit = true
	broken.become(fleet.PhaseStarting, w.Now())
	w.runBridges()
	assert.NotContains(t, w.took(), "replace i-004")
	w.minutes(4)
	assert.Contains(t, w.took(), "replace i-004")
}

func TestAGroupWithoutAShardIsNamedAndLeftAlone(t *testing.T) {
	w := newWorld(t, 1, 2)
	w.addGroup(fleet.RoleBridge, "", 1, 3)
	w.minutes(2)
	for _, act := range w.took() {
		assert.NotContains(t, act, "jitsi--bridges")
	}
	assert.Contains(t, w.log.String(), fleet.TagShard)
}

func TestAStormOfWakeupsAsksAWSOnlyOnceForAll(t *testing.T) {
	w := newWorld(t, 1, 2)
	lease, ok, err := w.leases.Acquire(context.Background(), "bridges/shard-1", w.Now(), w.Now().Add(time.Minute))
	require.NoError(t, err)
	require.True(t, ok)
	clear(w.calls)
	for range 100 {
		_, err := w.bridges.Run(context.Background(), []event.Wakeup{{Kind: event.Node, Shard: "shard-1"}})
		require.NoError(t, err)
	}
	assert.Empty(t, w.calls, "who loses the lease asks nothing")
	again, err := w.leases.Release(context.Background(), lease, []byte("{}"))
	require.NoError(t, err)
	assert.True(t, again, "the holder runs once more for all of them")
}

func TestTheHistoryIsBoundedHoweverOftenItIsWoken(t *testing.T) {
	w := newWorld(t, 1, 2)
	for n := range 3000 {
		w.advance(time.Second)
		w.load(w.shard(1), 0.4+0.1*float64(n%2))
		w.runBridges()
	}
	lease, ok, err := w.leases.Acquire(context.Background(), "bridges/shard-1", w.Now(), w.Now().Add(time.Minute))
	require.NoError(t, err)
	require.True(t, ok)
	assert.Less(t, len(lease.Memory), 16<<10, "DynamoDB bounds an item at 400 kB")
	var memory bridgeMemory
	require.NoError(t, json.Unmarshal(lease.Memory, &memory))
	assert.GreaterOrEqual(t, memory.Demand[len(memory.Demand)-1].At.Sub(memory.Demand[0].At), 19*time.Minute)
	assert.InDelta(t, 0.5, memory.Demand[0].Demand, 0.01, "the highest of those that share a sample")
}

func TestInstancesBeyondTheDesiredCapacityAreNotBoughtAgain(t *testing.T) {
	w := newWorld(t, 1, 3)
	g := w.shard(1)
	g.Desired = 2 // as after an operator lowered it while all are protected
	w.load(g, 1.5)
	w.runBridges()
	assert.Contains(t, w.took(), "raise jitsi-shard-1-bridges to 4")
}

func TestNothingIsLaunchedForAShardWithoutASignalNode(t *testing.T) {
	w := newWorld(t, 1, 2)
	w.load(w.shard(1), 2)
	lost := w.signal(1).members
	w.signal(1).members = nil
	w.runBridges()
	assert.Empty(t, w.took(), "a bridge that is launched now could not join")
	w.signal(1).members = lost
	w.runBridges()
	assert.Equal(t, []string{"raise jitsi-shard-1-bridges to 3"}, w.took())
}
