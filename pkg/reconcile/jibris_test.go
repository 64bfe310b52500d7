package reconcile

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/event"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

func TestARecordingsStartIsAnsweredByOneLaunch(t *testing.T) {
	p := newPool(t, 3)
	p.runJibris()
	p.begin(2, time.Hour)
	p.advance(time.Second)
	values := p.runJibris()
	assert.Equal(t, []string{"raise jitsi-jibris to 5"}, p.took())
	assert.EqualValues(t, 5, values["JibrisWanted"])
	assert.EqualValues(t, 2, values["JibriStarts"])
	for range 5 {
		values = p.runJibris()
		assert.Zero(t, values["JibriStarts"])
	}
	assert.Empty(t, p.took(), "what was bought is not bought again")
	p.minutes(8)
	assert.Equal(t, 3, p.at(fleet.ActivityIdle))
	assert.NotContains(t, p.took(), "raise jitsi-jibris to 6", "a recorder whose container starts is on its way")
	p.well()
}

func TestARecorderIsRetiredThenTerminatedWithDecrementThenLetGo(t *testing.T) {
	p := newPool(t, 4)
	p.minutes(9)
	require.Empty(t, p.took(), "nothing is retired before the need is known for RetireAfter")
	p.minutes(10)
	var retired fleet.InstanceID
	acts := p.took()
	require.Len(t, acts, 3, "%v", acts)
	_, subject := cut(acts[0])
	retired = fleet.InstanceID(subject)
	assert.Equal(t, []string{"retire " + subject, "shrink by " + subject, "complete " + subject + " drain CONTINUE"}, acts)
	assert.Equal(t, 3, p.pool.Desired)
	assert.NotContains(t, p.pool.ids(), retired)
	p.well()
}

func TestARecorderThatGotARecordingBeforeItWasToldToRetireStays(t *testing.T) {
	p := newPool(t, 4)
	p.minutes(10)
	p.took()
	p.advance(time.Minute)
	p.hear()
	// A recording starts between the choice and the order.
	p.jibris.Observer.Agents = startsFirst{agents{p.cloud}, p}
	var logged bytes.Buffer
	quiet := p.jibris.Log
	p.jibris.Log = slog.New(slog.NewTextHandler(&logged, nil))
	_, err := p.jibris.Run(context.Background(), []event.Wakeup{schedule})
	require.NoError(t, err, "it is the fleet at work")
	assert.Contains(t, logged.String(), "stays: order refused: somebody is on it", "and the decision says so")
	assert.NotContains(t, logged.String(), "level=ERROR")
	p.jibris.Log = quiet
	p.took()
	p.jibris.Observer.Agents = agents{p.cloud}
	p.minutes(3)
	assert.Equal(t, 1, p.at(fleet.ActivityRecording))
	assert.Equal(t, 3, p.at(fleet.ActivityIdle))
	assert.Empty(t, p.took(), "it records, so that nobody is too many any more")
	p.well()
}

// startsFirst begins a recording on a recorder just before an order reaches it.
type startsFirst struct {
	agents
	p *poolWorld
}

func (s startsFirst) Order(ctx context.Context, address netip.Addr, verb fleet.Verb, order fleet.Order) (fleet.Status, error) {
	s.mu.Lock()
	_, m := s.find(order.Instance)
	m.node.jibri.record(m.node, s.now, time.Hour)
	s.mu.Unlock()
	return s.agents.Order(ctx, address, verb, order)
}

func TestARetiredRecorderIsNotTerminatedBeforeItsSpoolIsEmpty(t *testing.T) {
	p := newPool(t, 4)
	p.begin(4, 5*time.Minute)
	for _, m := range p.pool.members {
		m.node.jibri.stuck = true
	}
	p.minutes(40)
	gone := 0
	for _, m := range p.pool.members {
		if m.node.phase == fleet.PhaseGone {
			gone++
			assert.Equal(t, fleet.StateInService, m.Lifecycle)
		}
	}
	require.Positive(t, gone, "some are retired while their recordings wait for S3")
	for _, m := range p.pool.members {
		m.node.jibri.stuck = false
	}
	p.minutes(10)
	assert.Equal(t, 3, p.at(fleet.ActivityIdle))
	assert.Len(t, p.pool.members, 3)
	p.well()
}

func TestASickRecorderIsReplacedOnceItsRecordingsAreInS3(t *testing.T) {
	p := newPool(t, 4)
	p.minutes(1)
	victim := p.pool.members[0]
	victim.node.jibri.spool, victim.node.jibri.stuck = 1, true
	victim.node.become(fleet.PhaseSick, p.Now())
	victim.node.jibri.turn(fleet.ActivityLost, p.Now())
	p.minutes(5)
	assert.Equal(t, fleet.StateTerminatingWait, victim.Lifecycle)
	victim.node.jibri.stuck = false
	p.minutes(10)
	assert.NotContains(t, p.pool.ids(), victim.ID)
	assert.Equal(t, 3, p.at(fleet.ActivityIdle))
	p.well()
}

