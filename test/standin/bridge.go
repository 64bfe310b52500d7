package standin

import (
	"net/netip"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// bridge is one videobridge: its process, and what its shard's Jicofo has seen of it.
type bridge struct {
	id      fleet.InstanceID
	shard   *shard
	addr    netip.Addr
	process process

	upAt         time.Time // when the process answers
	up           bool      // it has answered
	dead         bool      // the process is gone for good
	noticeAt     time.Time // when Jicofo notices that it is dead
	joinAt       time.Time // when it joins the brewery
	home         *signal   // whose brewery it is in or joins next
	joined       bool
	refreshAt    time.Time // when gauges and presence are next refreshed
	drain        bool
	graceful     bool
	gracefulAt   time.Time
	shuttingDown bool
	exitAt       time.Time
	unhealthy    string // why JVB's own health check fails
	hungAt       time.Time
	hung         chan struct{} // closed when it answers again; nil when it does
	slow         time.Duration // added to each answer
	extraStress  float64

	people map[Ticket]*participant // whom Jicofo has on it
	joins  []time.Time             // of the last ramp-up interval, in Jicofo's memory
	gauges gauges                  // as JVB last computed them
	total  int64                   // participants ever
	seen   presence                // as Jicofo last saw it
}

// presence is what the brewery told Jicofo.
type presence struct {
	ever         bool // until then the bridge is assumed to drain
	stress       float64
	drain        bool
	graceful     bool
	shuttingDown bool
	healthy      bool
	failed       bool // Jicofo's own health check timed out
}

// gauges are what JVB refreshes each stats interval.
type gauges struct {
	stress           float64
	conferences      int64
	octoConferences  int64
	largest          int64
	endpoints        int64
	localEndpoints   int64
	octoEndpoints    int64
	participantsEver int64
	kilobitsIn       int64
	kilobitsOut      int64
}

// liveBridge is what a bridge's process does by itself.
func (w *World) liveBridge(b *bridge) {
	if b.dead {
		return
	}
	if !b.up && !w.bootBridge(b) {
		return
	}
	if b.graceful && !b.shuttingDown && (len(b.people) == 0 || !w.now.Before(b.gracefulAt.Add(w.scaled(gracefulMax)))) {
		w.shutDown(b)
	}
	if b.shuttingDown && !w.now.Before(b.exitAt) {
		w.drop(b)
		w.die(b)
		return
	}
	if b.hung != nil {
		return // it neither refreshes nor says anything
	}
	w.liveInBrewery(b)
	if !w.now.Before(b.refreshAt) {
		b.refreshAt = w.now.Add(w.scaled(statsInterval))
		w.refresh(b)
	}
}

// bootBridge brings up the process when it is time, in drain mode; false until it is up.
func (w *World) bootBridge(b *bridge) bool {
	if w.now.Before(b.upAt) {
		return false
	}
	if err := b.process.listen(netip.AddrPortFrom(b.addr, settings.BridgePort), w.bridgeHandler(b)); err != nil {
		w.options.Log.Error("a bridge cannot listen", "bridge", b.id, "why", err)
		b.dead = true
		return false
	}
	b.up, b.drain = true, true // videobridge.initial-drain-mode
	b.refreshAt = w.now
	return true
}

// liveInBrewery joins and leaves the brewery with the shard's signal node.
func (w *World) liveInBrewery(b *bridge) {
	active := b.shard.active
	switch {
	case active != b.home:
		b.home, b.joined, b.seen = active, false, presence{}
		b.joinAt = w.now.Add(w.scaled(statsInterval))
	case active != nil && !b.joined && !w.now.Before(b.joinAt):
		b.joined, b.refreshAt = true, w.now
		active.enter(b)
	}
}

// refresh computes the gauges and tells them to the brewery.
func (w *World) refresh(b *bridge) {
	b.gauges = w.measure(b)
	if !b.joined {
		return
	}
	b.seen = presence{
		ever:         true,
		stress:       b.gauges.stress,
		drain:        b.drain,
		graceful:     b.graceful,
		shuttingDown: b.shuttingDown,
		healthy:      b.unhealthy == "",
	}
}

// measure is the bridge's load now. Bit rates are those of small 360p meetings: everybody sends 500 kbit/s and
// receives four times that.
func (w *World) measure(b *bridge) gauges {
	g := gauges{
		stress:           float64(len(b.people))*participantStress + b.extraStress,
		localEndpoints:   int64(len(b.people)),
		participantsEver: b.total,
	}
	for _, r := range b.rooms() {
		size := int64(len(r.people))
		g.conferences++
		g.endpoints += size
		g.largest = max(g.largest, size)
		if len(r.bridges()) > 1 {
			g.octoConferences++
		}
	}
	g.octoEndpoints = g.endpoints - g.localEndpoints
	g.kilobitsIn, g.kilobitsOut = 500*g.localEndpoints, 2000*g.localEndpoints
	return g
}

// rooms are the conferences that have somebody on the bridge.
func (b *bridge) rooms() map[string]*room {
	rooms := map[string]*room{}
	for _, p := range b.people {
		rooms[p.room.name] = p.room
	}
	return rooms
}

// shutDown enters SHUTTING_DOWN, which nothing leaves but the process's end.
func (w *World) shutDown(b *bridge) {
	b.graceful, b.shuttingDown = true, true
	b.exitAt = w.now.Add(w.scaled(shuttingDownDelay))
}

// die ends the process. Jicofo learns of it with its next health check, unless the bridge said good-bye.
func (w *World) die(b *bridge) {
	b.dead, b.joined = true, false
	b.noticeAt = w.now.Add(w.scaled(healthInterval))
	if b.shuttingDown {
		b.noticeAt = w.now
	}
	for _, p := range b.people {
		p.lose(w.now)
	}
	b.resume()
	b.process.end()
}

// drop counts those who have media on a bridge that is ended now by an order.
func (w *World) drop(b *bridge) {
	for _, p := range b.people {
		if !p.lost {
			w.counts.Dropped++
			p.dropped = true
		}
	}
}

// resume lets a hung bridge's waiting answers go on.
func (b *bridge) resume() {
	if b.hung != nil {
		close(b.hung)
		b.hung = nil
	}
}
