package edge

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// crowd are users that keep asking for rooms, through any node to which the load balancer sends them, and that open
// new rooms two at a time.
type crowd struct {
	f      *stage
	ledger *ledger
	label  string

	mu       sync.Mutex
	nodes    []*node
	rooms    []string
	presence map[string][]seat // room -> who is there
	made     int
	wait     sync.WaitGroup
	stop     context.CancelFunc
}

// seat is one user, who is with a shard from the join on, as over a WebSocket.
type seat struct {
	node  *node
	shard string
}

// pace is how much a crowd does in a second.
type pace struct {
	requests int // of users of known rooms
	rooms    int // new ones, each joined by two users at once
}

// newCrowd lets users join a number of rooms.
func (f *stage) newCrowd(label string, rooms int) *crowd {
	c := &crowd{f: f, ledger: newLedger(), label: label, nodes: slices.Clone(f.nodes), presence: map[string][]seat{}}
	each(make([]struct{}, rooms), 64, func(struct{}) { c.open() })
	return c
}

// start lets the crowd ask until it is ended.
func (c *crowd) start(p pace) {
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.f.t.Cleanup(c.end)
	c.every(ctx, p.requests, c.visit)
	c.every(ctx, p.rooms, c.open)
}

// inFlight bounds what one crowd asks at once. Behind a node that is slow it asks less, as people do.
const inFlight = 100

// every does something a number of times a second, each time without waiting for the time before.
func (c *crowd) every(ctx context.Context, rate int, do func()) {
	if rate == 0 {
		return
	}
	c.wait.Go(func() {
		const ticksPerSecond = 100
		ticks := time.NewTicker(time.Second / ticksPerSecond)
		defer ticks.Stop()
		free := make(chan struct{}, inFlight)
		for began, done := time.Now(), 0; ctx.Err() == nil; <-ticks.C {
			for due := int(time.Since(began).Seconds() * float64(rate)); done < due; done++ {
				select {
				case free <- struct{}{}:
					c.wait.Go(func() { do(); <-free })
				default: // not asked
				}
			}
		}
	})
}

// end lets everybody go, and waits for the last answers.
func (c *crowd) end() {
	if c.stop != nil {
		c.stop()
		c.wait.Wait()
	}
}

// send lets the load balancer send users to these nodes from now on.
func (c *crowd) send(nodes ...*node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes = nodes
}

var signalling = []string{"/http-bind", "/xmpp-websocket", "/conference-request/v1"}

// visit is one request of a user of a known room: half of them on a connection of its own.
func (c *crowd) visit() {
	c.mu.Lock()
	n, room := c.nodes[rand.IntN(len(c.nodes))], c.rooms[rand.IntN(len(c.rooms))]
	c.mu.Unlock()
	way, path := n.keep, "/config.js"
	if rand.IntN(2) == 0 {
		way = n.fresh
	}
	if rand.IntN(4) != 0 {
		path = signalling[rand.IntN(len(signalling))]
	}
	c.ledger.record(n, room, n.ask(context.Background(), way, path+"?room="+room))
}

// open lets the first two users of a new room join at once, through two nodes if there are two.
func (c *crowd) open() {
	c.mu.Lock()
	c.made++
	room := fmt.Sprintf("%s-%d", c.label, c.made)
	first := rand.IntN(len(c.nodes))
	through := []*node{c.nodes[first], c.nodes[(first+1)%len(c.nodes)]}
	c.mu.Unlock()
	seats := make([]seat, len(through))
	var wait sync.WaitGroup
	for i, n := range through {
		wait.Go(func() {
			a := n.ask(context.Background(), n.keep, "/conference-request/v1?room="+room)
			c.ledger.record(n, room, a)
			seats[i] = seat{n, a.shard}
		})
	}
	wait.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rooms = append(c.rooms, room)
	c.presence[room] = seats
}

// join lets one user join a room through a node.
func (c *crowd) join(room string, n *node) {
	a := n.ask(context.Background(), n.keep, "/conference-request/v1?room="+room)
	c.ledger.record(n, room, a)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.presence[room] = append(c.presence[room], seat{n, a.shard})
}