func TestARecorderThatNoJicofoWouldChooseIsReplaced(t *testing.T) {
	p := newPool(t, 4)
	p.minutes(1)
	victim := p.pool.members[0]
	victim.node.jibri.shunned = true
	assert.EqualValues(t, 3, p.measureAll()["JibrisFree"], "it is not free though it says so")
	p.minutes(2)
	assert.Equal(t, fleet.StateInService, victim.Lifecycle, "not before DeadAfter")
	p.minutes(10)
	assert.NotContains(t, p.pool.ids(), victim.ID)
	p.well()
}

func TestARecorderThatOneOfTwoJicofosDoesNotListIsNotFreeAndNotReplaced(t *testing.T) {
	p := newPool(t, 4)
	p.minutes(1)
	victim := p.pool.members[0]
	views := map[fleet.InstanceID]fleet.JibriView{}
	for id, v := range p.signal(1).members[0].node.jibriViews {
		if id != victim.ID {
			views[id] = v
		}
	}
	for range 10 {
		p.advance(time.Minute)
		p.hear()
		p.signal(2).members[0].node.jibriViews = views
		_, err := p.jibris.Run(context.Background(), []event.Wakeup{schedule})
		require.NoError(t, err)
	}
	assert.Contains(t, p.pool.ids(), victim.ID)
	assert.Equal(t, fleet.StateInService, victim.Lifecycle)
}

func TestNothingIsEndedWhenAllRecordersLookBrokenAtOnce(t *testing.T) {
	for name, strike := range map[string]func(m *member, now time.Time){
		"silent":               func(m *member, _ time.Time) { m.node.silent = true },
		"shunned":              func(m *member, _ time.Time) { m.node.jibri.shunned = true },
		"cut off":              func(m *member, _ time.Time) { m.node.jibri.cutOff = true },
		"sick":                 func(m *member, now time.Time) { m.node.become(fleet.PhaseSick, now) },
		"with stale figures":   func(m *member, _ time.Time) { m.node.age = time.Hour },
		"idle but not serving": func(m *member, now time.Time) { m.node.become(fleet.PhaseStarting, now) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t, 6)
			for _, m := range p.pool.members {
				m.node.unfit = true
				strike(m, p.Now())
			}
			p.minutes(60)
			assert.Empty(t, p.took())
			assert.EqualValues(t, 1, p.runJibris()["JibrisFrozen"])
		})
	}
}

func TestASilentJicofoContradictsNothing(t *testing.T) {
	p := newPool(t, 3)
	for n := range 2 {
		p.signal(n + 1).members[0].node.silent = true
	}
	p.minutes(20)
	assert.Empty(t, p.took())
	assert.EqualValues(t, 3, p.measureAll()["JibrisFree"])
}

func TestRunTimeValuesSetHowManyAreFree(t *testing.T) {
	p := newPool(t, 3)
	p.control.raw = `{"freeJibris": 7, "minJibris": 7}`
	p.runJibris()
	assert.Equal(t, []string{"raise jitsi-jibris to 7"}, p.took())
}

func TestForgottenAdmissionIsRenewed(t *testing.T) {
	p := newPool(t, 3)
	n := p.pool.members[1].node
	n.admitted, n.wiped = false, true
	n.become(fleet.PhaseStandby, p.Now())
	p.runJibris()
	assert.Contains(t, p.took(), "admit "+string(n.id))
}

func TestIgnoredWakeUpsAskNobody(t *testing.T) {
	p := newPool(t, 3)
	_, err := p.jibris.Run(context.Background(), []event.Wakeup{{Kind: event.Ignored, Because: "test"}})
	require.NoError(t, err)
	assert.Zero(t, p.calls["status"])
	assert.Zero(t, p.calls["describe groups"])
}

func TestARunThatLosesTheLeaseAsksTheHolderForAnother(t *testing.T) {
	p := newPool(t, 3)
	rounds := 0
	p.leases.during = func(string) {
		if rounds++; rounds == 1 {
			p.begin(1, time.Hour)
			_, err := p.jibris.Run(context.Background(), []event.Wakeup{{Kind: event.Node, Instance: "i-1"}})
			require.NoError(t, err)
		}
	}
	p.runJibris()
	rounds = 0
	values := p.runJibris()
	assert.EqualValues(t, 1, values["JibriStarts"], "what began is told once, whatever round saw it")
	assert.Equal(t, 2, rounds)
	assert.Equal(t, []string{"raise jitsi-jibris to 4", "raise jitsi-jibris to 5"}, p.took())
}

