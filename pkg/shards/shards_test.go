package shards

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

var (
	noon  = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	ready = map[string]fleet.ShardState{"a": fleet.ShardReady, "b": fleet.ShardDrain, "c": fleet.ShardReady}
)

func key(n int) string { return fmt.Sprintf("%040X", n) }

func room(n, participants int) fleet.CensusRoom {
	return fleet.CensusRoom{Key: key(n), Room: fmt.Sprintf("room%d", n), Participants: participants}
}

func recorded(n, participants int) fleet.CensusRoom {
	r := room(n, participants)
	r.Recording = true
	return r
}

func census(rooms ...fleet.CensusRoom) fleet.Census { return fleet.Census{Rooms: rooms} }

func TestARoomBelongsToTheSideThat(t *testing.T) {
	for name, c := range map[string]struct {
		a, b, c fleet.Census
		want    string // shard, empty for a room that is not split
		reason  string
	}{
		"is its only one":               {a: census(room(1, 2)), b: census(room(2, 2))},
		"is the larger":                 {a: census(room(1, 2)), b: census(room(1, 3)), want: "b", reason: "3 of its participants are on b, 2 on a"},
		"records, though it is smaller": {a: census(recorded(1, 1)), b: census(room(1, 30)), want: "a", reason: "a records it"},
		"records more people":           {a: census(recorded(1, 1)), b: census(recorded(1, 3)), want: "b", reason: "3 of its participants are on b, 1 on a"},
		"comes first when all is equal": {b: census(room(1, 3)), c: census(room(1, 3)), want: "b", reason: "as many participants are on b as on c"},
		"is the largest of three":       {a: census(room(1, 2)), b: census(room(1, 3)), c: census(room(1, 4)), want: "c", reason: "4 of its participants are on c, 3 on b"},
		"holds more under two names":    {a: census(room(1, 2), room(1, 2)), b: census(room(1, 3)), want: "a", reason: "4 of its participants are on a, 3 on b"},
	} {
		t.Run(name, func(t *testing.T) {
			splits := Find(map[string]fleet.Census{"a": c.a, "b": c.b, "c": c.c}, ready)
			mends := Mends(noon, splits, nil, Policy{Pause: time.Minute, Most: 10})
			if c.want == "" {
				assert.Empty(t, mends)
				return
			}
			assert.Equal(t, []Mend{{Key: key(1), Room: "room1", Shard: c.want, Reason: c.reason}}, mends)
		})
	}
}

func TestOnlyShardsThatKeepTheirRoomsCanSplitOne(t *testing.T) {
	both := map[string]fleet.Census{"a": census(room(1, 2)), "b": census(room(1, 2))}
	for state, want := range map[fleet.ShardState]int{fleet.ShardReady: 1, fleet.ShardDrain: 1, fleet.ShardMaintenance: 0, "": 0} {
		assert.Len(t, Find(both, map[string]fleet.ShardState{"a": fleet.ShardReady, "b": state}), want, state)
	}
}

func TestAKeyThatHAProxyCannotHaveIsNoRoom(t *testing.T) {
	for _, bad := range []string{"", "abc", strings.Repeat("a", 40), key(1) + "0", key(1)[1:] + "\n"} {
		r := fleet.CensusRoom{Key: bad, Participants: 1}
		assert.Empty(t, Find(map[string]fleet.Census{"a": census(r), "b": census(r)}, ready), "%q", bad)
	}
}

func TestARoomIsNotMendedTwiceWithinThePause(t *testing.T) {
	splits := Find(map[string]fleet.Census{"a": census(room(1, 2)), "b": census(room(1, 3))}, ready)
	p := Policy{Pause: 10 * time.Minute, Most: 10}
	for ago, want := range map[time.Duration]int{0: 0, 10*time.Minute - 1: 0, 10 * time.Minute: 1, time.Hour: 1} {
		assert.Len(t, Mends(noon, splits, map[string]time.Time{key(1): noon.Add(-ago)}, p), want, "%s ago", ago)
	}
}

