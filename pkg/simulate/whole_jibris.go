package simulate

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/event"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/reconcile"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// WholeJibris is Whole's counterpart: reconcile.Jibris, the control loop of the recorders, over the simulated ones.
type WholeJibris struct {
	loop reconcile.Jibris
	pool *poolStage
	// Failed counts the runs that ended with an error.
	Failed int
}

// NewWholeJibris is the loop with some settings in a world.
func NewWholeJibris(s Settings, o Options) *WholeJibris {
	deployed := settings.Defaults()
	env := deployed.JibrisEnv(deployed.Control())
	env.Fleet, env.TimeZone, env.ServiceLevel, env.Schedules = wholeFleet, "UTC", s.JibriServiceLevel, "[]"
	env.Free, env.Min, env.Max = s.Jibris.Free, s.Jibris.Min, min(s.Jibris.Max, wholeMost)
	env.BootTime, env.RetireAfter = s.Jibris.BootTime, s.Jibris.RetireAfter
	st := &stage{desired: env.Free, faults: newGremlin(o), notes: map[string]*note{}}
	p := &poolStage{stage: st, least: env.Min, most: env.Max}
	log := slog.New(slog.DiscardHandler)
	return &WholeJibris{pool: p, loop: reconcile.Jibris{
		Env: env, Leases: leases{st}, Profiles: profiles{st}, Log: log, Now: st.clock,
		Observer: reconcile.Observer{
			Fleet: wholeFleet, Groups: p, Machines: studioMachines{p}, Agents: studioAgents{p}, AgentTimeout: time.Minute, Concurrency: 1, Now: st.clock, Log: log,
		},
		Runtime: reconcile.Runtime{Parameters: runtime{st}, Memory: runtime{st}, Announcer: runtime{st}, Log: log},
	}}
}

// Period is the schedule's.
func (*WholeJibris) Period() time.Duration { return time.Minute }

// WakeAfterStart is the agents'.
func (*WholeJibris) WakeAfterStart() time.Duration { return startDelay }

// EndsJibris says that the loop terminates recorders itself.
func (*WholeJibris) EndsJibris() {}

// Decide lets the loop run once over what is seen.
func (w *WholeJibris) Decide(v JibriView) JibriDeeds {
	p := w.pool
	p.view.Now, p.recorders, p.acts = v.Now, v.Jibris, JibriDeeds{}
	if _, err := w.loop.Run(context.Background(), []event.Wakeup{{Kind: event.Schedule}}); err != nil {
		w.Failed++
	}
	alive := -len(p.acts.Kill)
	for _, j := range p.recorders {
		if !j.Ending {
			alive++
		}
	}
	p.acts.Launch = max(0, p.desired-alive)
	return p.acts
}

// poolStage is Auto Scaling over the recorders that are seen; all else is the stage's.
type poolStage struct {
	*stage
	recorders   []SeenJibri
	acts        JibriDeeds
	least, most int
}

// List is Auto Scaling's description: one shard's signal node, and the pool.
func (p *poolStage) List(_ context.Context, scope fleet.Scope) ([]fleet.Group, error) {
	if err := p.call(); err != nil {
		return nil, err
	}
	signal := fleet.Group{Name: "jitsi-shard-1-signals", Role: fleet.RoleSignal, Shard: wholeShard, Min: 1, Max: 1, Desired: 1}
	signal.Instances = []fleet.Instance{{ID: signalNode, Lifecycle: fleet.StateInService, Protected: true}}
	pool := fleet.Group{Name: "jitsi-jibris", Role: fleet.RoleJibri, Min: p.least, Max: p.most, Desired: p.desired}
	for _, j := range p.recorders {
		i := fleet.Instance{ID: name(j.ID), Lifecycle: fleet.StateInService, Protected: true}
		switch {
		case j.Ending:
			i.Lifecycle = fleet.StateTerminating
		case j.State == capacity.JibriBooting:
			i.Lifecycle = fleet.StatePendingWait
		}
		pool.Instances = append(pool.Instances, i)
	}
	var listed []fleet.Group
	for _, g := range []fleet.Group{signal, pool} {
		if scope.Includes(g) {
			listed = append(listed, g)
		}
	}
	return listed, nil
}