func TestOneDecisionIsOneLine(t *testing.T) {
	p := newPool(t, 4)
	p.begin(1, time.Hour)
	p.runJibris()
	lines := p.decisions()
	require.Len(t, lines, 1)
	assert.Equal(t, "jibris", lines[0]["loop"])
	assert.Equal(t, map[string]any{"free": 3.0, "busy": 1.0}, lines[0]["recorders"])
	assert.NotEmpty(t, lines[0]["decision"])
}

func TestAFleetWithoutAPoolIsAnError(t *testing.T) {
	p := newPool(t, 3)
	p.groups = p.groups[:len(p.groups)-1]
	_, err := p.jibris.Run(context.Background(), []event.Wakeup{schedule})
	assert.ErrorContains(t, err, "0 groups of recorders")
}

func TestTheLifecycleLoopAdmitsRecordersAndTellsOfThem(t *testing.T) {
	p := newPool(t, 3)
	p.launch(p.pool).Lifecycle = fleet.StatePendingWait
	p.pool.Desired++
	p.advance(4 * time.Minute)
	values := p.runLifecycle()
	assert.Equal(t, fleet.StateInService, p.pool.members[3].Lifecycle)
	assert.Zero(t, values["JibrisRetained"])
	assert.Contains(t, values, "JibriLaunchFailures")
	p.well()
}

func TestOnlyRecordersInServiceAreAsked(t *testing.T) {
	p := newPool(t, 3)
	p.pool.Desired = 5
	p.advance(time.Second)
	p.runJibris()
	assert.Equal(t, 5, p.calls["status"], "three recorders and two signal nodes; what boots would cost a timeout")
}

func TestStartsAreCountedFromWhatRecordersTell(t *testing.T) {
	report := func(starts int64) fleet.Report {
		return fleet.Report{Status: fleet.Status{Jibri: &fleet.JibriLoad{Starts: starts}}}
	}
	var m jibriMemory
	at := noon
	for _, c := range []struct {
		name  string
		nodes map[fleet.InstanceID]fleet.Report
		want  int
	}{
		{"what began before the first run is of unknown age", map[fleet.InstanceID]fleet.Report{"i-1": report(7)}, 0},
		{"the same count is no start", map[fleet.InstanceID]fleet.Report{"i-1": report(7)}, 0},
		{"a higher count is", map[fleet.InstanceID]fleet.Report{"i-1": report(9)}, 2},
		{"a new recorder's count is of its own life", map[fleet.InstanceID]fleet.Report{"i-1": report(9), "i-2": report(1)}, 1},
		{"silence is no start", map[fleet.InstanceID]fleet.Report{"i-1": {Err: errSilent}, "i-2": {}}, 0},
		{"what began in silence is counted after it", map[fleet.InstanceID]fleet.Report{"i-1": report(10), "i-2": report(1)}, 1},
		{"a count that begins anew is no start", map[fleet.InstanceID]fleet.Report{"i-1": report(0)}, 0},
		{"and counts from there", map[fleet.InstanceID]fleet.Report{"i-1": report(1)}, 1},
	} {
		at = at.Add(time.Minute)
		assert.Equal(t, c.want, m.count(fleet.Observation{At: at, Nodes: c.nodes}, 4*time.Minute), c.name)
	}
	total := 0
	for _, s := range m.Starts {
		total += s.Count
	}
	assert.Equal(t, 3, total, "those of the last boot time are kept")
}

func TestARecorderThatAJicofoRecordsWithIsBusyWhateverItSays(t *testing.T) {
	p := newPool(t, 4)
	p.minutes(1)
	busy := p.pool.members[0]
	busy.Outdated = true // it would be the first to go
	for range 30 {
		p.advance(time.Minute)
		p.hear()
		views := map[fleet.InstanceID]fleet.JibriView{}
		for id, v := range p.signal(1).members[0].node.jibriViews {
			views[id] = v
		}
		views[busy.ID] = fleet.JibriView{Healthy: true}
		p.signal(2).members[0].node.jibriViews = views
		_, err := p.jibris.Run(context.Background(), []event.Wakeup{schedule})
		require.NoError(t, err)
	}
	assert.Empty(t, p.took())
	assert.Equal(t, fleet.PhaseServing, busy.node.phase)
	lines := p.decisions()
	assert.Equal(t, map[string]any{"free": 3.0, "busy": 1.0}, lines[len(lines)-1]["recorders"])
}

func TestARecorderThatEndsAtTheMinimumIsReplaced(t *testing.T) {
	p := newPool(t, 3)
	p.pool.Max = 3
	gone := p.pool.members[0]
	gone.node.become(fleet.PhaseGone, p.Now())
	gone.node.jibri.turn(fleet.ActivityOff, p.Now())
	p.runJibris()
	assert.Equal(t, []string{"replace " + string(gone.ID)}, p.took())
	p.minutes(10)
	assert.Equal(t, 3, p.at(fleet.ActivityIdle))
	p.well()
}
