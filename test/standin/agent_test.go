package standin_test

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/agent"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/routing"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

// agentOf is a real node agent beside a stand-in, looked after by the test.
func (s *stage) agentOf(id fleet.InstanceID, role fleet.Role) *agent.Agent {
	s.t.Helper()
	c := agent.Config{
		Fleet: "f", Instance: id, Role: role, Shard: "a", StateFile: filepath.Join(s.t.TempDir(), "state.json"),
		Poll: time.Second, SickAfter: 15 * time.Second, WakeStress: 0.6, Clock: s.clock.Now, Log: slog.New(slog.DiscardHandler),
		Host: func(time.Time) (fleet.HostLoad, error) { return fleet.HostLoad{}, nil },
	}
	if role == fleet.RoleBridge {
		c.Component = agent.Bridge{JVB: s.jvb(id)}
	} else {
		c.Component = agent.Signal{Jicofo: s.jicofo(id), Prosody: s.prosody(id), Web: s.web(id), Rooms: s.prosody(id), Host: "meet.example.org"}
	}
	a, err := agent.New(c)
	require.NoError(s.t, err)
	return a
}

// watch lets time pass while the agent looks each second, and returns the status after it.
func (s *stage) watch(a *agent.Agent, d time.Duration) fleet.Status {
	for range d / time.Second {
		s.pass(time.Second)
		a.Look(s.t.Context())
	}
	return a.Status()
}

func (s *stage) obey(a *agent.Agent, verb fleet.Verb) fleet.Status {
	s.t.Helper()
	status, err := a.Obey(s.t.Context(), verb, fleet.Order{Loop: "bridges", Fence: 1, Reason: "test"})
	require.NoError(s.t, err)
	return status
}

func TestAgentLeadsABridgeFromBootToEnd(t *testing.T) {
	s := newStage(t, standin.Options{BridgeBoot: time.Minute})
	s.signal("a")
	id := s.newBridge()
	a := s.agentOf(id, fleet.RoleBridge)
	assert.Equal(t, fleet.PhaseStarting, s.watch(a, 59*time.Second).Phase)
	assert.Equal(t, fleet.PhaseStarting, s.watch(a, 3*time.Second).Phase, "it answers and has not joined")
	assert.Equal(t, fleet.PhaseStandby, s.watch(a, 5*time.Second).Phase)
	assert.Equal(t, fleet.PhaseServing, s.obey(a, fleet.VerbAdmit).Phase)
	s.watch(a, 5*time.Second)
	tickets := s.join("room", 2)
	assert.EqualValues(t, 2, s.watch(a, 6*time.Second).Bridge.LocalEndpoints)
	assert.Equal(t, fleet.PhaseDraining, s.obey(a, fleet.VerbDrain).Phase)
	_, err := a.Obey(t.Context(), fleet.VerbRetire, fleet.Order{Loop: "bridges", Fence: 1})
	require.ErrorContains(t, err, "2 participants")
	for _, ticket := range tickets {
		s.Leave(ticket)
	}
	s.watch(a, 6*time.Second)
	assert.Equal(t, fleet.PhaseRetiring, s.obey(a, fleet.VerbRetire).Phase)
	assert.Equal(t, fleet.PhaseRetiring, s.watch(a, 50*time.Second).Phase)
	assert.Equal(t, fleet.PhaseGone, s.watch(a, 15*time.Second).Phase)
	s.StopNode(id)
	assert.Zero(t, s.Counters().Dropped)
}

func TestSomebodyWhoJoinsWhileABridgeIsRetiredIsNotDropped(t *testing.T) {
	s := newStage(t, standin.Options{})
	s.signal("a")
	id := s.newBridge()
	a := s.agentOf(id, fleet.RoleBridge)
	s.watch(a, 7*time.Second)
	s.obey(a, fleet.VerbAdmit)
	s.watch(a, 5*time.Second)
	s.obey(a, fleet.VerbDrain)
	tickets := s.join("room", 1) // JVB's gauges and Jicofo's view are up to five seconds old
	status := s.obey(a, fleet.VerbRetire)
	assert.Zero(t, status.Bridge.LocalEndpoints, "the gauge does not know yet")
	status = s.watch(a, 10*time.Minute)
	assert.Equal(t, fleet.PhaseRetiring, status.Phase)
	assert.False(t, status.Bridge.ShuttingDown)
	assert.EqualValues(t, 1, status.Bridge.LocalEndpoints)
	s.Leave(tickets[0])
	assert.Equal(t, fleet.PhaseGone, s.watch(a, 70*time.Second).Phase)
	assert.Zero(t, s.Counters().Dropped)
}

func TestAgentMovesParticipantsAtTheDrainLimit(t *testing.T) {
	s := newStage(t, standin.Options{})
	s.signal("a")
	id := s.newBridge()
	a := s.agentOf(id, fleet.RoleBridge)
	s.watch(a, 7*time.Second)
	s.obey(a, fleet.VerbAdmit)
	s.watch(a, 5*time.Second)
	s.join("room", 5)
	other := s.bridge()
	s.obey(a, fleet.VerbDrain)
	assert.Equal(t, fleet.PhaseRetiring, s.obey(a, fleet.VerbMove).Phase)
	assert.Equal(t, fleet.PhaseGone, s.watch(a, 70*time.Second).Phase)
	assert.Equal(t, 5, s.on(other))
	assert.Equal(t, standin.Counters{Joined: 5, Moved: 5}, s.Counters())
}

