package reconcile

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

func (w *world) measure() map[string]float64 {
	w.t.Helper()
	record, err := w.metrics.Run(context.Background())
	require.NoError(w.t, err)
	return metricsOf(w.t, record)
}

func TestAShardsFiguresArePublished(t *testing.T) {
	w := newWorld(t, 1, 4)
	g := w.shard(1)
	for i, stress := range []float64{0.2, 0.4, 0.9, 0.3} {
		g.members[i].node.stress, g.members[i].node.endpoints = stress, int64(10*(i+1))
	}
	g.members[3].node.become(fleet.PhaseDraining, w.Now())
	g.Desired++
	w.advance(time.Second)
	w.signal(1).members[0].node.endpoints = 100
	got := w.measure()
	for name, want := range map[string]float64{
		"BridgesServing shard-1": 3, "BridgesBooting shard-1": 1, "BridgesDraining shard-1": 1,
		"BridgesOverloaded shard-1": 1, "SilentShare shard-1": 0, "StressMean shard-1": 0.5, "StressP90 shard-1": 0.9, "StressMax shard-1": 0.9,
		"RoomMissing shard-1": 0, "SendKilobits shard-1": 100_000, "ReceiveKilobits shard-1": 50_000,
		"Conferences shard-1": 20, "Participants shard-1": 100, "LargestConference shard-1": 5, "AgentsSilent": 0,
		"PacketRate shard-1": 12_000, "PacketLoss shard-1": 0.049, "RoundTripMillis shard-1": 49, "ICEFailures shard-1": 8, "LostBridges shard-1": 3,
		"SignalUnhealthy shard-1": 0, "ObservationAge": 0,
	} {
		assert.InDelta(t, want, got[name], 1e-9, name)
		assert.Contains(t, got, name)
	}
	assert.Empty(t, w.took(), "measuring changes nothing")
}

func TestMissingRoomIsToldInBridges(t *testing.T) {
	w := newWorld(t, 1, 2)
	for _, m := range w.shard(1).members {
		m.node.stress = 0.51
	}
	assert.InDelta(t, 0.7, w.measure()["RoomMissing shard-1"], 1e-9, "0.18 of room is 0.3 bridges of one spare")
}

func TestASilentNodeCostsItsOwnFiguresOnly(t *testing.T) {
	w := newWorld(t, 2, 3)
	for _, m := range w.shard(1).members {
		m.node.stress, m.node.endpoints = 0.2, 20
	}
	w.shard(1).members[0].node.silent = true
	w.shard(1).members[1].node.age = time.Minute
	got := w.measure()
	assert.EqualValues(t, 1, got["BridgesServing shard-1"])
	assert.InDelta(t, 0.5, got["SilentShare shard-1"], 1e-9, "two of three bridges and a signal node")
	assert.Zero(t, got["SilentShare shard-2"])
	assert.EqualValues(t, 2, got["AgentsSilent"])
	assert.Contains(t, w.log.String(), `"asked":8`)
	assert.Contains(t, w.log.String(), `"instance":"i-002"`)
}

func TestAGapIsNotTakenForAnEmptyShard(t *testing.T) {
	w := newWorld(t, 1, 2)
	w.signal(1).members[0].node.silent = true
	for _, m := range w.shard(1).members {
		m.node.silent = true
	}
	got := w.measure()
	for _, name := range []string{"Conferences", "Participants", "LargestConference", "StressMean", "StressMax", "RoomMissing"} {
		assert.NotContains(t, got, name+" shard-1")
	}
	assert.EqualValues(t, 1, got["SilentShare shard-1"])
}

func TestAShardThatBootsIsNotSilent(t *testing.T) {
	w := newWorld(t, 1, 2)
	w.shard(1).members, w.signal(1).members = nil, nil
	got := w.measure()
	assert.NotContains(t, got, "SilentShare shard-1")
	assert.NotContains(t, got, "SignalUnhealthy shard-1")
	assert.Contains(t, got, "BridgesServing shard-1", "that nothing serves is told all the same")
}

func TestASignalNodeThatFailsIsTold(t *testing.T) {
	w := newWorld(t, 1, 2)
	w.signal(1).members[0].node.become(fleet.PhaseSick, w.Now())
	assert.EqualValues(t, 1, w.measure()["SignalUnhealthy shard-1"])
	w.signal(1).members[0].node.silent = true
	assert.NotContains(t, w.measure(), "SignalUnhealthy shard-1", "silence is told as such")
}

func TestANodeWhoseComponentIsDeadIsNotSilent(t *testing.T) {
	w := newWorld(t, 1, 2)
	n := w.shard(1).members[0].node
	n.become(fleet.PhaseGone, w.Now())
	n.age = time.Hour // nobody has figures of a process that is not there
	got := w.measure()
	assert.Zero(t, got["SilentShare shard-1"])
	assert.Zero(t, got["AgentsSilent"])
	n.become(fleet.PhaseServing, w.Now())
	assert.EqualValues(t, 1, w.measure()["AgentsSilent"], "a component that is said to serve has fresh figures")
}

func TestWhatKeepsANodeFromBeingWellIsLoggedAndNothingOfOneThatIs(t *testing.T) {
	w := newWorld(t, 1, 2)
	w.measure()
	assert.NotContains(t, w.log.String(), "unwell")
	w.shard(1).members[0].node.detail = "its disk is full"
	w.measure()
	assert.Contains(t, w.log.String(), "unwell")
	assert.Contains(t, w.log.String(), "its disk is full")
}

func TestTheMostUsedMachineOfARoleIsTold(t *testing.T) {
	w := newWorld(t, 1, 3)
	m := w.shard(1).members
	m[0].node.host = fleet.HostLoad{CPU: 0.5, Memory: 0.2, Disk: 0.1, IO: 0.7, ReceiveBytesPS: 1000, SendBytesPS: 2000}
	m[1].node.host = fleet.HostLoad{CPU: 0.3, Memory: 0.4, Disk: 0.9, ReceiveBytesPS: 1000}
	m[2].node.host = fleet.HostLoad{CPU: 1, Memory: 1, Disk: 1, ReceiveBytesPS: 9000}
	m[2].node.silent = true
	m[0].node.age = 2 * time.Second
	got := w.measure()
	for name, want := range map[string]float64{
		"BridgeCPU": 50, "BridgeMemory": 40, "BridgeDisk": 90, "BridgeIO": 70, "BridgeNetwork": 32, "SignalCPU": 0, "ObservationAge": 2,
	} {
		assert.Contains(t, got, name)
		assert.InDelta(t, want, got[name], 1e-9, name)
	}
	assert.NotContains(t, got, "EdgeCPU", "the edge is asked by the Lambda shards")
}

func TestAnAgentThatIsSomebodyElseIsSilent(t *testing.T) {
	w := newWorld(t, 1, 2)
	w.shard(1).members[0].node.id = "i-999"
	got := w.measure()
	assert.InDelta(t, 1.0/3, got["SilentShare shard-1"], 1e-9, "of two bridges and the signal node")
	assert.Contains(t, w.log.String(), "says that it is")
}
