package edge

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/haproxy"
)

func TestOnlyADeadShardsRoomsMoveAndTheyDoNotComeBackWithIt(t *testing.T) {
	t.Parallel()
	for _, nodes := range sizes() {
		f := newStage(t, shape{nodes: nodes})
		c := f.newCrowd("mortal", 1_000)
		c.awaitTables()
		dead := f.shard("beta")
		before := c.ledger.homes()
		elsewhere := only(before, func(shard string) bool { return shard != dead.name })
		c.start(pace{requests: 1_000})
		pause(time.Second)
		c.ledger.turn()
		killed := time.Now()
		dead.kill()
		seen := f.awaitStatus(haproxy.Down, dead)
		pause(time.Second)
		chaos := c.ledger.turn()
		pause(2 * time.Second)
		calm := c.ledger.turn()

		var outside, its int
		var last time.Time
		for _, l := range chaos.lost {
			if before[l.room] != dead.name {
				outside++
				continue
			}
			its++
			if l.at.After(last) {
				last = l.at
			}
		}
		assert.Zero(t, outside, "requests for rooms of living shards were lost")
		assert.Empty(t, chaos.moved(elsewhere), "rooms of living shards moved")
		assert.Empty(t, calm.lost)
		assert.Empty(t, calm.split())
		for room, shard := range calm.last {
			assert.NotEqual(t, dead.name, shard, room)
		}

		// Everybody who was on the dead shard has connected again by now; a page alone would not have told the table.
		each(slices.Clone(c.rooms), 32, func(room string) { c.join(room, f.nodes[0]) })
		homes := c.ledger.homes()
		c.ledger.turn()
		dead.start()
		back := f.awaitStatus(haproxy.Up, dead)
		pause(2 * time.Second)
		c.end()
		after := c.ledger.turn()
		assert.Empty(t, after.moved(homes), "rooms flap back")
		assert.Empty(t, after.lost)
		figures.note("5. a shard dies", fmt.Sprintf("%d nodes", nodes),
			"its %d rooms are served elsewhere after %s, %d requests for them lost until then; 0 of %d other rooms moved, %d of their requests lost; %d rooms came back with it after %s",
			len(before)-len(elsewhere), seconds(max(last.Sub(killed), 0)), its, len(elsewhere), outside, len(after.moved(homes)), seconds(back))
		figures.note("5. a shard dies", fmt.Sprintf("%d nodes", nodes), "every node saw it after %s", seconds(seen))
	}
}
