package simulate

import (
	"cmp"
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// Options are the world that every policy meets alike.
type Options struct {
	// BridgeBoot and JibriBoot are the mean times from launch to service.
	BridgeBoot, JibriBoot time.Duration
	// Spread is by which share a boot is shorter or longer at most, evenly: 0 to 1.
	Spread float64
	// BootFailures is the share of launches that never come up: 0 to 1. They cost for as long as the launch's grace.
	BootFailures float64
	// WarmUp is the time at the beginning in which nothing is counted, so that policies can learn.
	WarmUp time.Duration
	// Seed makes boot times and failures; the same seed gives the n-th launch the same luck under each policy.
	Seed uint64
	// Sample is the length of the charted intervals; 0 for no charts.
	Sample time.Duration
	// Faults are what goes wrong.
	Faults Faults
	// Fleet is what jitsi-fleet goes by, nothing else does; the defaults without a maximum when nil.
	Fleet *settings.Settings
}

// SeenBridge is one bridge as a policy sees it.
type SeenBridge struct {
	ID     int
	State  capacity.State
	Stress float64
	People int
	// Conferences are those that have participants here.
	Conferences int
	Launched    time.Time
	// Up is true when it has booted and waits to be admitted, Told when it was told to shut down once it is empty, Gone when
	// it has, and Ending when its machine ends.
	Up, Told, Gone, Ending bool
}

// BridgeView is what a policy sees of the bridges at one moment.
type BridgeView struct {
	Now     time.Time
	Bridges []SeenBridge
}

// Deeds are what a policy does. Kill ends bridges whoever is on them. Retire tells draining ones to shut down once they
// are empty, which all others do by themselves than those of an Ender. Admit is for those of an Admitter.
type Deeds struct {
	Launch                                       int
	Admit, Drain, Undrain, Release, Retire, Kill []int
}

// Admitter is a policy that admits what has booted, and gives up what does not boot. It goes by Auto Scaling's hooks, whose
// time passes also while the control plane is down.
type Admitter interface {
	// Elapse is what Auto Scaling does by itself.
	Elapse(v BridgeView) Deeds
}

// Ender is a policy that ends empty bridges itself, by Retire and then Kill.
type Ender interface{ EndsBridges() }

// Reserver is a policy to which draining bridges are a reserve: new ones drain until they are taken back, and empty ones end
// when they are released.
type Reserver interface{ KeepsReserve() }

// BridgePolicy sizes a group of bridges.
type BridgePolicy interface {
	// Period is how often it decides.
	Period() time.Duration
	// Decide decides on what it sees now.
	Decide(v BridgeView) Deeds
}

// Waker is a policy that is woken between its periods: when a bridge's stress rises to WakeStress.
type Waker interface{ WakeStress() float64 }

// wakeDelay is from a bridge's rise to the decision that it causes: the 99th percentile of what scripts/measure
// latency found.
const wakeDelay = 10.5

// phase is by how much the policies' periods begin after the full minute.
const phase = 20.0

// bridgeRun is one policy's bridges through one workload.
type bridgeRun struct {
	w      Workload
	policy BridgePolicy
	pool   *pool
	places []place
	byEnd  []int32
	now    float64
	alone  float64 // when a bridge of the reserve takes work by itself
	view   BridgeView
	faults *gremlin
	series []BridgePoint
	bin    binning
}

// RunBridges plays a workload against a policy, beginning with first bridges in service.
func RunBridges(w Workload, policy BridgePolicy, first int, o Options) BridgeFigures {
	f, _ := PlayBridges(w, policy, first, o)
	return f
}

// PlayBridges is RunBridges with what happened in each of the Options' Sample intervals.
func PlayBridges(w Workload, policy BridgePolicy, first int, o Options) (BridgeFigures, []BridgePoint) {
	r := newBridgeRun(w, policy, first, o)
	r.play(o.WarmUp.Seconds())
	return r.pool.figures(), r.series
}

func newBridgeRun(w Workload, policy BridgePolicy, first int, o Options) *bridgeRun {
	r := &bridgeRun{alone: never, w: w, policy: policy, places: make([]place, len(w.Visits)), byEnd: byEnd(w.Visits), faults: newGremlin(o), bin: newBinning(o)}
	r.pool = newPool(w.Rooms, r.faults.boots(o.BridgeBoot))
	if waker, ok := policy.(Waker); ok {
		r.pool.crossed = waker.WakeStress() * perBridge
	}
	_, r.pool.held = policy.(Ender)
	_, r.pool.reserves = policy.(Reserver)
	_, r.pool.admits = policy.(Admitter)
	for range first {
		r.pool.bridges = append(r.pool.bridges, &bridge{id: r.pool.next, state: serving})
		r.pool.next++
	}
	return r
}

// byEnd are the visits' indices by their ends.
func byEnd(visits []Visit) []int32 {
	order := make([]int32, len(visits))
	for i := range order {
		order[i] = int32(i) //nolint:gosec // a workload has far fewer participants
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(visits[a].Leave, visits[b].Leave) })
	return order
}

