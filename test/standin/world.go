// Package standin is Jitsi on loopback: stand-ins of JVB, Jicofo, Prosody and the web server that answer with the
// real components' documented JSON and behave as documented, also where that hurts, and the World of participants
// whose media they would carry.
//
// Figures and behaviour are those of reference/jitsi.md. It is for tests and the sandbox; nothing that is deployed
// may know it.
package standin

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// The components' own durations and figures, by their default configuration. The World divides the durations by
// its factor.
const (
	statsInterval     = 5 * time.Second  // JVB: gauges, and presence in the brewery
	rampUp            = 20 * time.Second // Jicofo: participant-rampup-interval
	healthInterval    = 10 * time.Second // Jicofo: health-checks.interval
	shuttingDownDelay = time.Minute      // JVB: shutdown.shutting-down-delay
	gracefulMax       = 24 * time.Hour   // JVB: shutdown.graceful-shutdown-max-duration
	step              = time.Second      // the finest that the World tells apart

	participantStress = 0.01 // JVB: load-management.average-participant-stress
	stressThreshold   = 0.8  // Jicofo: bridge.stress-threshold
	conferenceMost    = 80   // Jicofo: bridge.max-bridge-participants
)

// Options of a World.
type Options struct {
	// Clock is the World's time.
	Clock func() time.Time
	// Factor divides every duration of the components: 60 makes an hour a minute. Default 1.
	Factor float64
	// BridgeBoot and SignalBoot are from StartBridge or StartSignal to an answering process, before the factor.
	BridgeBoot, SignalBoot time.Duration
	// NoRelays keeps every conference on one bridge, as Jicofo does with octo off.
	NoRelays bool
	// Domain is the meetings' domain. Default "meet.example.org".
	Domain string
	// Resolve answers at once where a recorder finds the host of a shard's Prosody. Default: hosts are addresses.
	Resolve func(host string) (netip.Addr, bool)
	Log     *slog.Logger
}

// World is everything that the stand-ins share. Its methods may be called at any time by anybody.
type World struct {
	options Options

	mu      sync.Mutex
	now     time.Time
	shards  map[string]*shard
	bridges map[fleet.InstanceID]*bridge
	signals map[fleet.InstanceID]*signal
	people  map[Ticket]*participant
	last    Ticket
	counts  Counters

	jibris   map[fleet.InstanceID]*jibri
	history  []*Session
	sessions int
	pids     int
}

// New makes a World without nodes. Its time moves with Run or Advance, and with every question to a node.
func New(o Options) *World {
	if o.Factor == 0 {
		o.Factor = 1
	}
	if o.Domain == "" {
		o.Domain = "meet.example.org"
	}
	if o.Resolve == nil {
		o.Resolve = func(host string) (netip.Addr, bool) {
			at, err := netip.ParseAddr(host)
			return at, err == nil
		}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &World{
		options: o,
		now:     o.Clock(),
		shards:  map[string]*shard{},
		bridges: map[fleet.InstanceID]*bridge{},
		signals: map[fleet.InstanceID]*signal{},
		people:  map[Ticket]*participant{},
		jibris:  map[fleet.InstanceID]*jibri{},
		pids:    firstPID,
	}
}

// firstPID is above those that a machine's own services have.
const firstPID = 1000

// Run moves the World's time until the context ends, then ends every node.
func (w *World) Run(ctx context.Context) {
	tick := time.NewTicker(max(w.scaled(step), 5*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			w.Close()
			return
		case <-tick.C:
			w.Advance()
		}
	}
}

// Advance moves the World to its clock's time, in steps, so that what follows from another happens in order.
func (w *World) Advance() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
}

// Close ends every node's processes without counting anything.
func (w *World) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.bridges {
		b.process.end()
	}
	for _, s := range w.signals {
		s.end()
	}
	for _, id := range sortedKeys(w.jibris) {
		w.removeJibri(id)
	}
}

// advance needs mu, as every method with a small letter does.
func (w *World) advance() {
	target := w.options.Clock()
	for next := w.now.Add(w.scaled(step)); next.Before(target); next = next.Add(w.scaled(step)) {
		w.pass(next)
	}
	if target.After(w.now) {
		w.pass(target)
	}
}

// pass is one moment: processes live, and Jicofos see what there is to see.
func (w *World) pass(now time.Time) {
	w.now = now
	for _, s := range w.sortedSignals() {
		w.liveSignal(s)
	}
	for _, name := range sortedKeys(w.shards) {
		w.electSignal(w.shards[name])
	}
	for _, id := range sortedKeys(w.bridges) {
		w.liveBridge(w.bridges[id])
	}
	for _, name := range sortedKeys(w.shards) {
		w.liveJicofo(w.shards[name])
	}
	for _, id := range sortedKeys(w.jibris) {
		w.liveJibri(w.jibris[id])
	}
}

// scaled is a real component's duration in the World's time.
func (w *World) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) / w.options.Factor)
}

// StartBridge boots a bridge of a shard at an address. Its brewery nickname is the instance id.
func (w *World) StartBridge(id fleet.InstanceID, shardName string, addr netip.Addr) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	if old := w.bridges[id]; old != nil && !old.dead {
		return fmt.Errorf("bridge %s cannot be started: it runs", id)
	}
	b := &bridge{
		id:     id,
		shard:  w.shard(shardName),
		addr:   addr,
		upAt:   w.now.Add(w.scaled(w.options.BridgeBoot)),
		people: map[Ticket]*participant{},
	}
	w.bridges[id] = b
	return nil
}

// StartSignal boots a shard's signal node at an address. While another signal node of the shard is up, bridges and
// participants stay with that one.
func (w *World) StartSignal(id fleet.InstanceID, shardName string, addr netip.Addr) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	if w.signals[id] != nil {
		return fmt.Errorf("signal node %s cannot be started: it runs", id)
	}
	w.signals[id] = &signal{
		id:    id,
		shard: w.shard(shardName),
		addr:  addr,
		upAt:  w.now.Add(w.scaled(w.options.SignalBoot)),
		rooms: map[string]*room{},

		recorders: map[fleet.InstanceID]*view{},
		recorded:  map[string]*session{},
	}
	return nil
}

// StopNode is the end of an instance by the control plane: its processes are gone at once, and whoever had media on
// it was dropped. An unknown node is none to stop.
func (w *World) StopNode(id fleet.InstanceID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	if b := w.bridges[id]; b != nil {
		delete(w.bridges, id)
		if !b.dead {
			w.drop(b)
			w.die(b)
		}
	}
	if s := w.signals[id]; s != nil {
		delete(w.signals, id)
		w.stopSignal(s, &w.counts.Dropped)
	}
	w.removeJibri(id)
}

func (w *World) shard(name string) *shard {
	if w.shards[name] == nil {
		w.shards[name] = &shard{name: name}
	}
	return w.shards[name]
}

func (w *World) sortedSignals() []*signal {
	var all []*signal
	for _, id := range sortedKeys(w.signals) {
		all = append(all, w.signals[id])
	}
	return all
}

func sortedKeys[K ~string, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
