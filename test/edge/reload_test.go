package edge

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/haproxy"
)

func TestAReloadUnderOpenWebSocketsCutsNoneAndKeepsRoomsAndDrains(t *testing.T) {
	sockets := 2_000
	if *long {
		sockets = 10_000
	}
	f := newStage(t, shape{nodes: 2})
	h := f.newHolder(f.nodes...)
	first := h.open(sockets)
	require.Equal(t, sockets, first.Alive, first.Why)
	require.Len(t, first.Shards, sockets)
	opened := func() (n int64) {
		for _, s := range f.shards {
			n += s.opened.Load()
		}
		return n
	}
	require.EqualValues(t, sockets, opened())
	c := f.newCrowd("reloaded", 500)
	c.offTheHash(500)
	drained := f.shard("delta")
	drained.say("up drain")
	f.awaitStatus(haproxy.Drain, drained)
	homes := c.ledger.homes()
	c.ledger.turn()

	c.start(pace{requests: 1_500, rooms: 100})
	var slowest time.Duration
	for _, n := range f.nodes {
		slowest = max(slowest, n.reload())
		assert.Equal(t, haproxy.Drain, n.status(drained), n.name)
	}
	pause(time.Second)
	c.end()
	page := c.ledger.turn()
	last := h.open(0)
	assert.Equal(t, sockets, last.Alive, last.Why)
	assert.Empty(t, page.lost)
	assert.Empty(t, page.moved(homes))
	assert.Empty(t, page.split())
	for _, room := range newRooms(page, homes) {
		require.NotEqual(t, drained.name, page.last[room], "a new room on a draining shard: %s", room)
	}
	rooms := 0
	for room, shard := range first.Shards {
		if a := f.nodes[rooms%2].ask(context.Background(), f.nodes[rooms%2].keep, "/http-bind?room="+room); a.shard != shard {
			assert.Fail(t, "a WebSocket's room moved", "%s from %s to %s", room, shard, a.shard)
		}
		rooms++
	}
	figures.note("7. reload", fmt.Sprintf("%d WebSockets, 2 nodes", sockets),
		"%d cut, 0 of %d of their rooms moved; %d of %d other rooms moved, %d of %d requests lost; a node knew every room after at most %s",
		sockets-last.Alive, rooms, len(page.moved(homes)), len(homes), len(page.lost), page.requests, seconds(slowest))
}
