package simulate

import (
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
)

// SeenJibri is one recorder as a policy sees it.
type SeenJibri struct {
	ID       int
	State    capacity.JibriState
	Busy     bool          // it may be, too, when it was told to shut down
	Spooling bool          // holds a recording that is not uploaded yet
	IdleFor  time.Duration // since when it is free
	Launched time.Time
	Starts   int64 // recordings that began on it, ever
	Up       bool  // has booted, and waits to be admitted
	Ending   bool  // its machine is being ended
}

// JibriView is what a policy sees of the recorders at one moment.
type JibriView struct {
	Now    time.Time
	Jibris []SeenJibri
	Began  int // recordings since the last look
}

// JibriDeeds are what a policy does. Retire lets a recorder finish first; Kill does not. Admit is for a JibriAdmitter's.
type JibriDeeds struct {
	Launch              int
	Admit, Retire, Kill []int
}

// JibriPolicy sizes the pool of recorders.
type JibriPolicy interface {
	// Period is how often it decides.
	Period() time.Duration
	// Decide decides on what it sees now.
	Decide(v JibriView) JibriDeeds
}

// JibriAdmitter is Admitter's counterpart. It ends retired recorders itself, too, by Kill.
type JibriAdmitter interface {
	// Elapse is what Auto Scaling does by itself.
	Elapse(v JibriView) JibriDeeds
}

// StartWaker is a policy that is woken when a recording begins, this long after it.
type StartWaker interface{ WakeAfterStart() time.Duration }

// startDelay is from a recording's start to the decision that it causes: the agent's look and the wake-up's way.
const startDelay = 5 * time.Second

// jibriRun is one policy's recorders through one workload.
type jibriRun struct {
	w         Workload
	policy    JibriPolicy
	s         *studio
	faults    *gremlin
	now       float64
	wakeAfter float64 // negative: never
	series    []JibriPoint
	bin       binning
	view      JibriView
}

// RunJibris plays a workload's recordings against a policy, beginning with first recorders free.
func RunJibris(w Workload, policy JibriPolicy, first int, o Options) JibriFigures {
	f, _ := PlayJibris(w, policy, first, o)
	return f
}

// PlayJibris is RunJibris with what happened in each of the Options' Sample intervals.
func PlayJibris(w Workload, policy JibriPolicy, first int, o Options) (JibriFigures, []JibriPoint) {
	r := &jibriRun{w: w, policy: policy, faults: newGremlin(o), wakeAfter: -1, bin: newBinning(o)}
	r.s = &studio{bootTime: r.faults.boots(o.JibriBoot)}
	if waker, ok := policy.(StartWaker); ok {
		r.wakeAfter = waker.WakeAfterStart().Seconds()
	}
	_, r.s.held = policy.(JibriAdmitter)
	for range first {
		r.s.recorders = append(r.s.recorders, &recorder{id: r.s.next, state: serving})
		r.s.next++
	}
	r.play(o.WarmUp.Seconds())
	return r.s.figures(), r.series
}

func (r *jibriRun) play(warmUp float64) {
	asked := 0
	tick, wake := phase, never
	period := r.policy.Period().Seconds()
	end := r.w.Length().Seconds()
	for {
		next := min(tick, wake, end, r.s.nextDeadline())
		if asked < len(r.w.Recordings) {
			next = min(next, r.w.Recordings[asked].Start)
		}
		if len(r.s.queue) > 0 {
			next = min(next, r.s.queue[0].at)
		}
		r.advance(next, warmUp)
		before := r.s.began
		switch {
		case next >= end:
			r.s.giveUp(never)
			return
		case len(r.s.queue) > 0 && r.s.queue[0].at <= next:
			r.s.due(next)
		case r.s.nextDeadline() <= next:
			r.s.giveUp(next)
		case asked < len(r.w.Recordings) && r.w.Recordings[asked].Start <= next:
			r.s.ask(r.w.Recordings[asked])
			asked++
		case wake <= next:
			wake = never
			r.decide()
		default:
			tick += period
			r.decide()
		}
		if r.wakeAfter >= 0 && r.s.began > before && !r.faults.losesWake() {
			wake = min(wake, next+r.wakeAfter)
		}
	}
}

func (r *jibriRun) advance(to, warmUp float64) {
	if !r.s.counting && to >= warmUp {
		r.s.counting, r.now = true, max(r.now, warmUp)
		r.bin.from(r.now)
	}
	for r.s.counting && r.bin.at <= to {
		r.s.pass(r.bin.at - r.now)
		r.now = max(r.now, r.bin.at)
		r.series = append(r.series, r.point())
	}
	r.s.pass(to - r.now)
	r.now = to
}

func (r *jibriRun) decide() {
	r.view.Now, r.view.Began = r.w.Start.Add(second(r.now)), r.s.began
	if r.faults.down(r.now) {
		if a, ok := r.policy.(JibriAdmitter); ok {
			r.look()
			r.act(a.Elapse(r.view))
		}
		return
	}
	r.s.began = 0
	for range r.faults.times() {
		r.look()
		r.act(r.policy.Decide(r.view))
		r.view.Began = 0
	}
}

func (r *jibriRun) look() {
	r.view.Jibris = r.view.Jibris[:0]
	for _, j := range r.s.recorders {
		r.view.Jibris = append(r.view.Jibris, r.faults.jibri(j.seen(r.w.Start, r.now)))
	}
}

func (r *jibriRun) act(d JibriDeeds) {
	for range r.faults.granted(d.Launch) {
		r.s.launch(r.now)
	}
	r.each(d.Admit, r.s.admit)
	r.each(d.Retire, r.s.retire)
	r.each(d.Kill, r.s.kill)
}

func (r *jibriRun) each(ids []int, do func(*recorder, float64)) {
	for _, id := range ids {
		for _, j := range r.s.recorders {
			if j.id == id {
				do(j, r.now)
				break
			}
		}
	}
}
