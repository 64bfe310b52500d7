package capacity

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// modelPool is a pool on a virtual clock. A decision is made each minute and on each start, and carried out; a recorder
// that is told to shut down has gone ten seconds later.
type modelPool struct {
	policy   JibriPolicy
	boot     time.Duration // from launch to free, as it is and not as the policy believes
	doubled  bool          // every decision is asked for twice
	now      time.Time
	jibris   []*recorder
	needed   []Sample
	starts   []Starts
	born     int
	desired  int
	launches int
	retired  int
	begun    int
	refused  int // starts that found nobody free
}

type recorder struct {
	Jibri
	since time.Time // of its state
	until time.Time // of its recording
}

func newModelPool(p JibriPolicy, n int) *modelPool {
	m := &modelPool{policy: p, boot: p.BootTime, now: noon, desired: n}
	for range n {
		m.add(JibriFree)
	}
	return m
}

func (m *modelPool) add(s JibriState) {
	m.born++
	m.jibris = append(m.jibris, &recorder{Jibri: Jibri{ID: fleet.InstanceID(fmt.Sprintf("i-%04d", m.born)), State: s}, since: m.now})
}

func (m *modelPool) in(states ...JibriState) []*recorder {
	var found []*recorder
	for _, j := range m.jibris {
		if slices.Contains(states, j.State) {
			found = append(found, j)
		}
	}
	return found
}

const modelStep = 10 * time.Second

// step lets ten seconds pass. A decision is made when something has begun, and on every minute.
func (m *modelPool) step(begin int, lasting time.Duration) {
	m.now = m.now.Add(modelStep)
	for _, j := range slices.Clone(m.jibris) {
		switch {
		case j.State == JibriBooting && m.now.Sub(j.since) >= m.boot, j.State == JibriBusy && !m.now.Before(j.until):
			j.State, j.since = JibriFree, m.now
		case j.State == JibriRetiring:
			m.jibris = slices.DeleteFunc(m.jibris, func(o *recorder) bool { return o == j })
			m.desired--
		}
	}
	began := 0
	for range begin {
		free := m.in(JibriFree)
		if len(free) == 0 {
			m.refused++
			continue
		}
		free[0].State, free[0].since, free[0].until = JibriBusy, m.now, m.now.Add(lasting)
		began++
	}
	m.begun += began
	if began > 0 {
		m.starts = append(m.starts, Starts{m.now, began})
	}
	if began > 0 || m.now.Second() == 0 {
		m.decide()
		if m.doubled {
			m.decide()
		}
	}
}

// decide sees in the group what was launched ten seconds ago; what is launched now is only in the desired capacity.
func (m *modelPool) decide() JibriDecision {
	in := JibriInput{Now: m.now, Desired: m.desired, Starts: m.starts, History: m.needed}
	for _, j := range m.jibris {
		if j.State == JibriBooting && j.since.Equal(m.now) {
			continue
		}
		j.IdleFor = m.now.Sub(j.since)
		in.Jibris = append(in.Jibris, j.Jibri)
	}
	in.Counted = len(in.Jibris)
	d := DecideJibris(in, m.policy)
	if d.Complete {
		keep := m.now.Add(-2 * m.policy.RetireAfter)
		m.needed = append(slices.DeleteFunc(m.needed, func(s Sample) bool { return s.At.Before(keep) }), Sample{At: m.now, Demand: float64(d.Needed)})
	}
	m.starts = slices.DeleteFunc(m.starts, func(s Starts) bool { return m.now.Sub(s.At) > m.policy.BootTime })
	for range d.Launch {
		m.add(JibriBooting)
	}
	m.desired, m.launches, m.retired = m.desired+d.Launch, m.launches+d.Launch, m.retired+len(d.Retire)
	for _, j := range m.in(JibriFree) {
		if slices.Contains(d.Retire, j.ID) {
			j.State = JibriRetiring
		}
	}
	return d
}

// pass lets time pass in which nothing begins.
func (m *modelPool) pass(d time.Duration) {
	for range d / modelStep {
		m.step(0, 0)
	}
}

func modestPool() *rapid.Generator[JibriPolicy] {
	return rapid.Custom(func(t *rapid.T) JibriPolicy {
		p := JibriPolicy{
			Free:        rapid.IntRange(1, 6).Draw(t, "free"),
			BootTime:    time.Duration(rapid.IntRange(6, 60).Draw(t, "boot, in ten seconds")) * modelStep,
			RetireAfter: time.Duration(rapid.IntRange(2, 20).Draw(t, "retire minutes")) * time.Minute,
			Max:         500,
		}
		p.Min = p.Free
		return p
	})
}