func TestTheLargestRoomsAreMendedFirst(t *testing.T) {
	splits := Find(map[string]fleet.Census{"a": census(room(1, 1), room(2, 9), room(3, 5)), "b": census(room(1, 1), room(2, 1), room(3, 5))}, ready)
	mends := Mends(noon, splits, map[string]time.Time{key(2): noon}, Policy{Pause: time.Minute, Most: 1})
	assert.Equal(t, []string{key(2), key(3), key(1)}, []string{splits[0].Key, splits[1].Key, splits[2].Key}, "the largest first; equal ones by key")
	assert.Len(t, mends, 1)
	assert.Equal(t, key(3), mends[0].Key, "one that rests takes nobody's place")
	assert.Equal(t, "room2 (a: 9, b: 1)", splits[0].String())
}

func TestSplitsAndMendsKeepTheirPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		censuses, states := map[string]fleet.Census{}, map[string]fleet.ShardState{}
		for n := range rapid.IntRange(0, 5).Draw(t, "shards") {
			name := fmt.Sprintf("s%d", n)
			states[name] = rapid.SampledFrom([]fleet.ShardState{fleet.ShardReady, fleet.ShardDrain, fleet.ShardMaintenance, ""}).Draw(t, "state")
			var rooms []fleet.CensusRoom
			for range rapid.IntRange(0, 6).Draw(t, "rooms") {
				r := room(rapid.IntRange(0, 5).Draw(t, "room"), rapid.IntRange(0, 4).Draw(t, "people"))
				r.Recording = rapid.Bool().Draw(t, "recording")
				rooms = append(rooms, r)
			}
			censuses[name] = census(rooms...)
		}
		mended := map[string]time.Time{}
		for n := range 6 {
			if rapid.Bool().Draw(t, "mended") {
				mended[key(n)] = noon.Add(-time.Duration(rapid.IntRange(0, 20).Draw(t, "minutes")) * time.Minute)
			}
		}
		p := Policy{Pause: 10 * time.Minute, Most: rapid.IntRange(0, 4).Draw(t, "most")}
		splits := Find(censuses, states)
		seen := map[string]bool{}
		for _, s := range splits {
			assert.False(t, seen[s.Key], "a room is told once")
			seen[s.Key] = true
			assert.GreaterOrEqual(t, len(s.Sides), 2)
			for _, side := range s.Sides[1:] {
				assert.False(t, side.Recording && !s.Sides[0].Recording, "a recording side never loses to one that does not record")
				if side.Recording == s.Sides[0].Recording {
					assert.LessOrEqual(t, side.Participants, s.Sides[0].Participants, "the larger wins")
				}
			}
		}
		mends := Mends(noon, splits, mended, p)
		assert.LessOrEqual(t, len(mends), p.Most)
		for _, m := range mends {
			i := slices.IndexFunc(splits, func(s Split) bool { return s.Key == m.Key })
			assert.GreaterOrEqual(t, i, 0, "only a split room is mended")
			assert.Contains(t, []fleet.ShardState{fleet.ShardReady, fleet.ShardDrain}, states[m.Shard], "onto a shard that keeps rooms")
			if at, before := mended[m.Key]; before {
				assert.GreaterOrEqual(t, noon.Sub(at), p.Pause)
			}
		}
		assert.Equal(t, splits, Find(censuses, states), "the same censuses give the same answer")
	})
}

func TestAShardIsEmptyOnlyWithProof(t *testing.T) {
	empty := Shard{State: fleet.ShardDrain, Heard: true}
	for name, c := range map[string]struct {
		change func(*Shard)
		empty  bool
	}{
		"draining without anybody":              {func(*Shard) {}, true},
		"in maintenance without anybody":        {func(s *Shard) { s.State = fleet.ShardMaintenance }, true},
		"ready, so that rooms may come":         {func(s *Shard) { s.State = fleet.ShardReady }, false},
		"of unknown state":                      {func(s *Shard) { s.State = "" }, false},
		"silent":                                {func(s *Shard) { s.Heard = false }, false},
		"with a conference":                     {func(s *Shard) { s.Conferences = 1 }, false},
		"with a room that Jicofo does not know": {func(s *Shard) { s.Rooms = 1 }, false},
		"with a participant":                    {func(s *Shard) { s.Participants = 1 }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := empty
			c.change(&s)
			assert.Equal(t, c.empty, s.Empty())
		})
	}
	assert.EqualValues(t, 3, Shard{Conferences: 2, Rooms: 3}.Left())
}
