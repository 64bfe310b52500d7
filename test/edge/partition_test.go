package edge

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/haproxy"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/routing"
)

func TestNodesThatCannotReachEachOtherAgreeWhileStatesAreStableAndWhatADrainSplitsIsMended(t *testing.T) {
	t.Parallel()
	f := newStage(t, shape{nodes: 2, relays: true})
	c := f.newCrowd("apart", 500)
	c.awaitTables()
	homes := c.ledger.homes()
	for _, r := range f.relays {
		r.set(true)
	}
	c.ledger.turn()
	c.start(pace{requests: 500, rooms: 100})
	const halves = 400 // rooms whose second user comes later, through the other node
	for i := range halves {
		c.join(fmt.Sprintf("half-%d", i), f.nodes[0])
	}
	pause(2 * time.Second)
	stable := c.ledger.turn()
	assert.Empty(t, stable.split(), "the hash is the same on both nodes")
	assert.Empty(t, stable.moved(homes))
	c.end()

	drained := f.shard("alpha")
	drained.say("up drain")
	f.awaitStatus(haproxy.Drain, drained)
	for i := range halves {
		c.join(fmt.Sprintf("half-%d", i), f.nodes[1])
	}
	split := len(c.splits())
	assert.Positive(t, split, "what the other node has learnt cannot be known")

	for _, r := range f.relays {
		r.set(false)
	}
	c.join("probe", f.nodes[0])
	healed := await(t, 30*time.Second, "the nodes are peers again", func() bool {
		return f.nodes[1].where(routing.Key("", "probe")) != 0
	})
	m := c.mend()
	assert.Empty(t, c.splits())
	_, lost := c.ledger.requests()
	assert.Zero(t, lost)
	figures.note("9. nodes apart", "while states are stable", "%d of %d rooms split", len(stable.split()), len(stable.seen))
	figures.note("9. nodes apart", "a shard drains meanwhile", "%d of %d rooms whose users came through both nodes split; peers again %s after the cut ended, all mended in %d rounds, %s more",
		split, halves, seconds(healed), m.rounds, seconds(m.took))
}
