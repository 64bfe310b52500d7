package visit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/scenario"
)

// noon is when everything happens in these tests.
var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// opened is that the room r was first seen on shard a.
var opened = []Sighting{{"r", "a", noon}}

func sometime() time.Time { return noon }

// visits are n stays of the same time in one room.
func visits(n int, room string, join, leave float64) []scenario.Visit {
	list := make([]scenario.Visit, n)
	for i := range list {
		list[i] = scenario.Visit{Room: room, Join: join, Leave: leave}
	}
	return list
}

func TestTheCrowdComesAndGoesAtItsTime(t *testing.T) {
	s, door := open(t, 100)
	crowd := NewCrowd(door, append(visits(3, "one", 10, 60), visits(2, "two", 30, 90)...), sometime)
	for _, moment := range []struct {
		at       time.Duration
		one, two int
	}{
		{9 * time.Second, 0, 0}, {10 * time.Second, 3, 0}, {30 * time.Second, 3, 2},
		{59 * time.Second, 3, 2}, {60 * time.Second, 0, 2}, {90 * time.Second, 0, 0},
	} {
		crowd.Advance(t.Context(), moment.at)
		assert.Equal(t, moment.one, s.there(t, "one"), "in one at %s", moment.at)
		assert.Equal(t, moment.two, s.there(t, "two"), "in two at %s", moment.at)
		assert.Equal(t, moment.one+moment.two, crowd.Present(), "at %s", moment.at)
	}
	assert.Equal(t, Tally{Joined: 5, Openings: []Sighting{{"one", "a", noon}, {"two", "a", noon}}}, crowd.Tally())
	assert.Equal(t, map[string]bool{anyClient.String(): true}, s.clients, "HAProxy is told the user's address")
}

func TestWhoIsRefusedTriesAgain(t *testing.T) {
	s, door := open(t, 2)
	crowd := NewCrowd(door, visits(5, "r", 1, 100), sometime)
	crowd.Advance(t.Context(), 2*time.Second)
	assert.Equal(t, Tally{Joined: 2, Retried: 3, Openings: opened}, crowd.Tally())
	crowd.Advance(t.Context(), 3*time.Second)
	assert.Equal(t, Tally{Joined: 2, Retried: 6, Openings: opened}, crowd.Tally())
	s.set(func() { s.seats = 10 })
	crowd.Advance(t.Context(), 4*time.Second)
	assert.Equal(t, Tally{Joined: 5, Retried: 6, Openings: opened}, crowd.Tally())
	assert.Equal(t, 5, s.there(t, "r"))
}

func TestAVisitThatEndsBeforeAnybodyLetsItInIsMissed(t *testing.T) {
	s, door := open(t, 1)
	crowd := NewCrowd(door, visits(3, "r", 1, 100), sometime)
	crowd.Advance(t.Context(), time.Second)
	crowd.Advance(t.Context(), 100*time.Second)
	assert.Equal(t, Tally{Joined: 1, Retried: 2, Missed: 2, Openings: opened}, crowd.Tally())
	assert.Zero(t, s.there(t, "r"))
	assert.Zero(t, crowd.Present())
}

func TestAVisitBetweenTwoMomentsIsMissed(t *testing.T) {
	_, door := open(t, 9)
	crowd := NewCrowd(door, visits(1, "r", 1, 2), sometime)
	crowd.Advance(t.Context(), 3*time.Second)
	assert.Equal(t, Tally{Missed: 1}, crowd.Tally())
}

func TestAnErrorOfHAProxyIsARefusal(t *testing.T) {
	s, door := open(t, 9)
	s.set(func() { s.down = true })
	crowd := NewCrowd(door, visits(2, "r", 1, 100), sometime)
	crowd.Advance(t.Context(), time.Second)
	assert.Equal(t, Tally{Retried: 2}, crowd.Tally())
	s.set(func() { s.down = false })
	crowd.Advance(t.Context(), 2*time.Second)
	assert.Equal(t, Tally{Joined: 2, Retried: 2, Openings: opened}, crowd.Tally())
}

func TestWhoCannotSayGoodbyeTriesAgain(t *testing.T) {
	s, door := open(t, 9)
	crowd := NewCrowd(door, visits(2, "r", 1, 10), sometime)
	crowd.Advance(t.Context(), time.Second)
	s.set(func() { s.down = true })
	crowd.Advance(t.Context(), 10*time.Second)
	assert.Equal(t, 2, crowd.Present())
	s.set(func() { s.down = false })
	crowd.Advance(t.Context(), 11*time.Second)
	assert.Zero(t, crowd.Present())
	assert.Zero(t, s.there(t, "r"))
}

