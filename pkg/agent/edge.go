package agent

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/haproxy"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/routing"
)

// RoomsBackend is the backend, and its stick table, in which HAProxy keeps where each room lives.
const RoomsBackend = "rooms"

// Edge is a node's HAProxy as the agent's component.
type Edge struct {
	Admin *haproxy.Admin
	// WarmUp is how long the node waits at most for the other nodes' rooms and for the shards' agents.
	WarmUp time.Duration
	// Slot is where its configuration comes from.
	Slot Slot

	// turn is held by who looks at HAProxy or reloads it, so that no look sees two processes at once; it guards what
	// follows.
	turn    sync.Mutex
	trouble error // of following the slot's configuration
	follows following
	// learning is true while a process that was just started by a reload learns the rooms: no client is to be sent to it.
	learning atomic.Bool
	// warmed is the process that was found warm. It stays so: what it has learnt it keeps, and a shard that dies
	// later is no reason to leave the load balancer. A process that succeeds it by a reload inherits that.
	warmed int64
}

// Look asks HAProxy for its figures and its servers. The node is ready once it is warm.
func (e *Edge) Look(ctx context.Context) View {
	e.turn.Lock()
	defer e.turn.Unlock()
	process, err := e.Admin.Process(ctx)
	var stat haproxy.Stat
	var table haproxy.Table
	if err == nil {
		stat, err = e.Admin.Stat(ctx)
	}
	if err == nil {
		table, err = e.Admin.Table(ctx, RoomsBackend)
	}
	switch {
	case errors.Is(err, haproxy.ErrGone):
		return View{Answer: Refused, Trouble: inOneLine(err, e.trouble), Unasked: true}
	case err != nil:
		return View{Answer: Silent, Trouble: inOneLine(err, e.trouble), Unasked: true}
	}
	synced, unsure := e.Admin.Synced(ctx)
	load := edgeLoad(process, stat, table)
	load.Synced = synced
	cold := coldness(process.Uptime, e.WarmUp, synced, load.Shards)
	if cold == nil {
		e.warmed = process.PID
	}
	if e.warmed == process.PID {
		cold = nil
	}
	load.Open = cold == nil && !process.Stopping
	return View{
		Answer:   Answered,
		Ready:    load.Open,
		Trouble:  inOneLine(cold, unsure, e.trouble),
		Leaving:  process.Stopping,
		Occupied: load.Open && process.Connections > 0, // one that is cold has no clients; others ask it, too
		Unasked:  true,
		Version:  process.Version,
		Edge:     load,
	}
}

// coldness says what a node must wait for before it takes clients; nil for one that is warm. It must know the
// other nodes' rooms, or it would send users of a live room where the hash says, and every shard's state, or it
// would find no server for a room.
func coldness(uptime, warmUp time.Duration, synced bool, shards map[string]fleet.ServerView) error {
	if uptime >= warmUp {
		return nil
	}
	unheard := 0
	for _, s := range shards {
		if !s.Heard {
			unheard++
		}
	}
	if synced && unheard == 0 {
		return nil
	}
	return fmt.Errorf("HAProxy takes no clients yet, for %s at most: rooms learnt from a peer: %t; %d of %d shards' agents not heard",
		warmUp-uptime, synced, unheard, len(shards))
}

func edgeLoad(p haproxy.Process, s haproxy.Stat, t haproxy.Table) *fleet.EdgeLoad {
	load := &fleet.EdgeLoad{
		Connections: p.Connections, Configuration: p.Description,
		RequestRate: s.RequestRate,
		Rooms:       t.Used,
		TableSize:   t.Size,
		Shards:      map[string]fleet.ServerView{},
	}
	for _, server := range s.Servers {
		load.Errors, load.Redispatches = load.Errors+server.Errors, load.Redispatches+server.Redispatches
		if server.Backend == RoomsBackend {
			load.Shards[server.Name] = fleet.ServerView{
				ID: server.ID, State: serverState(server.Status), Heard: server.Heard, Sessions: server.Sessions,
			}
		}
	}
	return load
}

func serverState(s haproxy.Status) fleet.ServerState {
	switch s {
	case haproxy.Up:
		return fleet.ServerReady
	case haproxy.Drain:
		return fleet.ServerDrain
	case haproxy.Maintenance:
		return fleet.ServerMaintenance
	default:
		return fleet.ServerDown
	}
}

// Learning tells whether HAProxy is being reloaded and does not know yet where rooms live.
func (e *Edge) Learning() bool { return e.learning.Load() }

// Apply does nothing: HAProxy asks the agent whether to take clients.
func (e *Edge) Apply(context.Context, Intent, View) (bool, error) { return false, nil }

// Occupants asks HAProxy how many connections it has.
func (e *Edge) Occupants(ctx context.Context) (int64, error) {
	p, err := e.Admin.Process(ctx)
	return p.Connections, err
}

// Rooms is a component that knows where rooms live.
type Rooms interface {
	// Forget forgets where the room with a key lives.
	Forget(ctx context.Context, key string) error
	// Place makes the room with a key live on the shard with a server id.
	Place(ctx context.Context, key string, shard int) error
}

// Forget takes a key out of this node's table.
func (e *Edge) Forget(ctx context.Context, key string) error {
	e.turn.Lock()
	defer e.turn.Unlock()
	return e.Admin.Forget(ctx, RoomsBackend, key)
}

// Place pins a key to a shard, here and on the peers. It refuses when there is no such shard, or when users of the
// room have taught this node another one since it was forgotten.
func (e *Edge) Place(ctx context.Context, key string, shard int) error {
	e.turn.Lock()
	defer e.turn.Unlock()
	stat, err := e.Admin.Stat(ctx)
	if err != nil {
		return err
	}
	known := false
	for _, s := range stat.Servers {
		known = known || s.Backend == RoomsBackend && s.ID == shard
	}
	if !known {
		return refuse("HAProxy has no shard with the id %d", shard)
	}
	err = e.Admin.Place(ctx, RoomsBackend, key, shard)
	if errors.Is(err, haproxy.ErrPinned) {
		return refuse("%v", err)
	}
	return err
}

// key is how the stick table writes a room's key.
var key = regexp.MustCompile(fmt.Sprintf("^[0-9A-F]{%d}$", len(routing.Key("", ""))))

// onRooms carries out an order about one room.
func (a *Agent) onRooms(ctx context.Context, verb fleet.Verb, order fleet.Order) error {
	rooms, ok := a.config.Component.(Rooms)
	if !ok {
		return refuse("a %s node knows not where rooms live", a.config.Role)
	}
	if !key.MatchString(order.Key) {
		return refuse("%q is no key of a room", order.Key)
	}
	if verb == fleet.VerbForget {
		return rooms.Forget(ctx, order.Key)
	}
	if order.ShardID < 1 {
		return refuse("%d is no shard's id", order.ShardID)
	}
	return rooms.Place(ctx, order.Key, order.ShardID)
}

// Leave makes an edge node say that the load balancer shall send it no more clients, until the agent ends.
func (a *Agent) Leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.leaving = true
	a.config.Log.Info("the node leaves the load balancer")
}

// open tells whether the load balancer shall send clients here. One slow answer of HAProxy's closes nothing. It needs
// mu.
func (a *Agent) open() bool {
	if learner, is := a.config.Component.(interface{ Learning() bool }); is && learner.Learning() {
		return false
	}
	return a.view.Edge != nil && a.view.Edge.Open && a.view.Answer != Refused && !a.leaving && !a.drained
}
