package agent

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// puppet is a bridge that obeys the agent and does else what the test says.
type puppet struct {
	mu       sync.Mutex
	answer   Answer
	joined   bool
	drain    bool
	leaving  bool
	stress   float64
	people   int64
	deaf     error // what orders to it fail with
	told     []string
	takes    time.Duration // how long a look takes
	occupied error         // what the question for its occupants fails with
}

func (p *puppet) Look(ctx context.Context) View {
	p.mu.Lock()
	takes := p.takes
	p.mu.Unlock()
	if takes > 0 {
		pause(ctx, takes)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.answer != Answered {
		return View{Answer: p.answer, Trouble: "no answer"}
	}
	return View{
		Answer: Answered, Ready: p.joined, Drain: p.drain, Leaving: p.leaving, Occupied: p.people > 0, Version: "2.3",
		Bridge: &fleet.BridgeLoad{Stress: p.stress, LocalEndpoints: p.people, Drain: p.drain},
	}
}

func (p *puppet) Apply(_ context.Context, intent Intent, seen View) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	drain := intent.Drained || !intent.Admitted
	switch {
	case seen.Answer != Answered || seen.Leaving || seen.Drain == drain && !intent.Retired:
		return false, nil
	case p.deaf != nil:
		return true, p.deaf
	case intent.Retired:
		p.told, p.leaving = append(p.told, "retire"), true
	case drain:
		p.told, p.drain = append(p.told, "drain"), true
	default:
		p.told, p.drain = append(p.told, "undrain"), false
	}
	return true, nil
}

func (p *puppet) Occupants(context.Context) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.people, p.occupied
}

// now changes the puppet.
func (p *puppet) now(change func(*puppet)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func (p *puppet) toldSoFar() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string{}, p.told...)
}

func configOf(t *testing.T, p *puppet, w Waker) Config {
	t.Helper()
	return Config{
		Fleet: "f", Instance: "i-1", Role: fleet.RoleBridge, Shard: "a",
		StateFile: filepath.Join(t.TempDir(), "state.json"),
		Poll:      2 * time.Second, SickAfter: sickAfter, WakeStress: 0.6,
		Component: p, Waker: w, Clock: time.Now, Log: slog.New(slog.DiscardHandler),
		Host: func(time.Time) (fleet.HostLoad, error) { return fleet.HostLoad{CPU: 0.5}, nil },
	}
}

// running is an agent that runs in a bubble until the test ends.
func running(t *testing.T, c Config) *Agent {
	t.Helper()
	a, err := New(c)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); a.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return a
}

func obey(t *testing.T, a *Agent, verb fleet.Verb, fence uint64) fleet.Status {
	t.Helper()
	s, err := a.Obey(t.Context(), verb, fleet.Order{Loop: "bridges", Fence: fence, Reason: "test"})
	require.NoError(t, err)
	return s
}

func refused(t *testing.T, a *Agent, verb fleet.Verb, fence uint64) string {
	t.Helper()
	_, err := a.Obey(t.Context(), verb, fleet.Order{Loop: "bridges", Fence: fence, Reason: "test"})
	var refusal *Refusal
	require.ErrorAs(t, err, &refusal)
	return refusal.Why
}

func TestLifeOfABridge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, w := &puppet{answer: Refused, drain: true}, &waker{}
		a := running(t, configOf(t, p, w))
		time.Sleep(time.Minute)
		assert.Equal(t, fleet.PhaseStarting, a.Status().Phase)
		assert.Contains(t, refused(t, a, fleet.VerbAdmit, 1), "healthy and joined")

		p.now(func(p *puppet) { p.answer, p.joined = Answered, true })
		time.Sleep(3 * time.Second)
		s := a.Status()
		assert.Equal(t, fleet.PhaseStandby, s.Phase)
		assert.False(t, s.Admitted)
		assert.Empty(t, p.toldSoFar(), "it waits in drain")

		s = obey(t, a, fleet.VerbAdmit, 2)
		assert.Equal(t, fleet.PhaseServing, s.Phase)
		assert.True(t, s.Admitted)
		assert.Equal(t, "2.3", s.Version)
		assert.Equal(t, fleet.HostLoad{CPU: 0.5}, s.Host)

		p.now(func(p *puppet) { p.people = 4 })
		assert.Equal(t, fleet.PhaseDraining, obey(t, a, fleet.VerbDrain, 3).Phase)
		assert.Equal(t, fleet.PhaseServing, obey(t, a, fleet.VerbUndrain, 3).Phase)
		obey(t, a, fleet.VerbDrain, 4)
		assert.Contains(t, refused(t, a, fleet.VerbRetire, 4), "4 participants")

		p.now(func(p *puppet) { p.people = 0 })
		assert.Equal(t, fleet.PhaseRetiring, obey(t, a, fleet.VerbRetire, 5).Phase)
		assert.Contains(t, refused(t, a, fleet.VerbUndrain, 6), "cannot be undone")
		p.now(func(p *puppet) { p.answer = Refused })
		time.Sleep(3 * time.Second)
		assert.Equal(t, fleet.PhaseGone, a.Status().Phase)
		assert.Equal(t, []string{"undrain", "drain", "undrain", "drain", "retire"}, p.toldSoFar())
	})
}

func TestOlderFenceIsRefusedAlsoAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &puppet{answer: Answered, joined: true, drain: true}
		c := configOf(t, p, nil)
		a := running(t, c)
		time.Sleep(time.Second)
		obey(t, a, fleet.VerbAdmit, 7)
		assert.Contains(t, refused(t, a, fleet.VerbDrain, 6), "a newer run of bridges")
		assert.Contains(t, refused(t, a, fleet.VerbRetire, 9), "drain it first")
		again := running(t, c)
		assert.Contains(t, refused(t, again, fleet.VerbDrain, 8), "a newer run of bridges", "the fence of a refused order counts")
		assert.Equal(t, fleet.PhaseDraining, obey(t, again, fleet.VerbDrain, 9).Phase)
	})
}

func TestFencesAreThoseOfEachLoop(t *testing.T) {
	a, err := New(configOf(t, &puppet{answer: Answered, joined: true, drain: true}, nil))
	require.NoError(t, err)
	a.Look(t.Context())
	for _, order := range []fleet.Order{
		{Loop: "bridges", Fence: 9}, {Loop: "lifecycle", Fence: 2}, {Loop: "lifecycle", Fence: 2}, {Loop: "bridges", Fence: 10, Instance: "i-1"},
	} {
		_, err := a.Obey(t.Context(), fleet.VerbDrain, order)
		require.NoError(t, err)
	}
	for _, c := range []struct {
		order fleet.Order
		why   string
	}{
		{fleet.Order{Loop: "lifecycle", Fence: 1}, "its fence 1 is older than 2: a newer run of lifecycle has spoken"},
		{fleet.Order{Loop: "bridges", Fence: 9}, "its fence 9 is older than 10: a newer run of bridges has spoken"},
		{fleet.Order{Fence: 99}, `"" is no control loop`},
		{fleet.Order{Loop: "bridges", Fence: 99, Instance: "i-2"}, "it is for i-2 and this is i-1"},
	} {
		_, err := a.Obey(t.Context(), fleet.VerbDrain, c.order)
		require.EqualError(t, err, "order refused: "+c.why)
	}
	for n := range mostLoops - 2 {
		_, err := a.Obey(t.Context(), fleet.VerbDrain, fleet.Order{Loop: strconv.Itoa(n)})
		require.NoError(t, err)
	}
	_, err = a.Obey(t.Context(), fleet.VerbDrain, fleet.Order{Loop: "one more"})
	require.ErrorContains(t, err, "no control loop")
	_, err = a.Obey(t.Context(), fleet.VerbDrain, fleet.Order{Loop: "bridges", Fence: 10})
	require.NoError(t, err, "the order for another instance did not count")
}

func TestRetireAsksTheComponentNotTheLastFigures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &puppet{answer: Answered, joined: true, drain: true}
		a := running(t, configOf(t, p, nil))
		time.Sleep(time.Second)
		obey(t, a, fleet.VerbAdmit, 1)
		obey(t, a, fleet.VerbDrain, 1)
		p.now(func(p *puppet) { p.people = 1 })
		assert.Contains(t, refused(t, a, fleet.VerbRetire, 1), "1 participants")
		p.now(func(p *puppet) { p.people, p.occupied = 0, errors.New("no answer in time") })
		assert.Contains(t, refused(t, a, fleet.VerbRetire, 1), "not proven empty")
		assert.NotContains(t, p.toldSoFar(), "retire")
	})
}

func TestIntentIsAppliedToAComponentThatRestarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &puppet{answer: Answered, joined: true, drain: true}
		a := running(t, configOf(t, p, nil))
		time.Sleep(time.Second)
		obey(t, a, fleet.VerbAdmit, 1)
		p.now(func(p *puppet) { p.drain = true }) // back in its initial drain mode
		time.Sleep(2 * time.Second)
		assert.Equal(t, fleet.PhaseServing, a.Status().Phase)
		obey(t, a, fleet.VerbDrain, 1)
		p.now(func(p *puppet) { p.drain = false })
		time.Sleep(2 * time.Second)
		assert.Equal(t, fleet.PhaseDraining, a.Status().Phase)
		assert.Equal(t, []string{"undrain", "undrain", "drain", "drain"}, p.toldSoFar())
	})
}

func TestOrderThatCannotBeCarriedOutNowIsCarriedOutLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &puppet{answer: Answered, joined: true, drain: true}
		a := running(t, configOf(t, p, nil))
		time.Sleep(time.Second)
		p.now(func(p *puppet) { p.deaf = errors.New("status 500") })
		s := obey(t, a, fleet.VerbAdmit, 1)
		assert.Contains(t, s.Detail, "the intent is not applied: status 500")
		assert.Equal(t, fleet.PhaseDraining, s.Phase, "it takes nothing new yet")
		p.now(func(p *puppet) { p.deaf = nil })
		time.Sleep(2 * time.Second)
		s = a.Status()
		assert.Equal(t, fleet.PhaseServing, s.Phase)
		assert.Empty(t, s.Detail)
	})
}

