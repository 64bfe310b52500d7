package collector

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/haproxy"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/jitsi"
)

// plain is one process of an installation without node agents.
type plain struct {
	node Node
	look func(ctx context.Context, n *Node) error
}

func (p plain) Ask(ctx context.Context) Node {
	n := p.node
	n.Err = p.look(ctx, &n)
	n.Status.Role, n.Status.Shard, n.Status.Instance = n.Role, n.Shard, fleet.InstanceID(n.Name)
	return n
}

// NewComponent makes a target of a plain component that was validated. Each question to it takes at most timeout.
func NewComponent(c Component, timeout time.Duration) Target {
	p := plain{node: Node{Name: c.Name, Kind: string(c.Kind), Shard: c.Shard, Address: c.place()}}
	switch c.Kind {
	case KindJVB:
		p.node.Role, p.look = fleet.RoleBridge, lookAtBridge(jitsi.NewBridge(c.URL, timeout))
	case KindJicofo:
		p.node.Role, p.look = fleet.RoleSignal, lookAtJicofo(jitsi.NewJicofo(c.URL, timeout))
	case KindProsody:
		p.node.Role, p.look = fleet.RoleSignal, lookAtProsody(jitsi.NewProsody(c.URL, timeout), c.VirtualHost)
	case KindJibri:
		p.node.Role, p.look = fleet.RoleJibri, lookAtJibri(jitsi.NewJibri(c.URL, "", timeout))
	case KindHAProxy:
		p.node.Role, p.look = fleet.RoleEdge, lookAtPage(c.URL, c.Backend)
		if c.Socket != "" {
			p.look = lookAtProxy(haproxy.NewAdmin(c.Socket, timeout), c.Backend)
		}
	default:
		p.look = func(context.Context, *Node) error { return fmt.Errorf("no way to ask a %s", c.Kind) }
	}
	return p
}

func lookAtBridge(jvb *jitsi.Bridge) func(context.Context, *Node) error {
	return func(ctx context.Context, n *Node) error {
		s, err := jvb.Stats(ctx)
		if err != nil {
			return err
		}
		n.Status.Version = s.Version
		n.Status.Bridge = &fleet.BridgeLoad{
			Stress: s.Stress, Conferences: s.Conferences, Endpoints: s.Endpoints, LocalEndpoints: s.LocalEndpoints,
			LargestConference: s.LargestConference, Drain: s.Drain, GracefulShutdown: s.GracefulShutdown,
			ShuttingDown: s.ShuttingDown, JoinedMUCs: s.MUCsJoined, ReceiveKilobits: s.ReceiveKilobits,
			SendKilobits: s.SendKilobits, Loss: s.Loss, RoundTripMillis: s.RoundTripMillis, ICEFailedTotal: s.ICEFailedTotal,
			ParticipantStress: s.ParticipantStress, PacketRateDownload: s.PacketRateDownload, PacketRateUpload: s.PacketRateUpload,
		}
		health := jvb.Health(ctx)
		switch {
		case health != nil && !errors.Is(health, jitsi.ErrNoHealth):
			n.Status.Phase, n.Status.Detail = fleet.PhaseSick, health.Error()
		case s.GracefulShutdown, s.ShuttingDown:
			n.Status.Phase = fleet.PhaseRetiring
		case s.Drain:
			n.Status.Phase = fleet.PhaseDraining
		default:
			n.Status.Phase = fleet.PhaseServing
		}
		return nil
	}
}

func lookAtJicofo(jicofo *jitsi.Jicofo) func(context.Context, *Node) error {
	return func(ctx context.Context, n *Node) error {
		s, err := jicofo.Stats(ctx)
		if err != nil {
			return err
		}
		n.Status.Version, n.Status.Phase = s.Version, fleet.PhaseServing
		n.Status.Signal = &fleet.SignalLoad{
			Conferences: s.Conferences, Participants: s.Participants, LargestConference: s.LargestConference,
			Bridges: s.Bridges, BridgesOK: s.OperationalBridges, LostBridges: s.LostBridges,
			ParticipantsMoved: s.ParticipantsMoved, JibrisAvailable: s.JibrisAvailable, JibrisSeen: s.JibrisSeen,
		}
		return nil
	}
}

func lookAtProsody(prosody *jitsi.Prosody, host string) func(context.Context, *Node) error {
	return func(ctx context.Context, n *Node) error {
		rooms, err := prosody.Census(ctx, host)
		if err != nil {
			return err
		}
		n.Status.Phase, n.Rooms = fleet.PhaseServing, &Rooms{}
		for _, r := range rooms {
			if r.Participants > 0 {
				n.Rooms.Rooms++
				n.Rooms.Participants += r.Participants
				n.Rooms.Largest = max(n.Rooms.Largest, r.Participants)
			}
		}
		return nil
	}
}

func lookAtJibri(jibri *jitsi.Jibri) func(context.Context, *Node) error {
	return func(ctx context.Context, n *Node) error {
		h, err := jibri.Health(ctx)
		if err != nil {
			return err
		}
		n.Activity = strings.ToLower(string(h.Busy))
		n.Status.Phase, n.Status.Detail = fleet.PhaseServing, h.Details
		if !h.Healthy {
			n.Status.Phase = fleet.PhaseSick
		}
		load := fleet.JibriLoad{Session: h.Environment, Free: h.Healthy && h.Busy == jitsi.JibriIdle}
		switch h.Busy {
		case jitsi.JibriIdle:
			load.Activity = fleet.ActivityIdle
		case jitsi.JibriInUse:
			load.Activity = fleet.ActivityJoining // the least that a busy one does
		case jitsi.JibriExpired:
			load.Activity = fleet.ActivityExpired
		}
		n.Status.Jibri = &load
		return nil
	}
}