// Raise sets the desired capacity.
func (p *poolStage) Raise(_ context.Context, _ string, desired int) error {
	if err := p.call(); err != nil {
		return err
	}
	p.desired = desired
	return nil
}

// Terminate ends a recorder, whatever it carries.
func (p *poolStage) Terminate(_ context.Context, _ string, id fleet.InstanceID, shrink bool) error {
	if err := p.call(); err != nil {
		return err
	}
	if shrink {
		p.desired--
	}
	p.acts.Kill = append(p.acts.Kill, numbers([]fleet.InstanceID{id})...)
	return nil
}

type studioMachines struct{ *poolStage }

// List describes all machines.
func (m studioMachines) List(context.Context, string) (map[fleet.InstanceID]fleet.Machine, error) {
	if err := m.call(); err != nil {
		return nil, err
	}
	all := map[fleet.InstanceID]fleet.Machine{signalNode: {Address: addressOf(signalAddress)}}
	for _, j := range m.recorders {
		all[name(j.ID)] = fleet.Machine{Address: addressOf(j.ID), Launched: j.Launched}
	}
	return all, nil
}

// studioAgents are the node agents of the recorders that are seen, and of the signal node.
type studioAgents struct{ *poolStage }

// Status answers as package agent does.
func (a studioAgents) Status(_ context.Context, address netip.Addr) (fleet.Status, error) {
	if numberOf(address) == signalAddress {
		return a.signal(), nil
	}
	j, err := a.at(address)
	if err != nil {
		return fleet.Status{}, err
	}
	return jibriStatus(j), nil
}

func (a studioAgents) at(address netip.Addr) (SeenJibri, error) {
	for _, j := range a.recorders {
		if j.ID == numberOf(address) && j.State != capacity.JibriSilent && j.State != capacity.JibriBooting && !j.Ending {
			return j, nil
		}
	}
	return SeenJibri{}, errSilent
}

func jibriStatus(j SeenJibri) fleet.Status {
	s := fleet.Status{Instance: name(j.ID), Role: fleet.RoleJibri, Admitted: true, Phase: fleet.PhaseServing}
	load := fleet.JibriLoad{Activity: fleet.ActivityIdle, ActivitySeconds: j.IdleFor.Seconds(), Starts: j.Starts}
	if j.State == capacity.JibriRetiring {
		s.Phase, load.Activity = fleet.PhaseRetiring, fleet.ActivityOff
		if !j.Busy && !j.Spooling {
			s.Phase = fleet.PhaseGone
		}
	}
	if j.Busy {
		load.Activity = fleet.ActivityRecording
	}
	if j.Busy || j.Spooling {
		load.Spool.Recordings = 1
	}
	load.Free = j.State == capacity.JibriFree
	s.Jibri = &load
	return s
}

// signal is Jicofo's view: what is seen of every recorder that takes recordings.
func (a studioAgents) signal() fleet.Status {
	views := map[fleet.InstanceID]fleet.JibriView{}
	for _, j := range a.recorders {
		if j.State == capacity.JibriFree || j.State == capacity.JibriBusy {
			views[name(j.ID)] = fleet.JibriView{Healthy: true, Idle: !j.Busy, Available: !j.Busy}
		}
	}
	return fleet.Status{
		Instance: signalNode, Role: fleet.RoleSignal, Shard: wholeShard, Admitted: true, Phase: fleet.PhaseServing,
		Signal: &fleet.SignalLoad{State: fleet.ShardReady, JibriViews: views},
	}
}

var errRefused = errors.New("order refused")

// Order obeys as package agent does: one that records refuses to shut down.
func (a studioAgents) Order(_ context.Context, address netip.Addr, verb fleet.Verb, _ fleet.Order) (fleet.Status, error) {
	j, err := a.at(address)
	if err == nil {
		err = a.call()
	}
	if err == nil && (verb != fleet.VerbRetire || j.Busy) {
		err = errRefused
	}
	if err != nil {
		return fleet.Status{}, err
	}
	a.acts.Retire = append(a.acts.Retire, j.ID)
	return jibriStatus(j), nil
}
