package standin_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/jitsi"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

func TestEmptyBridgeThatIsToldToShutDownGracefullyExitsAMinuteLater(t *testing.T) {
	s := newStage(t, standin.Options{})
	s.signal("a")
	one := s.bridge()
	require.NoError(t, s.jvb(one).Shutdown(t.Context(), true))
	stats, err := s.jvb(one).Stats(t.Context())
	require.NoError(t, err)
	assert.True(t, stats.GracefulShutdown)
	assert.True(t, stats.ShuttingDown)
	s.pass(59 * time.Second)
	require.NoError(t, s.jvb(one).Health(t.Context()))
	s.pass(2 * time.Second)
	require.ErrorIs(t, s.jvb(one).Health(t.Context()), jitsi.ErrRefused)
	assert.Zero(t, s.Counters().Dropped)
}

func TestGracefulShutdownWaitsForTheLastEndpointAndRejectsNewConferences(t *testing.T) {
	s := newStage(t, standin.Options{})
	s.signal("a")
	one := s.bridge()
	tickets := s.join("room", 2)
	require.NoError(t, s.jvb(one).Shutdown(t.Context(), true))
	_, err := s.Join("a", "another")
	require.ErrorIs(t, err, standin.ErrNoBridge)
	s.join("room", 1)
	s.pass(time.Hour)
	assert.Equal(t, 3, s.on(one))
	assert.False(t, s.state(one).ShuttingDown)
	for _, ticket := range append(tickets, tickets[1]+1) {
		require.True(t, s.Leave(ticket))
	}
	s.pass(2 * time.Second)
	assert.True(t, s.state(one).ShuttingDown)
	s.pass(time.Minute)
	assert.True(t, s.state(one).Dead)
}

func TestForcedShutdownMovesEverybodyToOtherBridges(t *testing.T) {
	s := newStage(t, standin.Options{})
	node := s.signal("a")
	one := s.bridge()
	s.join("room", 10)
	two := s.bridge()
	require.NoError(t, s.jvb(one).Shutdown(t.Context(), false))
	s.pass(6 * time.Second)
	assert.Equal(t, []int{0, 10}, []int{s.on(one), s.on(two)})
	s.pass(time.Minute)
	assert.True(t, s.state(one).Dead)
	assert.Equal(t, standin.Counters{Joined: 10, Moved: 10}, s.Counters())
	stats, err := s.jicofo(node).Stats(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 10, stats.ParticipantsMoved)
	assert.EqualValues(t, 0, stats.LostBridges, "a bridge that shut down is not lost")
}

func TestForcedShutdownWithNowhereToGoDropsThem(t *testing.T) {
	s := newStage(t, standin.Options{})
	s.signal("a")
	one := s.bridge()
	s.join("room", 4)
	require.NoError(t, s.jvb(one).Shutdown(t.Context(), false))
	s.pass(2 * time.Minute)
	assert.EqualValues(t, 4, s.Counters().Dropped)
}

func TestTerminatingAnInstanceWithPeopleOnItDropsThem(t *testing.T) {
	s := newStage(t, standin.Options{})
	s.signal("a")
	one := s.bridge()
	s.join("room", 4)
	s.bridge()
	s.StopNode(one)
	s.pass(time.Minute)
	assert.EqualValues(t, 4, s.Counters().Dropped)
	assert.Zero(t, s.Counters().Rejoined, "who was dropped is counted once")
	assert.Equal(t, 4, s.Participants("a"), "Jicofo invites them again all the same")
}

func TestTerminatingAnEmptyInstanceDropsNobody(t *testing.T) {
	s := newStage(t, standin.Options{})
	s.signal("a")
	one := s.bridge()
	tickets := s.join("room", 1)
	require.True(t, s.Leave(tickets[0]))
	s.StopNode(one)
	assert.Zero(t, s.Counters().Dropped)
	assert.Empty(t, s.Bridges())
	require.ErrorIs(t, s.jvb(one).Health(t.Context()), jitsi.ErrRefused)
}

func TestEndingASignalNodeDropsItsConferences(t *testing.T) {
	s := newStage(t, standin.Options{})
	node := s.signal("a")
	one := s.bridge()
	s.join("room", 4)
	s.StopNode(node)
	assert.EqualValues(t, 4, s.Counters().Dropped)
	assert.Zero(t, s.on(one))
	s.signal("a")
	s.pass(7 * time.Second)
	assert.True(t, s.state(one).Joined, "bridges join the next signal node by themselves")
	s.join("room", 1)
}

func TestAKilledSignalNodeCutsItsConferencesOffAndIsNobodysDoing(t *testing.T) {
	s := newStage(t, standin.Options{})
	node := s.signal("a")
	one := s.bridge()
	s.join("room", 4)
	require.True(t, s.KillSignal(node))
	assert.False(t, s.KillSignal(node), "it is gone")
	s.StopNode(node)
	assert.EqualValues(t, 4, s.Counters().CutOff)
	assert.Zero(t, s.Counters().Dropped)
	assert.Zero(t, s.on(one))
	require.ErrorIs(t, s.jicofo(node).Health(t.Context()), jitsi.ErrRefused)
	_, err := s.Join("a", "room")
	require.ErrorIs(t, err, standin.ErrNoShard)
	s.signal("a")
	s.pass(7 * time.Second)
	s.join("room", 1)
}

