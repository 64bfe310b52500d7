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

	mu      sync.Mutex
	coming  []scenario.Visit // in the order of their joins
	going   leaves
	shards  map[string]string // the shard that each room was seen on
	present int
	tally   Tally
}

// Tally is what the users of the sandbox saw.
type Tally struct {
	Joined  int `json:"joined"`
	Retried int `json:"retried"` // attempts to join that were refused and made again
	Missed  int `json:"missed"`  // visits that ended before anybody let them in
	// Split are rooms that were seen on two shards.
	Split []string `json:"split,omitempty"`
}

// NewCrowd makes a crowd of a scenario's visits.
func NewCrowd(door *Door, visits []scenario.Visit) *Crowd {
	return &Crowd{door: door, coming: slices.Clone(visits), shards: map[string]string{}}
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
	t.Split = slices.Clone(t.Split)
	return t
}

// atOnce bounds how many rooms speak to HAProxy at once.
const atOnce = 16

// Advance lets everybody come and go whose time has come.
func (c *Crowd) Advance(ctx context.Context, offset time.Duration) {
	joins, leaves := c.due(offset.Seconds())
	limit := make(chan struct{}, atOnce)
	var wait sync.WaitGroup
	for _, room := range rooms(joins, leaves) {
		limit <- struct{}{}
		wait.Go(func() {
			defer func() { <-limit }()
			c.leave(ctx, room, leaves[room])
			c.join(ctx, room, joins[room])
		})
	}
	wait.Wait()
}

func (c *Crowd) due(now float64) (joins map[string][]scenario.Visit, departures map[string][]standin.Ticket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	joins, departures = map[string][]scenario.Visit{}, map[string][]standin.Ticket{}
	for len(c.coming) > 0 && c.coming[0].Join <= now {
		if v := c.coming[0]; v.Leave > now {
			joins[v.Room] = append(joins[v.Room], v)
		} else {
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

func rooms(joins map[string][]scenario.Visit, departures map[string][]standin.Ticket) []string {
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
func (c *Crowd) join(ctx context.Context, room string, visits []scenario.Visit) {
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
		heap.Push(&c.going, departure{at: visits[i].Leave, room: room, ticket: ticket})
	}
	c.present += len(seats.Tickets)
	c.tally.Joined += len(seats.Tickets)
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
			heap.Push(&c.going, departure{room: room, ticket: t})
		}
		return
	}
	c.present -= len(tickets)
}

func (c *Crowd) seen(room, shard string) {
	before, known := c.shards[room]
	c.shards[room] = shard
	if known && before != shard && !slices.Contains(c.tally.Split, room) {
		c.tally.Split = append(c.tally.Split, room)
	}
}

// departure is one participant's end of a visit, in seconds from the scenario's start.
type departure struct {
	at     float64
	room   string
	ticket standin.Ticket
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
