package reconcile

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/event"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// jibriFake is one recorder: Jibri in its container, and the spool.
type jibriFake struct {
	activity fleet.Activity
	since    time.Time
	until    time.Time // of its recording
	starts   int64
	spool    int  // recordings that are not in S3, the one that is on included
	stuck    bool // nothing of the spool reaches S3
	cutOff   bool // has lost the shards: idle, and not free
	shunned  bool // no Jicofo lists it, and it does not know
}

// containerStart is from admission to a Jibri that has joined the shards.
const containerStart = 15 * time.Second

func (j *jibriFake) turn(to fleet.Activity, now time.Time) {
	if j.activity != to {
		j.activity, j.since = to, now
	}
}

func (j *jibriFake) live(n *node, now time.Time) {
	switch {
	case n.phase == fleet.PhaseServing && j.activity == fleet.ActivityOff && now.Sub(j.since) >= containerStart:
		j.turn(fleet.ActivityIdle, now)
	case j.activity == fleet.ActivityRecording && !now.Before(j.until):
		j.turn(fleet.ActivityFinalizing, now)
	case j.activity == fleet.ActivityFinalizing:
		j.turn(fleet.ActivityIdle, now)
	case j.spool > 0 && !j.activity.Busy() && !j.stuck:
		j.spool-- // uploaded
	}
	if n.phase == fleet.PhaseRetiring && !j.activity.Busy() {
		j.turn(fleet.ActivityOff, now)
	}
}

// carries reports whether people are on a node, or a recording is on.
func (n *node) carries() bool {
	return n.endpoints > 0 || n.jibri != nil && n.jibri.activity.Busy()
}

func (j *jibriFake) load(n *node, now time.Time) *fleet.JibriLoad {
	return &fleet.JibriLoad{
		Activity: j.activity, ActivitySeconds: now.Sub(j.since).Seconds(), Starts: j.starts,
		Free:  n.phase == fleet.PhaseServing && j.activity == fleet.ActivityIdle && !j.cutOff,
		Spool: fleet.SpoolLoad{Recordings: j.spool, Bytes: int64(j.spool) << 30},
	}
}

// obey does as package agent does on a recorder: it refuses to retire while something is recorded.
func (j *jibriFake) obey(n *node, verb fleet.Verb, now time.Time) error {
	final := n.phase == fleet.PhaseRetiring || n.phase == fleet.PhaseGone
	switch {
	case verb == fleet.VerbAdmit && (n.phase == fleet.PhaseStandby || n.phase == fleet.PhaseDraining):
		n.admitted, n.wiped = true, false
		n.become(fleet.PhaseServing, now)
	case verb == fleet.VerbAdmit && n.phase == fleet.PhaseServing, verb == fleet.VerbRetire && final:
	case verb == fleet.VerbRetire && !j.activity.Busy():
		n.become(fleet.PhaseRetiring, now)
	default:
		if verb == fleet.VerbRetire && j.activity.Busy() {
			return fmt.Errorf("order refused: %w", fleet.ErrOccupied)
		}
		return fmt.Errorf("order refused: it is %s and %s", n.phase, j.activity)
	}
	return nil
}

// record begins a recording on a recorder if Jicofo would choose it.
func (j *jibriFake) record(n *node, now time.Time, lasting time.Duration) bool {
	if j.activity != fleet.ActivityIdle || j.cutOff || j.shunned || n.phase == fleet.PhaseSick {
		return false
	}
	j.turn(fleet.ActivityRecording, now)
	j.until, j.starts, j.spool = now.Add(lasting), j.starts+1, j.spool+1
	return true
}

// poolWorld is a fleet with a pool of recorders and its loop.
type poolWorld struct {
	*world
	pool   *group
	jibris Jibris
}

// newPool is a fleet of two shards with free recorders in service; the pool's bounds are 3 and 20.
func newPool(t failer, recorders int) *poolWorld {
	w := newWorld(t, 2, 2)
	p := &poolWorld{world: w, pool: w.addGroup(fleet.RoleJibri, "", 3, 20)}
	p.pool.Name = "jitsi-jibris"
	for range recorders {
		w.cloud.serve(p.pool).node.jibri.activity = fleet.ActivityIdle
	}
	p.pool.Desired = max(p.pool.Min, recorders)
	w.lifecycle.Env.JibriAdmissionGrace = 10 * time.Minute
	p.jibris = Jibris{
		Env: settings.JibrisEnv{
			Control: w.bridges.Env.Control, Free: 3, Min: 3, Max: 20, BootTime: 4 * time.Minute, RetireAfter: 10 * time.Minute,
			DeadAfter: 3 * time.Minute, QuarantineWindow: 10 * time.Minute, Target: 0.6, Spare: 1, Slack: 0.25, Schedules: "[]",
			ServiceLevel: 0.995, TimeZone: "UTC",
		},
		Observer: w.bridges.Observer, Leases: w.leases, Profiles: w.profiles, Runtime: w.bridges.Runtime,
		Log: slog.New(slog.NewJSONHandler(w.log, nil)), Now: w.Now,
	}
	p.hear()
	return p
}

// hear lets every Jicofo see the recorders as they are.
func (p *poolWorld) hear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	views := map[fleet.InstanceID]fleet.JibriView{}
	for _, m := range p.pool.members {
		j := m.node.jibri
		if j.activity == fleet.ActivityOff || j.shunned || j.cutOff || m.Stopped {
			continue
		}
		idle, healthy := !j.activity.Busy() && m.node.phase != fleet.PhaseRetiring, m.node.phase == fleet.PhaseServing
		views[m.ID] = fleet.JibriView{Healthy: healthy, Idle: idle, Available: idle && healthy}
	}
	for n := range 2 {
		for _, m := range p.signal(n + 1).members {
			m.node.jibriViews = views
		}
	}
}

// begin starts recordings on the first recorders that Jicofo would choose.
func (p *poolWorld) begin(n int, lasting time.Duration) {
	p.t.Helper()
	p.mu.Lock()
	for _, m := range p.pool.members {
		if n > 0 && m.Lifecycle == fleet.StateInService && m.node.jibri.record(m.node, p.now, lasting) {
			n--
		}
	}
	p.mu.Unlock()
	require.Zero(p.t, n, "recordings that found no recorder")
	p.hear()
}

// runJibris runs the loop as the schedule does and expects no error.
func (p *poolWorld) runJibris() map[string]float64 {
	p.t.Helper()
	p.hear()
	record, err := p.jibris.Run(context.Background(), []event.Wakeup{schedule})
	require.NoError(p.t, err)
	return metricsOf(p.t, record)
}

// minutes lets time pass with both loops each minute.
func (p *poolWorld) minutes(n int) {
	p.t.Helper()
	for range n {
		p.advance(time.Minute)
		p.runJibris()
		p.runLifecycle()
	}
}

func (p *poolWorld) at(activity fleet.Activity) int {
	n := 0
	for _, m := range p.pool.members {
		if m.Lifecycle == fleet.StateInService && m.node.jibri.activity == activity {
			n++
		}
	}
	return n
}
