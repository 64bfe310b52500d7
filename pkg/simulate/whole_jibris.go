package simulate

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/reconcile"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// WholeJibris is Whole's counterpart: reconcile.Jibris and reconcile.Lifecycle over the simulated recorders.
type WholeJibris struct {
	sizes reconcile.Jibris
	lives reconcile.Lifecycle
	pool  *poolStage
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
	st := newStage(env.Free, env.Min, env.Max, o)
	p := &poolStage{stage: st}
	observer := reconcile.Observer{
		Fleet: wholeFleet, Groups: p, Machines: studioMachines{p}, Agents: studioAgents{p}, AgentTimeout: time.Minute, Concurrency: 1, Now: st.clock, Log: st.log,
	}
	return &WholeJibris{pool: p, lives: st.lifecycle(observer), sizes: reconcile.Jibris{
		Env: env, Leases: leases{st}, Profiles: profiles{st}, Log: st.log, Now: st.clock, Observer: observer,
		Runtime: reconcile.Runtime{Parameters: runtime{st}, Memory: runtime{st}, Announcer: runtime{st}, Log: st.log},
	}}
}

// Period is the schedule's.
func (*WholeJibris) Period() time.Duration { return time.Minute }

// WakeAfterStart is the agents'.
func (*WholeJibris) WakeAfterStart() time.Duration { return startDelay }

// Decide lets both loops run once over what is seen.
func (w *WholeJibris) Decide(v JibriView) JibriDeeds {
	w.see(v)
	w.Failed += failures(w.sizes.Run, w.lives.Run)
	return w.done()
}

// Elapse is what Auto Scaling does by itself.
func (w *WholeJibris) Elapse(v JibriView) JibriDeeds {
	w.see(v)
	return w.done()
}

func (w *WholeJibris) see(v JibriView) {
	p := w.pool
	p.view.Now, p.recorders, p.acts = v.Now, v.Jibris, JibriDeeds{}
	for _, j := range v.Jibris {
		p.meet(j.ID, j.Launched)
	}
	p.pass()
}

func (w *WholeJibris) done() JibriDeeds {
	w.pool.acts.Launch, w.pool.acts.Kill = w.pool.scale()
	return w.pool.acts
}

// poolStage is Auto Scaling over the recorders that are seen; all else is the stage's.
type poolStage struct {
	*stage
	recorders []SeenJibri
	acts      JibriDeeds
}

// List is Auto Scaling's description: one shard's signal node, and the pool.
func (p *poolStage) List(_ context.Context, scope fleet.Scope) ([]fleet.Group, error) {
	ids := make([]int, len(p.recorders))
	for i, j := range p.recorders {
		ids[i] = j.ID
	}
	return p.list(scope, fleet.Group{Name: "jitsi-jibris", Role: fleet.RoleJibri}, ids)
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
		if j.ID == numberOf(address) && j.State != capacity.JibriSilent && (j.State != capacity.JibriBooting || j.Up) && !j.Ending {
			return j, nil
		}
	}
	return SeenJibri{}, errSilent
}

func jibriStatus(j SeenJibri) fleet.Status {
	s := fleet.Status{Instance: name(j.ID), Role: fleet.RoleJibri, Admitted: true, Phase: fleet.PhaseServing}
	load := fleet.JibriLoad{Activity: fleet.ActivityIdle, ActivitySeconds: j.IdleFor.Seconds(), Starts: j.Starts}
	if j.Up {
		s.Phase, s.Admitted, load.Activity = fleet.PhaseStandby, false, fleet.ActivityOff
	}
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
	switch {
	case err != nil:
		return fleet.Status{}, err
	case verb == fleet.VerbAdmit:
		a.acts.Admit = append(a.acts.Admit, j.ID)
	case verb == fleet.VerbRetire && !j.Busy:
		a.acts.Retire = append(a.acts.Retire, j.ID)
	default:
		return fleet.Status{}, errRefused
	}
	return jibriStatus(j), nil
}
