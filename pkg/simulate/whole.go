package simulate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/event"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/reconcile"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// Whole is jitsi-fleet's whole control of bridges, reconcile.Bridges and reconcile.Lifecycle, on the virtual clock: it lists
// the groups, asks the agents, holds leases, remembers, raises the desired capacity, gives orders, admits, terminates, answers
// hooks and prolongs them, all over the simulated bridges. Auto Scaling and the agents are played by stage. It is slower than
// Fleet and is for runs with faults.
type Whole struct {
	sizes reconcile.Bridges
	lives reconcile.Lifecycle
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
	st := newStage(s.Bridges.Min, s.Bridges.Min, wholeMost, o)
	observer := reconcile.Observer{
		Fleet: wholeFleet, Groups: st, Machines: machines{st}, Agents: agents{st}, AgentTimeout: time.Minute, Concurrency: 1, Now: st.clock, Log: st.log,
	}
	return &Whole{stage: st, lives: st.lifecycle(observer), sizes: reconcile.Bridges{
		Env: env, Leases: leases{st}, Profiles: profiles{st}, Log: st.log, Now: st.clock, Observer: observer,
		Runtime: reconcile.Runtime{Parameters: runtime{st}, Memory: runtime{st}, Announcer: runtime{st}, Log: st.log},
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
func (w *Whole) WakeStress() float64 { return w.sizes.Env.Target }

// EndsBridges says that the loop retires and terminates bridges itself.
func (*Whole) EndsBridges() {}

// KeepsReserve says that what drains is a reserve.
func (*Whole) KeepsReserve() {}

// Decide lets both loops run once over what is seen.
func (w *Whole) Decide(v BridgeView) Deeds {
	w.see(v)
	w.Failed += failures(w.sizes.Run, w.lives.Run)
	return w.done()
}

// Elapse is what Auto Scaling does by itself.
func (w *Whole) Elapse(v BridgeView) Deeds {
	w.see(v)
	return w.done()
}

func (w *Whole) see(v BridgeView) {
	s := w.stage
	s.view, s.deeds = v, Deeds{}
	for _, b := range v.Bridges {
		s.meet(b.ID, b.Launched)
	}
	s.pass()
}

// done are the deeds. What is launched is what Auto Scaling lacks to the desired capacity, so a launch that failed is made
// again.
func (w *Whole) done() Deeds {
	w.stage.deeds.Launch, w.stage.deeds.Kill = w.stage.scale()
	return w.stage.deeds
}

// loop is a control loop's Run.
type loop func(context.Context, []event.Wakeup) (*telemetry.Record, error)

// failures runs loops as their schedules do, and counts those that fail.
func failures(loops ...loop) int {
	n := 0
	for _, run := range loops {
		if _, err := run(context.Background(), []event.Wakeup{{Kind: event.Schedule}}); err != nil {
			n++
		}
	}
	return n
}

// stage is Auto Scaling, EC2 and the agents over the bridges that are seen.
type stage struct {
	hooks
	view        BridgeView
	deeds       Deeds
	least, most int
	desired     int
	begun       bool // those of the beginning were met
	faults      *gremlin
	notes       map[string]*note
	profile     []byte
	log         *slog.Logger
}

func newStage(desired, least, most int, o Options) *stage {
	return &stage{
		hooks: newHooks(settings.Defaults().Bridges.HookTimeout.D()), desired: desired, least: least, most: most,
		faults: newGremlin(o), notes: map[string]*note{}, log: slog.New(slog.DiscardHandler),
	}
}

// lifecycle is the loop that admits and lets go, over the same instances.
func (s *stage) lifecycle(observer reconcile.Observer) reconcile.Lifecycle {
	deployed := settings.Defaults()
	env := deployed.LifecycleEnv(deployed.Control())
	env.Fleet = wholeFleet
	return reconcile.Lifecycle{Env: env, Observer: observer, Leases: leases{s}, Announcer: runtime{s}, Log: s.log, Now: s.clock}
}

// meet takes notice of an instance that is seen.
func (s *stage) meet(id int, launched time.Time) { s.hooks.meet(id, launched, !s.begun) }

// pass is Auto Scaling's time since the last look, in which a person may have ended an instance.
func (s *stage) pass() {
	s.begun = true
	s.lapse(s.view.Now)
	if s.faults.hits(s.faults.o.Faults.Ended) {
		if id, ok := s.inService(s.faults.luck.Int()); ok {
			s.terminate(id, s.view.Now)
		}
	}
}

// scale is what Auto Scaling launches and ends.
func (s *stage) scale() (launch int, ended []int) {
	ended, s.ended = s.ended, nil
	return max(0, s.desired-s.counted()), ended
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

// List is Auto Scaling's description: the shard's signal node and its bridges.
func (s *stage) List(_ context.Context, scope fleet.Scope) ([]fleet.Group, error) {
	ids := make([]int, len(s.view.Bridges))
	for i, b := range s.view.Bridges {
		ids[i] = b.ID
	}
	return s.list(scope, fleet.Group{Name: wholeGroup, Role: fleet.RoleBridge, Shard: wholeShard}, ids)
}

// list describes the shard's signal node, which always serves, and a group of instances, as far as they are in scope.
func (s *stage) list(scope fleet.Scope, group fleet.Group, ids []int) ([]fleet.Group, error) {
	if err := s.call(); err != nil {
		return nil, err
	}
	signal := fleet.Group{Name: "jitsi-shard-1-signals", Role: fleet.RoleSignal, Shard: wholeShard, Min: 1, Max: 1, Desired: 1}
	signal.Instances = []fleet.Instance{{ID: signalNode, Lifecycle: fleet.StateInService, Protected: true}}
	group.Min, group.Max, group.Desired = s.least, s.most, s.desired
	for _, id := range ids {
		group.Instances = append(group.Instances, fleet.Instance{ID: name(id), Lifecycle: s.state(id), Protected: true})
	}
	var listed []fleet.Group
	for _, g := range []fleet.Group{signal, group} {
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

// Terminate ends an instance, when its hook is answered.
func (s *stage) Terminate(_ context.Context, _ string, id fleet.InstanceID, shrink bool) error {
	if err := s.call(); err != nil {
		return err
	}
	if shrink && s.state(number(id)) == fleet.StateInService {
		s.desired--
	}
	s.terminate(number(id), s.view.Now)
	return nil
}

// KeepZones is not called for the stage's groups.
func (*stage) KeepZones(context.Context, string) error { return nil }

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