func TestFreeRecordersReturnToTheirNumberWithinABoot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := modestPool().Draw(t, "policy")
		m := newModelPool(p, p.Free)
		m.doubled = rapid.Bool().Draw(t, "doubled")
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			begin := 0
			if rapid.IntRange(0, 3).Draw(t, "calm") == 0 {
				begin = rapid.IntRange(0, 4).Draw(t, "begin")
			}
			m.step(begin, time.Duration(rapid.IntRange(1, 200).Draw(t, "lasting"))*modelStep)
		}
		m.pass(m.boot + modelStep)
		if free := len(m.in(JibriFree)); free < p.Free {
			t.Fatalf("%d of %d are free a boot after the last start", free, p.Free)
		}
		m.pass(m.boot + p.RetireAfter + 4*time.Minute)
		m.pass(time.Hour) // the last recording ends
		m.pass(p.RetireAfter + 4*time.Minute)
		if free := len(m.in(JibriFree)); free != p.Free || len(m.jibris) != p.Free || m.desired != p.Free {
			t.Fatalf("%d of %d are free of %d recorders, %d desired, long after", free, p.Free, len(m.jibris), m.desired)
		}
	})
}

func TestNoStartIsLaunchedForTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := modestPool().Draw(t, "policy")
		m := newModelPool(p, p.Free)
		m.boot = time.Duration(rapid.IntRange(3, 90).Draw(t, "true boot, in ten seconds")) * modelStep
		m.doubled = rapid.Bool().Draw(t, "doubled")
		begun := rapid.IntRange(1, max(1, p.Free-1)).Draw(t, "starts") // the last one's taking begins a rush
		for range begun {
			m.step(1, 12*time.Hour)
			m.pass(time.Duration(rapid.IntRange(0, 5).Draw(t, "pause")) * modelStep)
		}
		m.pass(2 * time.Hour)
		if m.launches != begun || m.retired > 0 || m.refused > 0 {
			t.Fatalf("%d launches, %d retired and %d refused for %d starts", m.launches, m.retired, m.refused, begun)
		}
	})
}

func TestARushIsLaunchedForAtMostTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := modestPool().Draw(t, "policy")
		m := newModelPool(p, p.Free)
		m.boot = time.Duration(rapid.IntRange(3, 90).Draw(t, "true boot, in ten seconds")) * modelStep
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			m.step(rapid.IntRange(0, 5).Draw(t, "begin"), 12*time.Hour)
		}
		if most := 2 * m.begun; m.launches > most || m.begun == 1 && m.launches > 1 {
			t.Fatalf("%d launches for %d starts", m.launches, m.begun)
		}
	})
}

func TestDoubledDecisionsChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := modestPool().Draw(t, "policy")
		once, twice := newModelPool(p, p.Free), newModelPool(p, p.Free)
		twice.doubled = true
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			begin := max(0, rapid.IntRange(-6, 3).Draw(t, "begin"))
			lasting := time.Duration(rapid.IntRange(1, 100).Draw(t, "lasting")) * modelStep
			once.step(begin, lasting)
			twice.step(begin, lasting)
			if once.launches != twice.launches || once.retired != twice.retired || once.desired != twice.desired {
				t.Fatalf("%d and %d launches, %d and %d retired", once.launches, twice.launches, once.retired, twice.retired)
			}
		}
	})
}

func TestAtASteadyRateNineteenOfTwentyStartsFindSomebodyFree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := modestPool().Draw(t, "policy")
		p.Free = max(2, p.Free)
		p.Min = p.Free
		m := newModelPool(p, p.Free)
		m.boot -= 2 * modelStep // the policy's boot time is from a start to the next free recorder, the seeing of both included
		every := rapid.IntRange(2, 12).Draw(t, "one start in so many steps")
		lasting := time.Duration(rapid.IntRange(30, 400).Draw(t, "lasting")) * modelStep
		// The rate is learnt in the boot times in which it begins.
		warm := 10 * int(p.BootTime/modelStep)
		for n := range warm + 400 {
			begin := 0
			if n%every == 0 {
				begin = 1
			}
			m.step(begin, lasting)
			if n == warm {
				m.refused, m.begun = 0, 0
			}
		}
		if m.refused*19 > m.begun {
			t.Fatalf("%d starts find nobody free, and %d somebody", m.refused, m.begun)
		}
	})
}

func TestOutdatedRecordersAreRolledOneByOneAndOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := modestPool().Draw(t, "policy")
		n := p.Free
		m := newModelPool(p, n)
		m.pass(time.Hour)
		for _, j := range m.jibris {
			j.Outdated = true
		}
		m.launches, m.retired = 0, 0
		most := 0
		for range (n + 1) * int((m.boot+10*time.Minute)/modelStep) {
			m.step(0, 0)
			most = max(most, len(m.in(JibriRetiring))+len(m.in(JibriBooting)))
		}
		if m.launches != n || m.retired != n || most > 1 {
			t.Fatalf("%d launches and %d retired for %d outdated recorders, %d at once", m.launches, m.retired, n, most)
		}
		for _, j := range m.jibris {
			if j.Outdated {
				t.Fatalf("%s is still outdated", j.ID)
			}
		}
	})
}
