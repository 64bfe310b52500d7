package standin

import (
	"net/netip"
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// shard is a shard's name and the signal node that its bridges and participants are with.
type shard struct {
	name   string
	active *signal // nil while there is none
}

// signal is one signal node: web, Prosody, and a Jicofo with what it remembers.
type signal struct {
	process

	id    fleet.InstanceID
	shard *shard
	addr  netip.Addr
	upAt  time.Time
	up    bool

	rooms   map[string]*room
	brewery []*bridge // in order of joining; a dead bridge stays until Jicofo notices
	waiting []*participant

	lostBridges, participantsMoved, bridgesRemoved int64
	conferencesCreated, participantsEver           int64

	censusHidden, overloaded bool

	jicofoUpAt        time.Time // its Jicofo does not answer before
	recorders         map[fleet.InstanceID]*view
	recorded          map[string]*session // by room, that Jicofo knows of
	recordingFailures int64
	streamingFailures int64
}

// liveSignal brings up a signal node's processes when it is time.
func (w *World) liveSignal(s *signal) {
	if s.up || w.now.Before(s.upAt) {
		return
	}
	s.up = true
	for port, handler := range w.signalHandlers(s) {
		if err := s.listen(netip.AddrPortFrom(s.addr, port), handler); err != nil {
			w.options.Log.Error("a signal node cannot listen", "node", s.id, "why", err)
		}
	}
}

// electSignal makes the signal node that is up for longest the active one, if the shard has none.
func (w *World) electSignal(sh *shard) {
	if sh.active != nil {
		return
	}
	var up []*signal
	for _, s := range w.sortedSignals() {
		if s.shard == sh && s.up {
			up = append(up, s)
		}
	}
	if len(up) > 0 {
		sh.active = slices.MinFunc(up, func(a, b *signal) int { return a.upAt.Compare(b.upAt) })
	}
}

// stopSignal ends a signal node. Its conferences lose their signalling and end with it; their participants are counted.
func (w *World) stopSignal(s *signal, lost *int64) {
	s.end()
	if s.shard.active != s {
		return
	}
	s.shard.active = nil
	for _, r := range s.rooms {
		for _, p := range r.people {
			*lost++
			w.remove(p)
		}
	}
}

// enter adds a bridge to the brewery, in place of an earlier process of the same instance.
func (s *signal) enter(b *bridge) {
	s.brewery = slices.DeleteFunc(s.brewery, func(old *bridge) bool {
		if old.id != b.id || old == b {
			return false
		}
		s.forget(old)
		return true
	})
	s.brewery = append(s.brewery, b)
}

// forget is what Jicofo does with a bridge that is gone: its participants wait for another.
func (s *signal) forget(b *bridge) {
	s.bridgesRemoved++
	if !b.seen.shuttingDown {
		s.lostBridges++
	}
	for _, ticket := range sortedTickets(b.people) {
		p := b.people[ticket]
		p.bridge = nil
		s.waiting = append(s.waiting, p)
	}
	clear(b.people)
}

// ports of a signal node's components.
const (
	jicofoPort  = settings.JicofoPort
	prosodyPort = settings.ProsodyPort
	webPort     = settings.WebPort
	xmppPort    = settings.XMPPPort
)
