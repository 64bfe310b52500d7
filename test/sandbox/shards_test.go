package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/delivery"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/scenario"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/visit"
)

// at is so many seconds after the beginning of a run on two shards.
func at(seconds float64) time.Time {
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(seconds * float64(time.Second)))
}

// calm is a run in which shard a drains from 10 s to 30 s and is empty, b dies at 40 s and is back at 50 s, and nothing
// goes wrong.
func calm() evidence {
	drain := fault{Fault: scenario.Fault{Kind: scenario.DrainShard, Shard: "a"}, begun: true, at: at(10), rooms: []string{"old"}, people: 3}
	ready := fault{Fault: scenario.Fault{Kind: scenario.ReadyShard, Shard: "a"}, begun: true, at: at(30)}
	kill := fault{Fault: scenario.Fault{Kind: scenario.KillShard, Shard: "b"}, begun: true, over: true, at: at(40), back: at(49), taken: at(50),
		rooms: []string{"one", "two"}, people: 4, victim: "i-1"}
	return evidence{
		faults: []fault{drain, ready, kill},
		users: visit.Tally{
			Openings: []visit.Sighting{{Room: "old", Shard: "a", At: at(1)}, {Room: "last", Shard: "a", At: at(11)}, {Room: "one", Shard: "b", At: at(20)},
				{Room: "again", Shard: "a", At: at(33)}, {Room: "new", Shard: "b", At: at(55)}},
			Losses: []visit.Loss{
				{Room: "one", From: "b", To: "a", At: at(41), Back: at(42)}, {Room: "one", From: "b", To: "a", At: at(41), Back: at(43)},
				{Room: "two", From: "b", To: "a", At: at(44), Back: at(46)}, {Room: "two", From: "b", At: at(44), Ended: true},
			},
			Unanswered: []visit.Unanswered{{Sighting: visit.Sighting{Room: "two", Shard: "b", At: at(41)}, Why: "EOF"}},
			Moves:      []visit.Move{{Room: "one", From: "b", To: "a", At: at(42)}},
		},
		splits:  splits{{Room: "last", Since: at(11), Last: at(11.5), Over: true}},
		emptied: []announcement{{"a", at(5)}, {"b", at(20)}, {"a", at(25)}},
		measuredEmpty: func(shard string, from, to time.Time) bool {
			return shard == "a" && from.Equal(at(10)) && to.Equal(at(30))
		},
		end: at(60),
	}
}

func TestShardsAreReportedInSeconds(t *testing.T) {
	r := good(t)
	r.plan.Shards = 2
	r.judgeShards(calm())
	require.Empty(t, r.Failures)
	assert.Equal(t, &shardsReport{
		SplitWhileStable: []string{}, SplitAtChanges: []string{"last"}, LongestSplit: 0.5,
		Drains: []drainReport{{Shard: "a", Rooms: 1, People: 3, LastNew: 1, Elsewhere: 1, Empty: 15}},
		Deaths: []deathReport{{Shard: "b", Node: "i-1", Rooms: 2, People: 4, Rejoined: 3, LeftFirst: 1, Median: 2, Longest: 6, Replaced: 9, Taken: 10, FirstNew: 15}},
	}, r.Shards)
}

