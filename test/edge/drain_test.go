package edge

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/haproxy"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/routing"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/shards"
)

// censuses are who is in which room on each shard, as the signal nodes' agents tell it.
func (c *crowd) censuses() map[string]fleet.Census {
	c.mu.Lock()
	defer c.mu.Unlock()
	people := map[string]map[string]int{}
	for room, seats := range c.presence {
		for _, s := range seats {
			if people[s.shard] == nil {
				people[s.shard] = map[string]int{}
			}
			people[s.shard][room]++
		}
	}
	censuses := map[string]fleet.Census{}
	for shard, rooms := range people {
		census := fleet.Census{Shard: shard}
		for room, n := range rooms {
			census.Rooms = append(census.Rooms, fleet.CensusRoom{Key: routing.Key("", room), Room: room, Participants: n})
		}
		censuses[shard] = census
	}
	return censuses
}

// splits are the rooms whose users are on two shards.
func (c *crowd) splits() []shards.Split {
	states := map[string]fleet.ShardState{}
	for _, s := range c.f.shards {
		states[s.name] = fleet.ShardReady
	}
	return shards.Find(c.censuses(), states)
}

// mending is how split rooms were put back onto one shard.
type mending struct {
	rooms  int // that were split
	rounds int // runs of the loop until none was left
	took   time.Duration
}

// mend does what the control loop does each minute, again and again until no room is split: it forgets a room on every
// node and places it through one. The users of the other side come back as soon as that is done.
func (c *crowd) mend() mending {
	c.f.t.Helper()
	m := mending{rooms: len(c.splits())}
	mended := map[string]time.Time{}
	began := time.Now()
	for splits := c.splits(); len(splits) > 0; splits = c.splits() {
		m.rounds++
		require.Less(c.f.t, time.Since(began), time.Minute, "%d rooms are still split: %v", len(splits), splits)
		now := time.Now()
		for _, mend := range shards.Mends(now, splits, mended, shards.Policy{Pause: 10 * time.Minute, Most: 200}) {
			if err := c.one(mend); err == nil {
				mended[mend.Key] = now
				c.rejoin(mend.Room, mend.Shard)
			}
		}
	}
	m.took = time.Since(began)
	return m
}

func (c *crowd) one(mend shards.Mend) error {
	for _, n := range c.f.nodes {
		if err := n.edge.Forget(context.Background(), mend.Key); err != nil {
			return err
		}
	}
	return c.f.nodes[0].edge.Place(context.Background(), mend.Key, c.f.shard(mend.Shard).id)
}

// rejoin lets the users of a room who are on another shard connect again once their node has learnt the room's place.
func (c *crowd) rejoin(room, shard string) {
	c.mu.Lock()
	seats := slices.Clone(c.presence[room])
	c.mu.Unlock()
	for i, s := range seats {
		if s.shard == shard {
			continue
		}
		await(c.f.t, 5*time.Second, "the node knows where the mended room is", func() bool {
			return s.node.where(routing.Key("", room)) == c.f.shard(shard).id
		})
		seats[i].shard = s.node.ask(context.Background(), s.node.keep, "/http-bind?room="+room).shard
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.presence[room] = seats
}

func TestADrainAndItsEndUnderLoadLoseNothingAndWhatSplitsIsMended(t *testing.T) {
	t.Parallel()
	for _, nodes := range sizes() {
		f := newStage(t, shape{nodes: nodes})
		c := f.newCrowd("drained", 500)
		drained := f.shard("alpha")
		homes := c.ledger.homes()
		c.start(pace{requests: 1_000, rooms: 400})
		span := 2 * time.Second
		if *long {
			span = 15 * time.Second
		}
		pause(span)
		calm := c.ledger.turn()
		assert.Empty(t, calm.split(), "while states are stable")

		changes := 0
		for _, change := range []struct {
			says   string
			status haproxy.Status
		}{{"up drain", haproxy.Drain}, {"up ready", haproxy.Up}} {
			before, old := len(c.splits()), c.ledger.homes()
			drained.say(change.says)
			heard := f.awaitStatus(change.status, drained)
			turbulent := c.ledger.turn()
			known := c.ledger.homes()
			pause(span)
			calm := c.ledger.turn()
			split := c.splits()
			changes += len(split) - before
			assert.Empty(t, without(calm.split(), split), "while states are stable")
			assert.Empty(t, turbulent.moved(homes), "known rooms stay")
			assert.Empty(t, calm.moved(homes), "known rooms stay")
			if change.status == haproxy.Drain {
				for _, room := range newRooms(calm, known) {
					require.NotEqual(t, drained.name, calm.last[room], "a new room on a draining shard: %s", room)
				}
			}
			figures.note("4. drain", fmt.Sprintf("%d nodes, %s", nodes, change.says), "every node knew after %s; %d of the %d rooms opened in that time were split",
				seconds(heard), len(split)-before, len(newRooms(turbulent, old)))
		}
		m := c.mend()
		c.end()
		all, lost := c.ledger.requests()
		assert.Zero(t, lost)
		assert.Equal(t, changes, m.rooms)
		assert.Empty(t, c.splits())
		figures.note("4. drain", fmt.Sprintf("%d nodes, in all", nodes), "%d of %d requests lost, %d rooms split and mended in %d rounds, %s", lost, all, m.rooms, m.rounds, seconds(m.took))
	}
}

// newRooms are those of a page that had no home before.
func newRooms(p *page, homes map[string]string) []string {
	var rooms []string
	for room := range p.last {
		if _, known := homes[room]; !known {
			rooms = append(rooms, room)
		}
	}
	return rooms
}

// without are the rooms that are not among the splits.
func without(rooms []string, splits []shards.Split) []string {
	split := map[string]bool{}
	for _, s := range splits {
		split[s.Room] = true
	}
	left := map[string]bool{}
	for _, room := range rooms {
		if !split[room] {
			left[room] = true
		}
	}
	return slices.Sorted(maps.Keys(left))
}