func TestAgentBringsARestartedBridgeBackIntoService(t *testing.T) {
	s := newStage(t, standin.Options{})
	s.signal("a")
	id := s.newBridge()
	a := s.agentOf(id, fleet.RoleBridge)
	s.watch(a, 7*time.Second)
	s.obey(a, fleet.VerbAdmit)
	s.KillBridge(id)
	assert.Equal(t, fleet.PhaseServing, s.watch(a, 14*time.Second).Phase)
	assert.Equal(t, fleet.PhaseGone, s.watch(a, 3*time.Second).Phase)
	require.NoError(t, s.RestartBridge(id))
	assert.Equal(t, fleet.PhaseServing, s.watch(a, 8*time.Second).Phase)
	assert.False(t, s.state(id).Drain)
}

func TestHungBridgeIsSickAndKeepsItsFigures(t *testing.T) {
	s := newStage(t, standin.Options{})
	s.signal("a")
	s.patience = 200 * time.Millisecond
	id := s.newBridge()
	a := s.agentOf(id, fleet.RoleBridge)
	s.watch(a, 7*time.Second)
	s.obey(a, fleet.VerbAdmit)
	s.HangBridge(id, true)
	status := fleet.Status{}
	for range 3 { // each look waits for its whole time limit
		s.pass(10 * time.Second)
		a.Look(t.Context())
		status = a.Status()
	}
	assert.Equal(t, fleet.PhaseSick, status.Phase)
	assert.Contains(t, status.Detail, "no answer in time")
	assert.InDelta(t, 30, status.AgeSeconds, 1)
	s.HangBridge(id, false)
	assert.Equal(t, fleet.PhaseServing, s.watch(a, 6*time.Second).Phase)
}

func TestSignalNodeIsReadyBeforeItsFirstBridge(t *testing.T) {
	s := newStage(t, standin.Options{SignalBoot: 20 * time.Second})
	node := s.signal("a")
	a := s.agentOf(node, fleet.RoleSignal)
	assert.Equal(t, fleet.PhaseStarting, s.watch(a, 19*time.Second).Phase)
	status := s.watch(a, 3*time.Second)
	assert.Equal(t, fleet.PhaseStandby, status.Phase)
	assert.Contains(t, status.Detail, "No operational bridges available")
	assert.Equal(t, fleet.PhaseServing, s.obey(a, fleet.VerbAdmit).Phase)
	bridge := s.bridge()
	s.join("room", 3)
	status = s.watch(a, 6*time.Second)
	assert.Empty(t, status.Detail)
	assert.EqualValues(t, 3, status.Signal.Participants)
	assert.Equal(t, map[fleet.InstanceID]fleet.BridgeView{bridge: {Operational: true, Endpoints: 3}}, status.Signal.BridgeViews)
	assert.Equal(t, fleet.PhaseDraining, s.obey(a, fleet.VerbDrain).Phase)
	_, err := a.Obey(t.Context(), fleet.VerbRetire, fleet.Order{Loop: "bridges", Fence: 1})
	require.ErrorContains(t, err, "3 participants")
	s.StopNode(node)
	assert.Equal(t, fleet.PhaseGone, s.watch(a, 20*time.Second).Phase)
}

func TestBridgeThatLosesItsBreweryIsSickUntilItJoinsAgain(t *testing.T) {
	s := newStage(t, standin.Options{})
	node := s.signal("a")
	id := s.newBridge()
	a := s.agentOf(id, fleet.RoleBridge)
	s.watch(a, 7*time.Second)
	s.obey(a, fleet.VerbAdmit)
	s.StopNode(node)
	status := s.watch(a, 20*time.Second)
	assert.Equal(t, fleet.PhaseSick, status.Phase)
	assert.Contains(t, status.Detail, "joined no brewery")
	s.signal("a")
	assert.Equal(t, fleet.PhaseServing, s.watch(a, 8*time.Second).Phase)
}

func TestASignalNodesAgentCountsRoomsByTheirKeys(t *testing.T) {
	s := newStage(t, standin.Options{})
	node := s.signal("a")
	s.bridge()
	a := s.agentOf(node, fleet.RoleSignal)
	assert.Equal(t, "down", a.Check(), "a new node is proven first")
	s.watch(a, 40*time.Second)
	assert.Equal(t, "up drain", a.Check(), "nobody has said that the shard is ready")
	s.join("Weekly", 2)
	s.join("[acme]standup", 1)
	census, err := a.Census(t.Context())
	require.NoError(t, err)
	keys := map[string]int{}
	for _, r := range census.Rooms {
		keys[r.Key] = r.Participants
	}
	assert.Equal(t, map[string]int{routing.Key("", "weekly"): 2, routing.Key("ACME", "standup"): 1}, keys)
}
