package standin_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

func TestNobodyJoinsAShardWithoutASignalNode(t *testing.T) {
	s := newStage(t, standin.Options{})
	_, err := s.Join("a", "room")
	require.ErrorIs(t, err, standin.ErrNoShard)
	assert.EqualValues(t, 1, s.Counters().Refused)
}

func TestNobodyJoinsAShardBeforeABridgeHasJoinedItsBrewery(t *testing.T) {
	s := newStage(t, standin.Options{BridgeBoot: time.Minute})
	s.signal("a")
	s.newBridge()
	s.pass(64 * time.Second)
	_, err := s.Join("a", "room")
	require.ErrorIs(t, err, standin.ErrNoBridge)
	s.pass(2 * time.Second)
	_, err = s.Join("a", "room")
	require.NoError(t, err, "even a draining bridge is used when there is no other")
}

func TestConferenceStaysOnItsBridgeWhileThatIsNotOverloaded(t *testing.T) {
	s := newStage(t, standin.Options{})
	s.signal("a")
	one, two := s.bridge(), s.bridge()
	s.join("room", 30)
	assert.ElementsMatch(t, []int{30, 0}, []int{s.on(one), s.on(two)})
}

func TestNewConferencesGoToTheLeastLoadedBridge(t *testing.T) {
	s := newStage(t, standin.Options{})
	s.signal("a")
	one, two, three := s.bridge(), s.bridge(), s.bridge()
	for i := range 30 {
		s.join(fmt.Sprintf("room-%d", i), 2)
	}
	for _, id := range []fleet.InstanceID{one, two, three} {
		assert.Equal(t, 20, s.on(id))
	}
}

func TestConferenceSpreadsToAnotherBridgeWhenItsOwnIsOverloaded(t *testing.T) {
	s := newStage(t, standin.Options{})
	s.signal("a")
	one, two := s.bridge(), s.bridge()
	s.HeatBridge(one, 0.705)
	s.HeatBridge(two, 0.705)
	s.pass(5 * time.Second)
	s.join("room", 15)
	assert.ElementsMatch(t, []int{10, 5}, []int{s.on(one), s.on(two)}, "0.705 and ten joins are above 0.8")
}

func TestAtMostEightyOfOneConferenceAreOnABridge(t *testing.T) {
	s := newStage(t, standin.Options{})
	s.signal("a")
	one, two := s.bridge(), s.bridge()
	for range 10 {
		s.join("room", 10)
		s.pass(30 * time.Second)
		s.HeatBridge(one, -0.01*float64(s.on(one)))
		s.HeatBridge(two, -0.01*float64(s.on(two)))
		s.pass(5 * time.Second)
	}
	assert.ElementsMatch(t, []int{80, 20}, []int{s.on(one), s.on(two)})
}

func TestLeastLoadedBridgeIsUsedWhenAllAreOverloaded(t *testing.T) {
	s := newStage(t, standin.Options{})
	s.signal("a")
	one, two := s.bridge(), s.bridge()
	s.HeatBridge(one, 1.2)
	s.HeatBridge(two, 0.9)
	s.pass(5 * time.Second)
	s.join("room", 5)
	assert.Equal(t, []int{0, 5}, []int{s.on(one), s.on(two)})
}

func TestJoinsWeighTwiceUntilTheRampUpIsOver(t *testing.T) {
	s := newStage(t, standin.Options{})
	node := s.signal("a")
	one := s.bridge()
	s.join("room", 10)
	s.pass(6 * time.Second)
	seen, err := s.jicofo(node).Views(t.Context())
	require.NoError(t, err)
	assert.InDelta(t, 0.1, seen.Bridges[string(one)].Stress, 1e-9)
	assert.InDelta(t, 0.2, seen.Bridges[string(one)].CorrectedStress, 1e-9)
	s.pass(20 * time.Second)
	seen, err = s.jicofo(node).Views(t.Context())
	require.NoError(t, err)
	assert.InDelta(t, 0.1, seen.Bridges[string(one)].CorrectedStress, 1e-9)
}

func TestDrainingBridgeKeepsItsConferenceAndLateJoinersGoElsewhere(t *testing.T) {
	s := newStage(t, standin.Options{})
	s.signal("a")
	one := s.bridge()
	s.join("room", 10)
	two := s.bridge()
	s.drain(one, true)
	s.join("room", 3)
	s.join("other", 2)
	assert.Equal(t, []int{10, 5}, []int{s.on(one), s.on(two)})
}

func TestWithoutRelaysLateJoinersLandOnTheDrainingBridge(t *testing.T) {
	s := newStage(t, standin.Options{NoRelays: true})
	s.signal("a")
	one := s.bridge()
	s.join("room", 10)
	two := s.bridge()
	s.drain(one, true)
	s.join("room", 3)
	s.join("other", 2)
	assert.Equal(t, []int{13, 2}, []int{s.on(one), s.on(two)})
}

func TestDrainingBridgesAreUsedWhenThereAreNoOthers(t *testing.T) {
	s := newStage(t, standin.Options{})
	s.signal("a")
	one := s.bridge()
	s.drain(one, true)
	s.join("room", 2)
	assert.Equal(t, 2, s.on(one))
}

func TestJicofoSeesADrainOnlyWithTheNextPresence(t *testing.T) {
	s := newStage(t, standin.Options{})
	s.signal("a")
	one, two := s.bridge(), s.bridge()
	s.HeatBridge(two, 0.5)
	s.pass(5 * time.Second)
	require.NoError(t, s.jvb(one).SetDrain(t.Context(), true))
	s.join("early", 1)
	s.pass(5 * time.Second)
	s.join("late", 1)
	assert.Equal(t, []int{1, 1}, []int{s.on(one), s.on(two)})
}

func TestRoomNamesAreLowerCasedAndSplitRoomsAreSeen(t *testing.T) {
	s := newStage(t, standin.Options{})
	s.signal("a")
	s.signal("b")
	s.bridge()
	id := fleet.InstanceID("i-bb000001")
	require.NoError(t, s.StartBridge(id, "b", s.address(id)))
	s.pass(6 * time.Second)
	s.join("Room", 1)
	s.join("rOOM", 1)
	assert.Equal(t, map[string]int{"room": 2}, s.Rooms("a"))
	assert.Empty(t, s.SplitRooms())
	_, err := s.Join("b", "ROOM")
	require.NoError(t, err)
	assert.Equal(t, []string{"room"}, s.SplitRooms())
}
