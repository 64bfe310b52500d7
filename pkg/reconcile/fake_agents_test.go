package reconcile

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// node is one node's agent and component.
type node struct {
	id    fleet.InstanceID
	role  fleet.Role
	shard string
	phase fleet.Phase
	since time.Time
	// admitted is remembered by the agent on its disk; wiped is true when that was lost.
	admitted, wiped bool
	endpoints       int64 // local endpoints; participants on a signal node
	conferences     int64 // on a bridge
	stress          float64
	age             time.Duration // of its figures
	silent          bool
	unfit           bool // never becomes healthy
	deaf            bool // says that it obeys an undrain, and goes on draining
	slowExit        bool // does not exit when it is told to shut down
	fences          map[string]uint64
	views           map[fleet.InstanceID]fleet.BridgeView
	orders          []fleet.Order
	edge            *edgeFake  // on an edge node
	jibri           *jibriFake // on a recorder
	jibriViews      map[fleet.InstanceID]fleet.JibriView
	state           fleet.ShardState
	rooms           []fleet.CensusRoom // on a signal node
	roomsAge        time.Duration
	host            fleet.HostLoad
	detail          string // what keeps it from being well
}

func (n *node) become(p fleet.Phase, now time.Time) {
	if n.phase != p {
		n.phase, n.since = p, now
	}
}

// live lets the component go on by itself: it boots, and exits once told to.
func (n *node) live(now time.Time, boot time.Duration) {
	if n.jibri != nil {
		n.jibri.live(n, now)
	}
	switch {
	case n.phase == fleet.PhaseStarting && now.Sub(n.since) >= boot && !n.unfit:
		n.become(fleet.PhaseStandby, now)
	case n.phase == fleet.PhaseRetiring && !n.carries() && !n.slowExit:
		n.become(fleet.PhaseGone, now)
	}
}

func (n *node) status(now time.Time) fleet.Status {
	s := fleet.Status{
		Instance: n.id, Role: n.role, Shard: n.shard, Phase: n.phase, PhaseSeconds: now.Sub(n.since).Seconds(),
		AgeSeconds: n.age.Seconds(), Admitted: n.admitted, Host: n.host, Detail: n.detail,
	}
	switch {
	case n.edge != nil:
		s.Edge = n.edge.load()
	case n.jibri != nil:
		s.Jibri = n.jibri.load(n, now)
	case n.role == fleet.RoleSignal:
		s.Signal = &fleet.SignalLoad{State: n.state, Participants: n.endpoints, Conferences: n.endpoints / 5, LargestConference: 5, LostBridges: 3, BridgeViews: n.views, JibriViews: n.jibriViews}
	case n.phase != fleet.PhaseStarting:
		s.Bridge = &fleet.BridgeLoad{Stress: n.stress, Conferences: n.conferences, LocalEndpoints: n.endpoints, SendKilobits: 1000 * n.endpoints, ReceiveKilobits: 500 * n.endpoints,
			PacketRateDownload: 20 * n.endpoints, PacketRateUpload: 100 * n.endpoints, Loss: n.stress / 10, RoundTripMillis: 100 * n.stress, ICEFailedTotal: 2}
	}
	return s
}

var errSilent = errors.New("context deadline exceeded")

type agents struct{ *cloud }

func (c agents) at(address netip.Addr) (*node, error) {
	for _, g := range c.groups {
		for _, m := range g.members {
			if m.Address == address && !m.node.silent && !m.Stopped {
				return m.node, nil
			}
		}
	}
	return nil, errSilent
}

func (c agents) Status(_ context.Context, address netip.Addr) (fleet.Status, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls["status"]++
	n, err := c.at(address)
	if err != nil {
		return fleet.Status{}, err
	}
	return n.status(c.now), nil
}

// Order obeys as package agent does.
func (c agents) Order(_ context.Context, address netip.Addr, verb fleet.Verb, order fleet.Order) (fleet.Status, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.at(address)
	if err != nil {
		return fleet.Status{}, err
	}
	changes := verb != fleet.VerbDrain || n.phase != fleet.PhaseDraining
	if err := c.call(changes, string(verb), string(n.id)); err != nil {
		return fleet.Status{}, err
	}
	if order.Fence < n.fences[order.Loop] || order.Fence == 0 {
		return fleet.Status{}, fmt.Errorf("order refused: fence %d is older than %d", order.Fence, n.fences[order.Loop])
	}
	n.fences[order.Loop] = order.Fence
	n.orders = append(n.orders, order)
	if verb == fleet.VerbForget || verb == fleet.VerbPlace {
		return n.status(c.now), c.route(n, verb, order)
	}
	if err := n.obey(verb, order.Reserve, c.now); err != nil {
		return fleet.Status{}, err
	}
	return n.status(c.now), nil
}

func (n *node) obey(verb fleet.Verb, reserve bool, now time.Time) error {
	if n.jibri != nil {
		return n.jibri.obey(n, verb, now)
	}
	final := n.phase == fleet.PhaseRetiring || n.phase == fleet.PhaseGone
	up := n.phase == fleet.PhaseStandby || n.phase == fleet.PhaseDraining || n.phase == fleet.PhaseServing
	switch verb {
	case fleet.VerbAdmit:
		if !up {
			return fmt.Errorf("order refused: it is %s", n.phase)
		}
		n.admitted, n.wiped = true, false
		if n.become(fleet.PhaseServing, now); reserve {
			n.become(fleet.PhaseDraining, now)
		}
	case fleet.VerbDrain:
		if up {
			n.become(fleet.PhaseDraining, now)
		}
	case fleet.VerbUndrain:
		if final || !n.admitted {
			return fmt.Errorf("order refused: it is %s, admitted %v", n.phase, n.admitted)
		}
		if up && !n.deaf {
			n.become(fleet.PhaseServing, now)
		}
	case fleet.VerbRetire:
		if n.endpoints > 0 || n.phase == fleet.PhaseServing {
			return fmt.Errorf("order refused: it is %s with %d participants", n.phase, n.endpoints)
		}
		n.become(fleet.PhaseRetiring, now)
	case fleet.VerbMove:
		n.endpoints, n.stress = 0, 0 // Jicofo moves them
		n.become(fleet.PhaseRetiring, now)
	}
	return nil
}
