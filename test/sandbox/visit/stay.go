package visit

import (
	"container/heap"
	"context"
	"maps"
	"slices"

	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/scenario"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

// Stay keeps everybody's connection alive, as clients do between joining and leaving. Who is told that the session has
// ended, since its node has died or another shard answers, joins again at the next moment, as Jitsi's client does; who
// gets no answer asks again the next time.
func (c *Crowd) Stay(ctx context.Context) {
	staying := c.staying()
	sideBySide(slices.Sorted(maps.Keys(staying)), func(room string) {
		seats, err := c.door.Stay(ctx, room, staying[room])
		if err == nil && len(seats.Gone) > 0 {
			// What another shard still holds of them ends by itself, for nobody keeps it alive.
			_, _ = c.door.Leave(ctx, room, seats.Gone)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		switch {
		case err != nil:
			c.tally.Unanswered = append(c.tally.Unanswered, Unanswered{Sighting{room, c.shards[room], c.now()}, err.Error()})
		case len(seats.Gone) > 0:
			c.lose(seats.Gone)
		}
	})
}

// staying are those who are in a room and not about to leave it, by room.
func (c *Crowd) staying() map[string][]standin.Ticket {
	c.mu.Lock()
	defer c.mu.Unlock()
	there := map[string][]standin.Ticket{}
	for _, d := range c.going {
		if d.at > 0 {
			there[d.room] = append(there[d.room], d.ticket)
		}
	}
	return there
}

// lose lets those whose sessions have ended come again, before all others. It needs mu.
func (c *Crowd) lose(gone []standin.Ticket) {
	var again []arrival
	c.going = slices.DeleteFunc(c.going, func(d departure) bool {
		if !slices.Contains(gone, d.ticket) {
			return false
		}
		c.tally.Losses = append(c.tally.Losses, Loss{Room: d.room, From: d.shard, At: c.now()})
		again = append(again, arrival{Visit: scenario.Visit{Room: d.room, Leave: d.at}, lost: len(c.tally.Losses)})
		return true
	})
	heap.Init(&c.going)
	c.present -= len(again)
	c.coming = append(again, c.coming...)
}
