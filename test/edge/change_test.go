package edge

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/haproxy"
)

// offTheHash makes rooms that live elsewhere than where the hash would send them: only the table keeps them there.
func (c *crowd) offTheHash(rooms int) {
	c.f.t.Helper()
	drained := c.f.shards[0]
	drained.say("up drain")
	c.f.awaitStatus(haproxy.Drain, drained)
	each(make([]struct{}, rooms), 64, func(struct{}) { c.open() })
	drained.say("up ready")
	c.f.awaitStatus(haproxy.Up, drained)
	c.awaitTables()
}

// awaitTables waits until every node remembers every room.
func (c *crowd) awaitTables() {
	c.f.t.Helper()
	await(c.f.t, 10*time.Second, "every node knows every room", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return !slices.ContainsFunc(c.f.nodes, func(n *node) bool { return n.runs() && n.rooms() < int64(len(c.rooms)) })
	})
}

func TestRoomsStayWhileShardsAreAddedRemovedAndReordered(t *testing.T) {
	t.Parallel()
	f := newStage(t, shape{nodes: 2})
	c := f.newCrowd("kept", 1_500)
	c.offTheHash(500)
	c.start(pace{requests: 1_000, rooms: 50})
	reload := func() (slowest time.Duration) {
		for _, n := range f.nodes {
			slowest = max(slowest, n.reload())
		}
		return slowest
	}
	for _, step := range []struct {
		name    string
		change  func()
		leaving string
		after   func()
	}{
		{"a shard added, in drain at first", func() {
			f.shards = append(f.shards, f.newShard("epsilon", 8, "up drain"))
		}, "", func() {
			f.awaitStatus(haproxy.Drain, f.shard("epsilon"))
		}},
		{"the shards in another order", func() {
			rand.Shuffle(len(f.shards), func(i, j int) { f.shards[i], f.shards[j] = f.shards[j], f.shards[i] })
		}, "", func() {
			f.shard("epsilon").say("up ready")
			f.awaitStatus(haproxy.Up, f.shards...)
		}},
		{"a shard removed while rooms live on it", func() {
			f.shard("beta").say("up drain")
			f.awaitStatus(haproxy.Drain, f.shard("beta"))
			f.shards = slices.DeleteFunc(f.shards, func(s *shard) bool { return s.name == "beta" })
		}, "beta", func() {}},
	} {
		homes := c.ledger.homes()
		for _, split := range c.splits() { // while a shard became ready
			delete(homes, split.Room)
		}
		known := only(homes, func(shard string) bool { return shard != step.leaving })
		c.ledger.turn()
		step.change()
		slowest := reload()
		step.after()
		pause(time.Second)
		page := c.ledger.turn()
		assert.Empty(t, page.moved(known), step.name)
		assert.Empty(t, page.lost, step.name)
		figures.note("3. shards change", step.name, "%d of %d known rooms elsewhere moved, %d of %d requests lost; a node's reload took at most %s",
			len(page.moved(known)), len(known), len(page.lost), page.requests, seconds(slowest))
	}
	pause(2 * time.Second)
	c.end()
	last := c.ledger.turn()
	assert.Empty(t, last.split())
	assert.Empty(t, last.lost)
}
