package simulate

import (
	"cmp"
	"container/heap"
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
)

// endDelay is from a bridge's last participant to the end of its machine's bill: the control plane's next look, JVB's
// shutting-down-delay of a minute, and the machine's own stop.
const endDelay = 120

// shutdownDelay and machineDelay are the parts of it that are not the control plane's: JVB's, and the machine's.
const (
	shutdownDelay = 60
	machineDelay  = 30
)

// endIfDone ends a draining bridge that is empty, or lets it shut down and be ended by the policy.
func (p *pool) endIfDone(b *bridge, now float64) {
	switch {
	case b.state != draining || b.people > 0:
	case b.told:
		b.state, b.since = gone, now
	case !p.held && !p.reserves:
		p.end(b, now, endDelay)
	}
}

// end begins the end of an empty bridge.
func (p *pool) end(b *bridge, now, delay float64) {
	b.state, b.since, b.endAt = ending, now, now+delay
	heap.Push(&p.boots, moment{b.endAt, b})
}

// release ends a bridge of the reserve, if it is empty.
func (p *pool) release(b *bridge, now float64) {
	if b.state == draining && b.people == 0 {
		p.end(b, now, endDelay)
	}
}

// retire tells a draining bridge to shut down once it is empty.
func (p *pool) retire(b *bridge, now float64) {
	if b.state == draining {
		b.told = true
		p.endIfDone(b, now)
	}
}

// moment is when a bridge's state changes by itself.
type moment struct {
	at     float64
	bridge *bridge
}

type bootQueue []moment

func (q bootQueue) Len() int { return len(q) }
func (q bootQueue) Less(i, j int) bool {
	if q[i].at != q[j].at {
		return q[i].at < q[j].at
	}
	return q[i].bridge.id < q[j].bridge.id
}
func (q bootQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *bootQueue) Push(x any)   { *q = append(*q, x.(moment)) } //nolint:errcheck,forcetypeassert // the heap holds nothing else
func (q *bootQueue) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}

// launch buys a bridge.
func (p *pool) launch(now float64) {
	b := &bridge{id: p.next, state: booting, launched: now, since: now}
	p.next++
	if p.counting {
		p.launches++
	}
	seconds, fails := p.bootTime(b.id)
	b.fails = fails
	p.bridges = append(p.bridges, b)
	if p.admits {
		seconds = max(0, seconds-admission)
	}
	heap.Push(&p.boots, moment{now + seconds, b})
}

// due carries out the change of state at the head of the queue.
func (p *pool) due(now float64) {
	m := heap.Pop(&p.boots).(moment) //nolint:errcheck,forcetypeassert // the heap holds nothing else
	b := m.bridge
	switch b.state {
	case booting:
		switch {
		case p.admits && b.fails: // until the policy gives it up
		case b.fails:
			p.bury(b)
		case p.admits:
			b.state, b.since = standby, now
		default:
			p.begin(b, now)
			if p.reserves {
				b.state, b.heard = draining, now
			}
		}
	case ending:
		if now >= b.endAt { // not when it would have come up
			p.bury(b)
		}
	}
}

// admission is the mean time from a bridge's or a recorder's being up to the run that admits it. A boot time is from launch
// to service.
const admission = 30

// admit lets a bridge that has booted take work.
func (p *pool) admit(b *bridge, now float64) {
	if b.state == standby {
		p.begin(b, now)
	}
}

func (p *pool) begin(b *bridge, now float64) {
	b.state, b.since = serving, now
	p.welcome()
}

// alone is for how long a bridge of the reserve drains without an order, in seconds: package agent's.
const alone = 300

// hear lets all that drain hear that they shall go on.
func (p *pool) hear(now float64) {
	for _, b := range p.bridges {
		b.heard = now
	}
}

// left is when the next bridge of the reserve takes work by itself, if no order comes until then.
func (p *pool) left() float64 {
	next := never
	for _, b := range p.bridges {
		if p.reserves && b.state == draining && !b.told {
			next = min(next, b.heard+alone)
		}
	}
	return next
}

// serveAlone lets the bridges of the reserve that nobody orders any more take work by themselves.
func (p *pool) serveAlone(now float64) {
	for _, b := range p.bridges {
		if b.state == draining && !b.told && now >= b.heard+alone {
			b.state, b.since = serving, now
		}
	}
}

// welcome puts those without a bridge onto the new one.
func (p *pool) welcome() {
	waiting := p.unserved
	p.unserved = nil
	for _, who := range waiting {
		if !who.gone {
			p.waiting--
			p.put(who)
		}
	}
}

func (p *pool) bury(b *bridge) {
	b.state = ended
	for i := range p.bridges {
		if p.bridges[i] == b {
			p.bridges = append(p.bridges[:i], p.bridges[i+1:]...)
			return
		}
	}
}

func (p *pool) drain(b *bridge, now float64) {
	b.heard = now
	if b.state != serving {
		return
	}
	b.state, b.since = draining, now
	p.endIfDone(b, now)
}

// kill ends a bridge under its participants, who are dropped and join anew.
func (p *pool) kill(b *bridge, now float64) {
	if b.state == ending || b.state == ended {
		return
	}
	delay := float64(endDelay)
	if b.state == gone || p.admits {
		delay = machineDelay
	}
	p.end(b, now, delay)
	dropped := slices.Clone(b.places)
	slices.SortFunc(dropped, func(x, y *place) int { return cmp.Compare(x.visit, y.visit) })
	for _, who := range dropped {
		p.remove(who, now)
		if p.counting {
			p.dropped++
		}
		p.put(who)
	}
}

func (p *pool) undrain(b *bridge, now float64) {
	if b.state == draining && !b.told {
		b.state, b.since = serving, now
	}
}

// states are the words of capacity for the states.
var states = map[bridgeState]capacity.State{
	booting: capacity.Booting, standby: capacity.Booting, serving: capacity.Serving, draining: capacity.Draining, gone: capacity.Retiring, ending: capacity.Retiring,
}

// second is a moment of the simulation as a duration from the workload's start.
func second(at float64) time.Duration { return time.Duration(at * float64(time.Second)) }