func TestIntentIsRememberedBeforeTheComponentIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &puppet{answer: Answered, joined: true, drain: true}
		c := configOf(t, p, nil)
		a := running(t, c)
		time.Sleep(time.Second)
		a.config.StateFile = filepath.Join(t.TempDir(), "absent", "state.json")
		_, err := a.Obey(t.Context(), fleet.VerbAdmit, fleet.Order{Loop: "bridges", Fence: 1})
		require.ErrorContains(t, err, "cannot be remembered")
		assert.Empty(t, p.toldSoFar())
		assert.False(t, a.Status().Admitted)
	})
}

func TestSilentBridgeKeepsItsFiguresWhichGrowOldAndIsSickAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &puppet{answer: Answered, joined: true, drain: true, people: 3}
		a := running(t, configOf(t, p, nil))
		time.Sleep(time.Second)
		obey(t, a, fleet.VerbAdmit, 1)
		p.now(func(p *puppet) { p.answer = Silent })
		time.Sleep(10 * time.Second)
		s := a.Status()
		assert.Equal(t, fleet.PhaseServing, s.Phase)
		assert.EqualValues(t, 3, s.Bridge.LocalEndpoints)
		assert.InDelta(t, 10, s.AgeSeconds, 2)
		assert.Equal(t, "no answer", s.Detail)
		time.Sleep(10 * time.Second)
		s = a.Status()
		assert.Equal(t, fleet.PhaseSick, s.Phase)
		assert.Less(t, s.PhaseFor(), 5*time.Second)
		assert.Greater(t, s.Age(), 15*time.Second)
		p.now(func(p *puppet) { p.answer = Answered })
		time.Sleep(2 * time.Second)
		assert.Equal(t, fleet.PhaseServing, a.Status().Phase)
	})
}

func TestUnadmittedBridgeThatTakesWorkIsDrained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &puppet{answer: Answered, joined: true, people: 2}
		a := running(t, configOf(t, p, nil))
		time.Sleep(time.Second)
		s := a.Status()
		assert.Equal(t, fleet.PhaseDraining, s.Phase, "nobody may end it as if it were empty")
		assert.False(t, s.Admitted)
		assert.Equal(t, []string{"drain"}, p.toldSoFar())
	})
}

func TestChangesThatMatterWakeTheControlPlane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, w := &puppet{answer: Answered, joined: true, drain: true}, &waker{}
		a := running(t, configOf(t, p, w))
		time.Sleep(5 * time.Second)
		assert.Equal(t, []uint64{1}, w.sequences(), "standby")
		obey(t, a, fleet.VerbAdmit, 1)
		time.Sleep(5 * time.Second)
		assert.Equal(t, []uint64{1, 2}, w.sequences(), "serving")
		for _, stress := range []float64{0.2, 0.35, 0.58, 0.61, 0.2, 0.25, 0.45} {
			p.now(func(p *puppet) { p.stress = stress })
			time.Sleep(4 * time.Second)
		}
		// From 0 to 0.35, to 0.58, past 0.60; after the fall to 0.2 the rise to 0.45.
		assert.Equal(t, []uint64{1, 2, 3, 4, 5, 6}, w.sequences())
		assert.EqualValues(t, 6, a.Status().Sequence)
	})
}

func TestStatusNeverWaitsForTheComponent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &puppet{answer: Answered, joined: true, drain: true, takes: time.Hour}
		a := running(t, configOf(t, p, nil))
		time.Sleep(time.Minute)
		begin := time.Now()
		s := a.Status()
		assert.Equal(t, begin, time.Now())
		assert.Equal(t, fleet.PhaseStarting, s.Phase)
		assert.Equal(t, "not looked at yet", s.Detail)
		assert.InDelta(t, 60, s.AgeSeconds, 0.1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := a.Obey(ctx, fleet.VerbDrain, fleet.Order{Loop: "bridges", Fence: 1})
		require.ErrorIs(t, err, context.DeadlineExceeded, "an order waits for its turn as long as its caller does")
	})
}

func TestLookThatIsBrokenOffSaysNothingOfTheComponent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &puppet{answer: Answered, joined: true, drain: true}
		a, err := New(configOf(t, p, nil))
		require.NoError(t, err)
		a.Look(t.Context())
		before := a.Status()
		p.now(func(p *puppet) { p.answer, p.takes = Silent, time.Hour })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		a.Look(ctx)
		assert.Empty(t, a.Status().Detail)
		assert.Equal(t, before.Phase, a.Status().Phase)
	})
}

func TestAgentWithAStateFileItCannotReadDoesNotStart(t *testing.T) {
	c := configOf(t, &puppet{}, nil)
	c.StateFile = t.TempDir()
	_, err := New(c)
	require.ErrorContains(t, err, "cannot be read")
}
