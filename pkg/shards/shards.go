// Package shards decides about rooms that live on two shards at once, and when a draining shard is empty.
//
// It is pure: it is given what every shard's signal node says and what was mended before, and returns which rooms to
// mend and where each belongs. It knows no AWS, no network and no clock.
package shards

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// Side is one of the shards on which a split room lives.
type Side struct {
	Shard        string `json:"shard"`
	Participants int    `json:"participants"`
	Recording    bool   `json:"recording,omitempty"`
}

// Split is a room that lives on more than one shard.
type Split struct {
	Key  string `json:"key"`
	Room string `json:"room"`
	// Sides are where it lives, the one to which it belongs first: one that records, else the larger, else the one
	// whose name comes first.
	Sides []Side `json:"sides"`
}

// keyForm is a room's key in HAProxy's table. Anything else is no room that HAProxy could be told about.
var keyForm = regexp.MustCompile(`^[0-9A-F]{40}$`)

// Find is every room that lives on two shards or more, the largest first. Only shards that keep their rooms are
// looked at: the rooms of one in maintenance are on their way to others, which is not a split.
func Find(censuses map[string]fleet.Census, states map[string]fleet.ShardState) []Split {
	found := map[string]*Split{}
	for _, shard := range slices.Sorted(maps.Keys(censuses)) {
		if state := states[shard]; state != fleet.ShardReady && state != fleet.ShardDrain {
			continue
		}
		for key, room := range joined(censuses[shard].Rooms) {
			s := found[key]
			if s == nil {
				s = &Split{Key: key, Room: room.Room}
				found[key] = s
			}
			s.Sides = append(s.Sides, Side{Shard: shard, Participants: room.Participants, Recording: room.Recording})
		}
	}
	var splits []Split
	for _, s := range found {
		if len(s.Sides) < 2 {
			continue
		}
		slices.SortStableFunc(s.Sides, preferred)
		splits = append(splits, *s)
	}
	slices.SortFunc(splits, func(a, b Split) int { return cmp.Or(cmp.Compare(b.people(), a.people()), cmp.Compare(a.Key, b.Key)) })
	return splits
}

// joined are a census' rooms by key. Two names of one key, which decoding twice can make, are one room for HAProxy.
func joined(rooms []fleet.CensusRoom) map[string]fleet.CensusRoom {
	byKey := make(map[string]fleet.CensusRoom, len(rooms))
	for _, r := range rooms {
		if !keyForm.MatchString(r.Key) {
			continue
		}
		if known, twice := byKey[r.Key]; twice {
			r.Room = min(known.Room, r.Room)
			r.Participants += known.Participants
			r.Recording = r.Recording || known.Recording
		}
		byKey[r.Key] = r
	}
	return byKey
}

// preferred puts the side to which a room belongs first.
func preferred(a, b Side) int {
	if a.Recording != b.Recording {
		if a.Recording {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(b.Participants, a.Participants), cmp.Compare(a.Shard, b.Shard))
}

func (s Split) people() int {
	n := 0
	for _, side := range s.Sides {
		n += side.Participants
	}
	return n
}

// String is the room for the log: its name, and who is where.
func (s Split) String() string {
	sides := make([]string, len(s.Sides))
	for i, side := range s.Sides {
		sides[i] = fmt.Sprintf("%s: %d", side.Shard, side.Participants)
	}
	return fmt.Sprintf("%s (%s)", s.Room, strings.Join(sides, ", "))
}

// Mend is one room to put back onto one shard.
type Mend struct {
	Key    string `json:"key"`
	Room   string `json:"room"`
	Shard  string `json:"shard"`
	Reason string `json:"reason"`
}

// Policy is what the operator decided.
type Policy struct {
	// Pause is how long a mended room is left alone.
	Pause time.Duration
	// Most is how many rooms are mended in one run; the largest are first.
	Most int
}

// Mends are the rooms to mend now. mended is when each room was mended last. A room is never mended twice within the
// pause: the people of its other side move when they next connect, and pulling it to and fro would move everybody.
func Mends(now time.Time, splits []Split, mended map[string]time.Time, p Policy) []Mend {
	var mends []Mend
	for _, s := range splits {
		if at, before := mended[s.Key]; before && now.Sub(at) < p.Pause || len(mends) == p.Most {
			continue
		}
		mends = append(mends, Mend{Key: s.Key, Room: s.Room, Shard: s.Sides[0].Shard, Reason: reason(s.Sides)})
	}
	return mends
}

func reason(sides []Side) string {
	first, second := sides[0], sides[1]
	switch {
	case first.Recording && !second.Recording:
		return first.Shard + " records it"
	case first.Participants > second.Participants:
		return fmt.Sprintf("%d of its participants are on %s, %d on %s", first.Participants, first.Shard, second.Participants, second.Shard)
	default:
		return fmt.Sprintf("as many participants are on %s as on %s", first.Shard, second.Shard)
	}
}

// Shard is what is known of one shard.
type Shard struct {
	State fleet.ShardState
	// Heard is true when its signal node answered with fresh figures and a fresh census.
	Heard        bool
	Conferences  int64 // by its Jicofo
	Participants int64 // by its Jicofo
	Rooms        int   // by its Prosody
}

// Left is how many conferences a shard still has: what Jicofo and Prosody count, whichever is more.
func (s Shard) Left() int64 { return max(s.Conferences, int64(s.Rooms)) }

// Empty reports whether a shard that gets no new rooms has proven that it carries nobody. One that was not heard has
// proven nothing.
func (s Shard) Empty() bool {
	leaving := s.State == fleet.ShardDrain || s.State == fleet.ShardMaintenance
	return leaving && s.Heard && s.Left() == 0 && s.Participants == 0
}
