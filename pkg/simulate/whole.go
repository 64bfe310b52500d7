package simulate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/event"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/reconcile"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// Whole is jitsi-fleet's whole control loop of bridges, reconcile.Bridges, on the virtual clock: it lists the groups, asks
// the agents, holds a lease, remembers, raises the desired capacity, gives orders and terminates, all over the simulated
// bridges. Auto Scaling and the agents are played by stage. It is slower than Fleet and is for runs with faults.
type Whole struct {
	loop  reconcile.Bridges
	stage *stage
	// Failed counts the runs that ended with an error, as a Lambda would report it.
	Failed int
}

// NewWhole is the loop with some settings in a world; the world's Throttled is the share of attempts at a call that fail.
func NewWhole(s Settings, o Options) *Whole {
	deployed := settings.Defaults()
	env := deployed.BridgesEnv(deployed.Control())
	env.Fleet, env.TimeZone, env.ServiceLevel, env.Schedules = wholeFleet, "UTC", s.ServiceLevel, "[]"
	env.Target, env.Spare, env.Slack = s.Bridges.Target, s.Bridges.Spare, s.Bridges.Slack
	env.ShrinkAfter, env.BootTime, env.Reaction = s.Bridges.ShrinkAfter, s.Bridges.BootTime, s.Bridges.Reaction
	st := &stage{least: s.Bridges.Min, most: wholeMost, desired: s.Bridges.Min, faults: newGremlin(o), notes: map[string]*note{}}
	log := slog.New(slog.DiscardHandler)
	return &Whole{stage: st, loop: reconcile.Bridges{
		Env: env, Leases: leases{st}, Profiles: profiles{st}, Log: log, Now: st.clock,
		Observer: reconcile.Observer{
			Fleet: wholeFleet, Groups: st, Machines: machines{st}, Agents: agents{st}, AgentTimeout: time.Minute, Concurrency: 1, Now: st.clock, Log: log,
		},
		Runtime: reconcile.Runtime{Parameters: runtime{st}, Memory: runtime{st}, Announcer: runtime{st}, Log: log},
	}}
}

const (
	wholeFleet = "jitsi"
	wholeShard = "shard-1"
	wholeGroup = "jitsi-shard-1-bridges"
	// wholeMost is the highest maximum that the settings allow.
	wholeMost = 500
)

// Period is the schedule's.
func (*Whole) Period() time.Duration { return time.Minute }

// WakeStress is the agents'.
func (w *Whole) WakeStress() float64 { return w.loop.Env.Target }

// EndsBridges says that the loop retires and terminates bridges itself.
func (*Whole) EndsBridges() {}

// KeepsReserve says that what drains is a reserve.
func (*Whole) KeepsReserve() {}

// Decide lets the loop run once over what is seen. What it launches is what Auto Scaling lacks to the desired capacity, so
// a launch that failed is made again.
func (w *Whole) Decide(v BridgeView) Deeds {
	w.stage.view, w.stage.deeds = v, Deeds{}
	if _, err := w.loop.Run(context.Background(), []event.Wakeup{{Kind: event.Schedule}}); err != nil {
		w.Failed++
	}
	w.stage.deeds.Launch = max(0, w.stage.desired-w.stage.counted())
	return w.stage.deeds
}

// stage is Auto Scaling, EC2 and the agents over the bridges that are seen.
type stage struct {
	view        BridgeView
	deeds       Deeds
	least, most int
	desired     int
	faults      *gremlin
	notes       map[string]*note
	profile     []byte
}

// errThrottled is AWS's answer to too many calls.
var errThrottled = errors.New("ThrottlingException: Rate exceeded")

// attempts is how often the AWS SDK makes a call that is throttled, by default.
const attempts = 3

// call answers a call with the fault that was drawn for it.
func (s *stage) call() error {
	for range attempts {
		if !s.faults.hits(s.faults.o.Faults.Throttled) {
			return nil
		}
	}
	return errThrottled
}