func TestShardsAreJudged(t *testing.T) {
	for name, c := range map[string]struct {
		change func(e *evidence)
		says   []string
	}{
		"a run in which nothing went wrong":         {func(*evidence) {}, nil},
		"a room that was split without a cause":     {func(e *evidence) { e.splits[0].Since = at(20) }, []string{"the room last was on two shards while the shards' states were stable"}},
		"a room that was split for more than 60 s":  {func(e *evidence) { e.splits[0].Last = at(72) }, []string{"the room last was on two shards for 61.0 s"}},
		"a room that was split to the very end":     {func(e *evidence) { e.splits[0].Over = false }, []string{"the room last was on two shards for 0.5 s"}},
		"a new room on a shard that drains":         {func(e *evidence) { e.users.Openings[1].At = at(13.5) }, []string{"1 new rooms went to a more than 3s after it began to drain"}},
		"a drain in which no new room came":         {func(e *evidence) { e.users.Openings[2].At = at(9) }, []string{"the drain of a proves nothing: it had 1 rooms, and 0 new ones went elsewhere"}},
		"a drain of a shard without rooms":          {func(e *evidence) { e.faults[0].rooms = nil }, []string{"the drain of a proves nothing: it had 0 rooms"}},
		"an empty shard that nobody announced":      {func(e *evidence) { e.emptied = e.emptied[:2] }, []string{"a was not announced as empty"}},
		"an empty shard that no metric shows":       {func(e *evidence) { e.measuredEmpty = func(string, time.Time, time.Time) bool { return false } }, []string{"a was not announced as empty"}},
		"a ready shard that gets no rooms":          {func(e *evidence) { e.users.Openings[3].Shard = "b" }, []string{"no new room went to a after it was made ready"}},
		"somebody of another shard who was cut off": {func(e *evidence) { e.users.Losses[2].From = "a" }, []string{"1 participants outside a dead shard lost their sessions"}},
		"somebody who was cut off before the loss":  {func(e *evidence) { e.users.Losses[0].At = at(39) }, []string{"1 participants outside a dead shard lost their sessions"}},
		"somebody in a room that a change had split": {func(e *evidence) {
			e.users.Losses = append(e.users.Losses, visit.Loss{Room: "last", From: "a", At: at(11), Back: at(12)})
		}, nil},
		"somebody who never came back":       {func(e *evidence) { e.users.Losses[3].Ended = false }, []string{"1 participants who lost their sessions were not in again at the end"}},
		"a living shard that did not answer": {func(e *evidence) { e.users.Unanswered[0].Shard = "a" }, []string{"1 requests of rooms outside a dead shard were not answered, the first of two on a: EOF"}},
		"a new room on the shard that came back": {func(e *evidence) {
			e.users.Losses = append(e.users.Losses, visit.Loss{Room: "fresh", From: "b", To: "a", At: at(50), Back: at(105)})
		}, nil},
		"a lost shard whose people stayed away":  {func(e *evidence) { e.users.Losses = nil }, []string{"nobody of the 4 participants on the lost b joined again elsewhere"}},
		"a room that was nowhere for too long":   {func(e *evidence) { e.users.Losses[2].Back = at(101) }, []string{"a room of the lost b was served again only after 61.0 s"}},
		"a lost node that was not replaced":      {func(e *evidence) { e.faults[2].back = time.Time{} }, []string{"the lost signal node i-1 of b was not replaced"}},
		"a new node that one HAProxy knows":      {func(e *evidence) { e.faults[2].taken = time.Time{} }, []string{"the new signal node of b was not used by every HAProxy"}},
		"a new node that takes no new rooms":     {func(e *evidence) { e.users.Openings[4].At = at(48) }, []string{"the new signal node of b took no new rooms"}},
		"what did not begin is judged elsewhere": {func(e *evidence) { e.faults = nil; e.splits = nil; e.users = visit.Tally{} }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := good(t)
			r.plan.Shards = 2
			e := calm()
			c.change(&e)
			r.judgeShards(e)
			require.Len(t, r.Failures, len(c.says), r.Failures)
			for i, says := range c.says {
				assert.Contains(t, r.Failures[i], says)
			}
		})
	}
}

func TestRoomsMayMoveOnlyFromADeadShardOrAtAChange(t *testing.T) {
	for name, c := range map[string]struct {
		move visit.Move
		says []string
	}{
		"a room of the dead shard":                 {visit.Move{Room: "r", From: "b", To: "a", At: at(45)}, nil},
		"a room around the drain":                  {visit.Move{Room: "r", From: "a", To: "b", At: at(12)}, nil},
		"a room in the middle of a drain":          {visit.Move{Room: "r", From: "a", To: "b", At: at(20)}, []string{"rooms were seen on two shards: r"}},
		"a room before anything happened":          {visit.Move{Room: "r", From: "b", To: "a", At: at(5)}, []string{"rooms were seen on two shards: r"}},
		"a room back to the shard that came again": {visit.Move{Room: "r", From: "a", To: "b", At: at(55)}, []string{"rooms were seen on two shards: r"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := good(t)
			r.Users.Moves = []visit.Move{c.move, c.move}
			r.judgeMoves(calm().faults)
			assert.Equal(t, c.says, r.Failures)
		})
	}
}

func TestASplitRoomIsFollowedUntilItIsWhole(t *testing.T) {
	var s splits
	for second, split := range [][]string{{"r"}, {"r", "other"}, {"other"}, {"other", "r"}} {
		s = s.look(at(float64(second)), split)
	}
	assert.Equal(t, splits{
		{Room: "r", Since: at(0), Last: at(2), Over: true}, {Room: "other", Since: at(1), Last: at(3)}, {Room: "r", Since: at(3), Last: at(3)},
	}, s)
}

func TestAScenariosShardsReplaceThoseOfTheSettings(t *testing.T) {
	raw, err := os.ReadFile("fleet.json")
	require.NoError(t, err)
	path, changed, err := withScenario(raw, scenario.Scenario{Shards: 2}, filepath.Join(t.TempDir(), "run"))
	require.NoError(t, err)
	written, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, changed, written)
	fleet, err := settings.Parse(changed)
	require.NoError(t, err)
	require.Len(t, fleet.Shards, 2)
	assert.Equal(t, "shard-2", fleet.Shards[1].Name)
	assert.Equal(t, 2, fleet.Shards[1].ID)
	assert.Equal(t, "sandbox", fleet.Fleet)
	_, _, err = withScenario([]byte("[]"), scenario.Scenario{Shards: 2}, t.TempDir())
	assert.ErrorContains(t, err, "the settings are not readable")
}

func TestTheJournalReadsThatAShardIsEmpty(t *testing.T) {
	j := newJournal()
	j.event(delivery.Event{DetailType: "Shard Empty", Detail: json.RawMessage(`{"fleet":"f","data":{"shard":"a"}}`)})
	j.event(delivery.Event{DetailType: "Shard State Refused", Detail: json.RawMessage(`{"fleet":"f","data":{"shard":"b"}}`)})
	require.Len(t, j.announcements(), 1)
	assert.Equal(t, "a", j.announcements()[0].Shard)
	assert.Contains(t, j.tail(9), "Shard Empty: a")
}