func TestARoomOnTwoShardsIsNoticedEachTimeItMoves(t *testing.T) {
	s, door := open(t, 99)
	var all []scenario.Visit
	for second := range 4 {
		all = append(all, visits(2, "r", float64(second), 1000)...)
	}
	crowd := NewCrowd(door, append(all, visits(1, "other", 3, 1000)...), sometime)
	for second, name := range []string{"a", "b", "a", "b"} {
		s.set(func() { s.name, s.header = name, name })
		crowd.Advance(t.Context(), time.Duration(second)*time.Second)
	}
	assert.Equal(t, Tally{
		Joined:   9,
		Openings: []Sighting{{"r", "a", noon}, {"other", "b", noon}},
		Moves:    []Move{{"r", "a", "b", noon}, {"r", "b", "a", noon}, {"r", "a", "b", noon}},
	}, crowd.Tally())
}

func TestTheDoorRefusesAnAnswerFromAnotherShardThanHAProxyNames(t *testing.T) {
	s, door := open(t, 9)
	s.set(func() { s.header = "b" })
	_, err := door.Join(t.Context(), "r", 1)
	assert.ErrorContains(t, err, `room r: HAProxy names shard "b", shard "a" answered`)
}

func TestTheDoorIsOpenWhenEveryNodeServes(t *testing.T) {
	s, door := open(t, 9)
	assert.True(t, door.Open(t.Context()))
	s.set(func() { s.down = true })
	assert.False(t, door.Open(t.Context()))
	silent, other := open(t, 9)
	_ = silent
	both := NewDoor(append(other.nodes, door.nodes...))
	assert.False(t, both.Open(t.Context()), "one of two serves")
}

func TestWhoseSessionEndedJoinsAgain(t *testing.T) {
	s, door := open(t, 99)
	crowd := NewCrowd(door, append(visits(2, "r", 1, 100), visits(1, "other", 1, 100)...), sometime)
	crowd.Advance(t.Context(), time.Second)
	crowd.Stay(t.Context())
	require.Empty(t, crowd.Tally().Losses, "everybody is known")

	s.set(func() { s.name, s.header = "b", "b"; s.forget("r") })
	crowd.Stay(t.Context())
	assert.Equal(t, 1, crowd.Present())
	lost := Loss{Room: "r", From: "a", At: noon}
	assert.Equal(t, []Loss{lost, lost}, crowd.Tally().Losses)

	crowd.Advance(t.Context(), 2*time.Second)
	assert.Equal(t, 3, crowd.Present())
	assert.Equal(t, 2, s.there(t, "r"))
	lost.To, lost.Back = "b", noon
	tally := crowd.Tally()
	assert.Equal(t, []Loss{lost, lost}, tally.Losses)
	assert.Equal(t, []Move{{"r", "a", "b", noon}}, tally.Moves)
	assert.Equal(t, 3, tally.Joined, "who comes again is not counted again")

	crowd.Advance(t.Context(), 100*time.Second)
	assert.Zero(t, crowd.Present(), "they leave when they meant to")
	assert.Zero(t, s.there(t, "r"))
}

func TestWhoGetsNoAnswerStaysAndAsksAgain(t *testing.T) {
	s, door := open(t, 99)
	crowd := NewCrowd(door, visits(2, "r", 1, 100), sometime)
	crowd.Advance(t.Context(), time.Second)
	s.set(func() { s.down = true })
	crowd.Stay(t.Context())
	require.Len(t, crowd.Tally().Unanswered, 1)
	assert.Equal(t, Sighting{"r", "a", noon}, crowd.Tally().Unanswered[0].Sighting)
	assert.NotEmpty(t, crowd.Tally().Unanswered[0].Why)
	assert.Empty(t, crowd.Tally().Losses)
	s.set(func() { s.down = false })
	crowd.Stay(t.Context())
	assert.Len(t, crowd.Tally().Unanswered, 1)
	assert.Equal(t, 2, crowd.Present())
}

func TestWhoIsNotLetInAgainBeforeTheVisitsEndIsNotMissed(t *testing.T) {
	s, door := open(t, 1)
	crowd := NewCrowd(door, visits(1, "r", 1, 10), sometime)
	crowd.Advance(t.Context(), time.Second)
	s.set(func() { s.forget("r") })
	crowd.Stay(t.Context())
	crowd.Advance(t.Context(), 2*time.Second)
	crowd.Advance(t.Context(), 10*time.Second)
	assert.Equal(t, []Loss{{Room: "r", From: "a", At: noon, Ended: true}}, crowd.Tally().Losses)
	assert.Zero(t, crowd.Tally().Missed)
}