func TestSecondSignalNodeWaitsForTheFirstToGo(t *testing.T) {
	s := newStage(t, standin.Options{SignalBoot: time.Minute})
	first := s.signal("a")
	s.pass(time.Minute)
	one := s.bridge()
	second := s.signal("a")
	s.pass(2 * time.Minute)
	views, err := s.jicofo(second).Views(t.Context())
	require.NoError(t, err)
	assert.Empty(t, views.Bridges)
	require.ErrorIs(t, s.jicofo(second).Health(t.Context()), jitsi.ErrUnhealthy)
	s.StopNode(first)
	s.pass(7 * time.Second)
	views, err = s.jicofo(second).Views(t.Context())
	require.NoError(t, err)
	assert.Contains(t, views.Bridges, string(one))
}

func TestKilledBridgeLosesItsPeopleUntilJicofoNotices(t *testing.T) {
	s := newStage(t, standin.Options{})
	node := s.signal("a")
	one := s.bridge()
	s.join("room", 5)
	two := s.bridge()
	require.True(t, s.KillBridge(one))
	require.ErrorIs(t, s.jvb(one).Health(t.Context()), jitsi.ErrRefused)
	s.pass(9 * time.Second)
	assert.Equal(t, 0, s.on(two))
	s.pass(2 * time.Second)
	assert.Equal(t, 5, s.on(two))
	s.StopNode(one)
	c := s.Counters()
	assert.EqualValues(t, 5, c.Rejoined)
	assert.InDelta(t, 50, c.InterruptionSeconds, 6)
	assert.Zero(t, c.Dropped, "the machine of a dead bridge may be ended")
	stats, err := s.jicofo(node).Stats(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 1, stats.LostBridges)
}

func TestWhoHasNoBridgeLeftWaitsForTheNext(t *testing.T) {
	s := newStage(t, standin.Options{})
	s.signal("a")
	one := s.bridge()
	tickets := s.join("room", 2)
	s.KillBridge(one)
	s.pass(time.Minute)
	require.True(t, s.Leave(tickets[0]))
	two := s.bridge()
	assert.Equal(t, 1, s.on(two))
	assert.EqualValues(t, 1, s.Counters().Rejoined)
}

func TestRestartedBridgeComesBackEmptyAndInDrain(t *testing.T) {
	s := newStage(t, standin.Options{})
	s.signal("a")
	one := s.bridge()
	require.Error(t, s.RestartBridge(one), "it runs")
	require.Error(t, s.RestartBridge("i-unknown"))
	s.join("room", 3)
	s.KillBridge(one)
	require.NoError(t, s.RestartBridge(one))
	s.pass(2 * time.Second)
	stats, err := s.jvb(one).Stats(t.Context())
	require.NoError(t, err)
	assert.True(t, stats.Drain)
	assert.Zero(t, stats.LocalEndpoints)
	s.pass(15 * time.Second)
	assert.Equal(t, 3, s.on(one), "Jicofo invites them to it again")
}

func TestHungBridgeAnswersNobodyKeepsItsMediaAndGetsNothingNew(t *testing.T) {
	s := newStage(t, standin.Options{})
	s.signal("a")
	one, two := s.bridge(), s.bridge()
	s.HeatBridge(two, 0.5)
	s.pass(5 * time.Second)
	s.join("room", 2)
	require.True(t, s.HangBridge(one, true))
	hasty := jitsi.NewBridge(s.url(one, 8080), 50*time.Millisecond)
	require.ErrorIs(t, hasty.Health(t.Context()), jitsi.ErrTimeout)
	s.pass(11 * time.Second)
	s.join("room", 3)
	assert.Equal(t, []int{2, 3}, []int{s.on(one), s.on(two)})
	s.HangBridge(one, false)
	require.NoError(t, s.jvb(one).Health(t.Context()))
}

func TestSlowBridgeAnswersLate(t *testing.T) {
	s := newStage(t, standin.Options{})
	s.signal("a")
	one := s.bridge()
	require.True(t, s.SlowBridge(one, 80*time.Millisecond))
	hasty := jitsi.NewBridge(s.url(one, 8080), 20*time.Millisecond)
	require.ErrorIs(t, hasty.Health(t.Context()), jitsi.ErrTimeout)
	require.NoError(t, s.jvb(one).Health(t.Context()))
}

func TestPeopleOfAnUnhealthyBridgeAreInvitedElsewhere(t *testing.T) {
	s := newStage(t, standin.Options{})
	s.signal("a")
	one := s.bridge()
	s.join("room", 2)
	two := s.bridge()
	require.True(t, s.SickenBridge(one, "no valid address"))
	require.ErrorContains(t, s.jvb(one).Health(t.Context()), "no valid address")
	s.pass(6 * time.Second)
	assert.Equal(t, []int{0, 2}, []int{s.on(one), s.on(two)})
	s.SickenBridge(one, "")
	require.NoError(t, s.jvb(one).Health(t.Context()))
}

func TestFaultsOfUnknownBridgesAreNone(t *testing.T) {
	s := newStage(t, standin.Options{})
	assert.False(t, s.KillBridge("i-unknown"))
	assert.False(t, s.HangBridge("i-unknown", true))
	s.StopNode("i-unknown")
}

func TestTheFactorShortensEveryDuration(t *testing.T) {
	s := newStage(t, standin.Options{Factor: 60, BridgeBoot: 4 * time.Minute})
	s.signal("a")
	one := s.newBridge()
	s.pass(4*time.Second - time.Millisecond)
	require.ErrorIs(t, s.jvb(one).Health(t.Context()), jitsi.ErrRefused)
	s.pass(200 * time.Millisecond)
	require.NoError(t, s.jvb(one).Health(t.Context()))
	assert.True(t, s.state(one).Joined)
	require.NoError(t, s.jvb(one).Shutdown(t.Context(), true))
	s.pass(1100 * time.Millisecond)
	assert.True(t, s.state(one).Dead)
}
