package visit

import (
	"cmp"
	"container/heap"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/scenario"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

// Crowd plays a scenario's visits at a Door.
type Crowd struct {
	door *Door
	now  func() time.Time

	mu      sync.Mutex
	coming  []arrival // in the order of their joins
	going   leaves
	shards  map[string]string // the shard that each room was seen on
	present int
	tally   Tally
}

// arrival is somebody who is to be let in. Who was in before has lost a session: it is lost - 1 of the tally's losses.
type arrival struct {
	scenario.Visit
	lost int
}

// NewCrowd makes a crowd of a scenario's visits. What it sees it writes down with the time that now says.
func NewCrowd(door *Door, visits []scenario.Visit, now func() time.Time) *Crowd {
	c := &Crowd{door: door, now: now, shards: map[string]string{}}
	for _, v := range visits {
		c.coming = append(c.coming, arrival{Visit: v})
	}
	return c
}

// Present is how many participants are in a room now.
func (c *Crowd) Present() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.present
}

// Tally is what was seen so far.
func (c *Crowd) Tally() Tally {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tally
	t.Moves, t.Openings = slices.Clone(t.Moves), slices.Clone(t.Openings)
	t.Losses, t.Unanswered = slices.Clone(t.Losses), slices.Clone(t.Unanswered)
	return t
}

// atOnce bounds how many rooms speak to HAProxy at once.
const atOnce = 16

// Advance lets everybody come and go whose time has come.
func (c *Crowd) Advance(ctx context.Context, offset time.Duration) {
	joins, leaves := c.due(offset.Seconds())
	sideBySide(rooms(joins, leaves), func(room string) {
		c.leave(ctx, room, leaves[room])
		c.join(ctx, room, joins[room])
	})
}

// sideBySide speaks for several rooms at once, each by its name, and waits for all.
func sideBySide(names []string, speak func(room string)) {
	limit := make(chan struct{}, atOnce)
	var wait sync.WaitGroup
	for _, room := range names {
		limit <- struct{}{}
		wait.Go(func() {
			defer func() { <-limit }()
			speak(room)
		})
	}
	wait.Wait()
}

func (c *Crowd) due(now float64) (joins map[string][]arrival, departures map[string][]standin.Ticket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	joins, departures = map[string][]arrival{}, map[string][]standin.Ticket{}
	for len(c.coming) > 0 && c.coming[0].Join <= now {
		switch v := c.coming[0]; {
		case v.Leave > now:
			joins[v.Room] = append(joins[v.Room], v)
		case v.lost > 0:
			c.tally.Losses[v.lost-1].Ended = true
		default:
			c.tally.Missed++
		}
		c.coming = c.coming[1:]
	}
	for len(c.going) > 0 && c.going[0].at <= now {
		gone, _ := heap.Pop(&c.going).(departure)
		departures[gone.room] = append(departures[gone.room], gone.ticket)
	}
	return joins, departures
}

func rooms(joins map[string][]arrival, departures map[string][]standin.Ticket) []string {
	var names []string
	for room := range joins {
		names = append(names, room)
	}
	for room := range departures {
		if joins[room] == nil {
			names = append(names, room)
		}
	}
	slices.Sort(names)
	return names
}

// join brings visitors in. Those who are refused try again at the next moment.
func (c *Crowd) join(ctx context.Context, room string, visits []arrival) {
	if len(visits) == 0 {
		return
	}
	seats, err := c.door.Join(ctx, room, len(visits))
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.seen(room, seats.Shard)
	}
	for i, ticket := range seats.Tickets {
		heap.Push(&c.going, departure{at: visits[i].Leave, room: room, ticket: ticket, shard: seats.Shard})
		if n := visits[i].lost; n > 0 {
			c.tally.Losses[n-1].Back, c.tally.Losses[n-1].To = c.now(), seats.Shard
			continue
		}
		c.tally.Joined++
	}
	c.present += len(seats.Tickets)
	refused := visits[len(seats.Tickets):]
	c.tally.Retried += len(refused)
	c.coming = append(slices.Clone(refused), c.coming...)
}

func (c *Crowd) leave(ctx context.Context, room string, tickets []standin.Ticket) {
	if len(tickets) == 0 {
		return
	}
	_, err := c.door.Leave(ctx, room, tickets)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil { // they close their browsers all the same: once more at the next moment
		for _, t := range tickets {
			heap.Push(&c.going, departure{room: room, ticket: t, shard: c.shards[room]})
		}
		return
	}
	c.present -= len(tickets)
}

func (c *Crowd) seen(room, shard string) {
	before, known := c.shards[room]
	c.shards[room] = shard
	switch {
	case !known:
		c.tally.Openings = append(c.tally.Openings, Sighting{room, shard, c.now()})
	case before != shard:
		c.tally.Moves = append(c.tally.Moves, Move{room, before, shard, c.now()})
	}
}

// departure is one participant's end of a visit, in seconds from the scenario's start.
type departure struct {
	at     float64
	room   string
	ticket standin.Ticket
	shard  string
}

// leaves is a heap of departures, the next first.
type leaves []departure

func (l leaves) Len() int           { return len(l) }
func (l leaves) Less(i, j int) bool { return cmp.Less(l[i].at, l[j].at) }
func (l leaves) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }

// Push adds a departure, for package heap.
func (l *leaves) Push(x any) {
	if d, ok := x.(departure); ok {
		*l = append(*l, d)
	}
}

// Pop takes the last departure, for package heap.
func (l *leaves) Pop() any {
	last := (*l)[len(*l)-1]
	*l = (*l)[:len(*l)-1]
	return last
}