// failedLaunch is what a launch that never comes up costs, in seconds: the admission's grace.
const failedLaunch = 900

func (r *bridgeRun) play(warmUp float64) {
	joins, leaves := 0, 0
	tick, wake := phase, never
	period := r.policy.Period().Seconds()
	end := r.w.Length().Seconds()
	for {
		next := min(tick, wake, end, r.alone)
		if joins < len(r.w.Visits) {
			next = min(next, r.w.Visits[joins].Join)
		}
		if leaves < len(r.byEnd) {
			next = min(next, r.w.Visits[r.byEnd[leaves]].Leave)
		}
		if len(r.pool.boots) > 0 {
			next = min(next, r.pool.boots[0].at)
		}
		r.advance(next, warmUp)
		switch {
		case next >= end:
			return
		case len(r.pool.boots) > 0 && r.pool.boots[0].at <= next:
			r.pool.due(next)
			r.alone = r.pool.left()
		case leaves < len(r.byEnd) && r.w.Visits[r.byEnd[leaves]].Leave <= next:
			r.pool.leave(&r.places[r.byEnd[leaves]], next)
			leaves++
		case joins < len(r.w.Visits) && r.w.Visits[joins].Join <= next:
			r.places[joins].room, r.places[joins].visit = r.w.Visits[joins].Room, int32(joins) //nolint:gosec // a workload has far fewer participants
			r.pool.join(&r.places[joins])
			joins++
			if r.pool.woke {
				r.pool.woke = false
				if !r.faults.losesWake() {
					wake = min(wake, next+wakeDelay)
				}
			}
		case wake <= next:
			wake = never
			r.decide()
		case tick <= next:
			tick += period
			r.decide()
		default:
			r.pool.serveAlone(next)
			r.alone = r.pool.left()
		}
	}
}

const never = 1e18

func (r *bridgeRun) advance(to, warmUp float64) {
	if !r.pool.counting && to >= warmUp {
		r.pool.counting, r.now = true, max(r.now, warmUp)
		r.bin.from(r.now)
	}
	for r.pool.counting && r.bin.at <= to {
		r.pool.pass(r.bin.at - r.now)
		r.now = max(r.now, r.bin.at)
		r.series = append(r.series, r.point())
	}
	r.pool.pass(to - r.now)
	r.now = to
}

func (r *bridgeRun) decide() {
	if r.faults.down(r.now) {
		if a, ok := r.policy.(Admitter); ok {
			r.look()
			r.act(a.Elapse(r.view))
		}
		return
	}
	for range r.faults.times() {
		r.look()
		d := r.policy.Decide(r.view)
		if !r.pool.admits { // whose policy repeats the order itself
			r.pool.hear(r.now)
		}
		r.act(d)
	}
}

func (r *bridgeRun) look() {
	r.view.Now = r.w.Start.Add(second(r.now))
	r.view.Bridges = r.view.Bridges[:0]
	for _, b := range r.pool.bridges {
		r.view.Bridges = append(r.view.Bridges, r.faults.bridge(SeenBridge{
			ID: b.id, State: states[b.state], Stress: float64(b.people) / perBridge, People: b.people, Conferences: b.conferences,
			Launched: r.w.Start.Add(second(b.launched)), Up: b.state == standby, Told: b.told, Gone: b.state == gone && r.now >= b.since+shutdownDelay, Ending: b.state == ending,
		}))
	}
}

func (r *bridgeRun) act(d Deeds) {
	for range r.faults.granted(d.Launch) {
		r.pool.launch(r.now)
	}
	r.each(d.Admit, r.pool.admit)
	r.each(d.Undrain, r.pool.undrain)
	r.each(d.Drain, r.pool.drain)
	r.each(d.Release, r.pool.release)
	r.each(d.Retire, r.pool.retire)
	r.each(d.Kill, r.pool.kill)
	r.alone = r.pool.left()
}

func (r *bridgeRun) each(ids []int, do func(*bridge, float64)) {
	for _, id := range ids {
		for _, b := range r.pool.bridges {
			if b.id == id {
				do(b, r.now)
				break
			}
		}
	}
}
