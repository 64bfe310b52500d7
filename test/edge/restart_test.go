package edge

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/haproxy"
)

func TestANodeThatIsRestartedLearnsItsTableFromAnotherAndNoRoomMoves(t *testing.T) {
	t.Parallel()
	for _, nodes := range sizes() {
		f := newStage(t, shape{nodes: nodes})
		c := f.newCrowd("restarted", 1_000)
		c.offTheHash(500)
		homes := c.ledger.homes()
		leaves, stays := f.nodes[0], f.nodes[1:]
		c.ledger.turn()
		c.start(pace{requests: 1_000, rooms: 50})
		left := leaves.leave()
		c.send(stays...)
		pause(500 * time.Millisecond)
		leaves.stop()
		pause(time.Second)
		leaves.start()
		served := leaves.awaitServing()
		learnt := leaves.rooms()
		c.send(f.nodes...)
		pause(2 * time.Second)
		c.end()
		page := c.ledger.turn()
		assert.GreaterOrEqual(t, learnt, int64(len(homes)))
		assert.Empty(t, page.moved(homes))
		assert.Empty(t, page.split())
		assert.Empty(t, page.lost)
		figures.note("6. a node restarts", fmt.Sprintf("%d nodes, one left in order", nodes), "it left the load balancer after %s and served again %s after its start, with %d rooms learnt; %d rooms moved, %d split, %d of %d requests lost",
			seconds(left), seconds(served), learnt, len(page.moved(homes)), len(page.split()), len(page.lost), page.requests)
	}
}

func TestANodeThatIsRestartedWhileAShardDrainsSendsItNoNewRoom(t *testing.T) {
	t.Parallel()
	f := newStage(t, shape{nodes: 2})
	c := f.newCrowd("drained-by", 800)
	c.awaitTables()
	drained := f.shard("gamma")
	drained.say("up drain")
	f.awaitStatus(haproxy.Drain, drained)
	homes := c.ledger.homes()
	c.ledger.turn()
	leaves, stays := f.nodes[0], f.nodes[1]
	c.start(pace{requests: 500, rooms: 200})
	leaves.leave()
	c.send(stays)
	pause(500 * time.Millisecond)
	leaves.stop()
	leaves.start()
	served := leaves.awaitServing()
	c.send(f.nodes...)
	pause(3 * time.Second)
	c.end()
	page := c.ledger.turn()
	var fresh, wrong int
	for room, shard := range page.last {
		if _, known := homes[room]; !known {
			fresh++
			if shard == drained.name {
				wrong++
			}
		}
	}
	require.Positive(t, fresh)
	assert.Zero(t, wrong, "new rooms on the draining shard")
	assert.Empty(t, page.moved(homes), "known rooms, those of the draining shard among them")
	assert.Empty(t, page.lost)
	figures.note("6. a node restarts", "while a shard drains", "served %s after its start; %d of %d new rooms went to the draining shard, %d of %d known rooms moved, %d of %d requests lost",
		seconds(served), wrong, fresh, len(page.moved(homes)), len(homes), len(page.lost), page.requests)
}

func TestRoomsStayWhenANodeCrashesAndComesBack(t *testing.T) {
	t.Parallel()
	f := newStage(t, shape{nodes: 2})
	c := f.newCrowd("crashed", 1_000)
	c.offTheHash(500)
	homes := c.ledger.homes()
	c.ledger.turn()
	crashes, stays := f.nodes[0], f.nodes[1]
	crashes.crash()
	await(t, 10*time.Second, "the agent sees that HAProxy is gone", func() bool { return crashes.gate.Load() == "up maint" })
	// The load balancer still sends users: it notices within 20 seconds, and HAProxy is started again within one.
	crashes.start()
	c.start(pace{requests: 1_000})
	served := crashes.awaitServing()
	pause(time.Second)
	c.end()
	page := c.ledger.turn()
	assert.Empty(t, page.moved(homes))
	assert.Empty(t, page.lost)
	require.True(t, stays.serving())
	figures.note("6. a node restarts", "after a crash, users sent to it all the time", "it knew every room after %s; %d of %d rooms moved, %d of %d requests lost once it ran",
		seconds(served), len(page.moved(homes)), len(homes), len(page.lost), page.requests)
}
