package simulate

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// agents are the node agents of the bridges that are seen, and of the signal node.
type agents struct{ *stage }

var errSilent = errors.New("context deadline exceeded")

// Status answers as package agent does.
func (a agents) Status(_ context.Context, address netip.Addr) (fleet.Status, error) {
	if numberOf(address) == signalAddress {
		return a.signal(), nil
	}
	b, err := a.at(address)
	if err != nil {
		return fleet.Status{}, err
	}
	return statusOf(b), nil
}

func (a agents) at(address netip.Addr) (SeenBridge, error) {
	for _, b := range a.view.Bridges {
		if b.ID == numberOf(address) && b.State != capacity.Silent && (b.State != capacity.Booting || b.Up) && !b.Ending {
			return b, nil
		}
	}
	return SeenBridge{}, errSilent
}

func statusOf(b SeenBridge) fleet.Status {
	s := fleet.Status{Instance: name(b.ID), Role: fleet.RoleBridge, Shard: wholeShard, Admitted: true, Phase: fleet.PhaseServing}
	switch {
	case b.Up:
		s.Phase, s.Admitted = fleet.PhaseStandby, false
	case b.Gone:
		s.Phase = fleet.PhaseGone
	case b.Told || b.State == capacity.Retiring:
		s.Phase = fleet.PhaseRetiring
	case b.State == capacity.Draining:
		s.Phase = fleet.PhaseDraining
	}
	s.Bridge = &fleet.BridgeLoad{Stress: b.Stress, Conferences: int64(b.Conferences), LocalEndpoints: int64(b.People), Endpoints: int64(b.People)}
	return s
}

// signal is Jicofo's view: what is seen of every bridge.
func (a agents) signal() fleet.Status {
	views := map[fleet.InstanceID]fleet.BridgeView{}
	people := int64(0)
	for _, b := range a.view.Bridges {
		if (b.State != capacity.Booting || b.Up) && !b.Ending {
			views[name(b.ID)] = fleet.BridgeView{Operational: !b.Gone, Drain: b.Up || b.State == capacity.Draining, Endpoints: int64(b.People)}
			people += int64(b.People)
		}
	}
	return fleet.Status{
		Instance: signalNode, Role: fleet.RoleSignal, Shard: wholeShard, Admitted: true, Phase: fleet.PhaseServing,
		Signal: &fleet.SignalLoad{State: fleet.ShardReady, Participants: people, BridgeViews: views},
	}
}

// Order obeys as package agent does.
func (a agents) Order(_ context.Context, address netip.Addr, verb fleet.Verb, order fleet.Order) (fleet.Status, error) {
	b, err := a.at(address)
	if err == nil {
		err = a.call()
	}
	if err != nil {
		return fleet.Status{}, err
	}
	switch verb {
	case fleet.VerbAdmit:
		a.deeds.Admit = append(a.deeds.Admit, b.ID)
		if order.Reserve {
			a.deeds.Drain = append(a.deeds.Drain, b.ID)
		}
	case fleet.VerbDrain:
		a.deeds.Drain = append(a.deeds.Drain, b.ID)
	case fleet.VerbUndrain:
		a.deeds.Undrain = append(a.deeds.Undrain, b.ID)
	case fleet.VerbRetire:
		a.deeds.Retire = append(a.deeds.Retire, b.ID)
	default:
		return fleet.Status{}, fmt.Errorf("order refused: a bridge of the simulator does not know %s", verb)
	}
	return statusOf(b), nil
}

// note is a lease with its memory.
type note struct {
	until  time.Time
	fence  uint64
	memory []byte
}

// leases is the table. Runs follow each other on the virtual clock, so nobody asks while another holds a lease.
type leases struct{ *stage }

// Acquire takes the lease.
func (l leases) Acquire(_ context.Context, key string, now, until time.Time) (fleet.Lease, bool, error) {
	if err := l.call(); err != nil {
		return fleet.Lease{}, false, err
	}
	n := l.notes[key]
	if n == nil {
		n = &note{}
		l.notes[key] = n
	}
	if n.until.After(now) {
		return fleet.Lease{}, false, nil
	}
	n.until, n.fence = until, n.fence+1
	return fleet.Lease{Key: key, Fence: n.fence, Memory: n.memory}, true, nil
}

// Note leaves memory.
func (l leases) Note(_ context.Context, lease fleet.Lease, memory []byte) error {
	l.notes[lease.Key].memory = memory
	return nil
}

// Release gives the lease back.
func (l leases) Release(ctx context.Context, lease fleet.Lease, memory []byte) (again bool, err error) {
	return false, l.Abandon(ctx, lease, memory)
}

// Abandon gives the lease back.
func (l leases) Abandon(_ context.Context, lease fleet.Lease, memory []byte) error {
	if err := l.call(); err != nil {
		return err // it lapses
	}
	n := l.notes[lease.Key]
	n.until, n.memory = time.Time{}, memory
	return nil
}

// profiles is the table's item with the shard's demand.
type profiles struct{ *stage }

// Profile is what was kept.
func (p profiles) Profile(context.Context, string) ([]byte, error) { return p.profile, p.call() }

// KeepProfile keeps it.
func (p profiles) KeepProfile(_ context.Context, _ string, raw []byte) error {
	if err := p.call(); err != nil {
		return err
	}
	p.profile = raw
	return nil
}

// runtime is a run-time parameter that changes nothing.
type runtime struct{ *stage }

// Read is the parameter.
func (r runtime) Read(context.Context) (string, error) { return "{}", r.call() }

// LastGood is what was in force.
func (runtime) LastGood(context.Context) (string, bool, error) { return "{}", true, nil }

// Keep keeps nothing.
func (runtime) Keep(context.Context, string) error { return nil }

// Refuse remembers nothing.
func (runtime) Refuse(context.Context, string) (bool, error) { return false, nil }

// Announce tells nobody.
func (runtime) Announce(context.Context, string, any) error { return nil }