func (s *stage) clock() time.Time { return s.view.Now }

// counted is how many instances count toward the desired capacity.
func (s *stage) counted() int {
	ends := map[int]bool{}
	for _, id := range s.deeds.Kill {
		ends[id] = true
	}
	n := 0
	for _, b := range s.view.Bridges {
		if !b.Ending && !ends[b.ID] {
			n++
		}
	}
	return n
}

// List is Auto Scaling's description: the shard's signal node, which always serves, and its bridges.
func (s *stage) List(_ context.Context, scope fleet.Scope) ([]fleet.Group, error) {
	if err := s.call(); err != nil {
		return nil, err
	}
	signal := fleet.Group{Name: "jitsi-shard-1-signals", Role: fleet.RoleSignal, Shard: wholeShard, Min: 1, Max: 1, Desired: 1}
	signal.Instances = []fleet.Instance{{ID: signalNode, Lifecycle: fleet.StateInService, Protected: true}}
	bridges := fleet.Group{Name: wholeGroup, Role: fleet.RoleBridge, Shard: wholeShard, Min: s.least, Max: s.most, Desired: s.desired}
	for _, b := range s.view.Bridges {
		i := fleet.Instance{ID: name(b.ID), Lifecycle: fleet.StateInService, Protected: true}
		switch {
		case b.Ending:
			i.Lifecycle = fleet.StateTerminating
		case b.State == capacity.Booting:
			i.Lifecycle = fleet.StatePendingWait
		}
		bridges.Instances = append(bridges.Instances, i)
	}
	var listed []fleet.Group
	for _, g := range []fleet.Group{signal, bridges} {
		if scope.Includes(g) {
			listed = append(listed, g)
		}
	}
	return listed, nil
}

// Raise sets the desired capacity.
func (s *stage) Raise(_ context.Context, _ string, desired int) error {
	if err := s.call(); err != nil {
		return err
	}
	if desired < s.desired || desired > s.most {
		return fmt.Errorf("desired capacity %d is outside %d to %d", desired, s.desired, s.most)
	}
	s.desired = desired
	return nil
}

// Terminate ends a bridge, whoever is on it.
func (s *stage) Terminate(_ context.Context, _ string, id fleet.InstanceID, shrink bool) error {
	if err := s.call(); err != nil {
		return err
	}
	if shrink {
		s.desired--
	}
	s.deeds.Kill = append(s.deeds.Kill, numbers([]fleet.InstanceID{id})...)
	return nil
}

// KeepZones, Complete and Heartbeat are not called for the stage's instances.
func (*stage) KeepZones(context.Context, string) error { return nil }

// Complete ends no hook: the stage's boots end by themselves.
func (*stage) Complete(context.Context, string, string, fleet.InstanceID, fleet.HookResult) error {
	return nil
}

// Heartbeat prolongs nothing.
func (*stage) Heartbeat(context.Context, string, string, fleet.InstanceID) error { return nil }

const signalNode fleet.InstanceID = "i-signal"

// machines is EC2: it knows the addresses.
type machines struct{ *stage }

// List describes all machines.
func (m machines) List(context.Context, string) (map[fleet.InstanceID]fleet.Machine, error) {
	if err := m.call(); err != nil {
		return nil, err
	}
	all := map[fleet.InstanceID]fleet.Machine{signalNode: {Address: addressOf(signalAddress)}}
	for _, b := range m.view.Bridges {
		all[name(b.ID)] = fleet.Machine{Address: addressOf(b.ID), Launched: b.Launched}
	}
	return all, nil
}

// signalAddress is a number that no bridge has.
const signalAddress = 1<<24 - 1

func addressOf(id int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(id >> 16), byte(id >> 8), byte(id)})
}

func numberOf(a netip.Addr) int {
	b := a.As4()
	return int(b[1])<<16 | int(b[2])<<8 | int(b[3])
}
