package agent

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// agentOf is a recorder's agent whose looks and clock are the test's. A second one of the same state file is the agent
// after a restart.
func (r *rig) agentOf(state string) *Agent {
	a, err := New(Config{
		Fleet: "f", Instance: "i-1", Role: fleet.RoleJibri, StateFile: state, Poll: time.Second, SickAfter: sickAfter,
		Component: r.Jibri, Clock: func() time.Time { return r.now }, Log: slog.New(slog.DiscardHandler),
		Host: func(time.Time) (fleet.HostLoad, error) { return fleet.HostLoad{}, nil },
	})
	require.NoError(r.t, err)
	return a
}

func (r *rig) after(a *Agent, d time.Duration) fleet.Status {
	r.now = r.now.Add(d)
	a.Look(r.t.Context())
	return a.Status()
}

func TestTheLifeOfARecorder(t *testing.T) {
	r := newRig(t)
	state := filepath.Join(t.TempDir(), "state.json")
	a := r.agentOf(state)
	assert.Equal(t, fleet.PhaseStarting, r.after(a, time.Second).Phase)
	r.follow(t.Context())
	assert.Equal(t, fleet.PhaseStandby, r.after(a, time.Second).Phase)

	order := fleet.Order{Instance: "i-1", Loop: "lifecycle", Fence: 1}
	s, err := a.Obey(t.Context(), fleet.VerbAdmit, order)
	require.NoError(t, err)
	assert.Equal(t, fleet.PhaseServing, s.Phase)
	assert.Equal(t, []Todo{TodoStart}, r.unit.told)
	r.connect()
	s = r.after(a, time.Second)
	assert.True(t, s.Jibri.Free, s.Detail)

	r.says(health("BUSY", "HEALTHY"))
	r.encode(1)
	s = r.after(a, time.Second)
	assert.Equal(t, fleet.ActivityRecording, s.Jibri.Activity)
	assert.EqualValues(t, 1, s.Jibri.Starts)
	woken := s.Sequence
	_, err = a.Obey(t.Context(), fleet.VerbRetire, order)
	var refusal *Refusal
	require.ErrorAs(t, err, &refusal)
	assert.Equal(t, "a recording or a stream is on", refusal.Why)
	require.ErrorIs(t, err, fleet.ErrOccupied)

	r.make("http://127.255.255.1:9") // the agent is new, and so is its component, which finds a silent Jibri
	a = r.agentOf(state)
	s = r.after(a, time.Second)
	assert.Equal(t, fleet.ActivityRecording, s.Jibri.Activity)
	assert.Equal(t, fleet.PhaseServing, s.Phase)
	assert.EqualValues(t, 1, s.Jibri.Starts, "the session that it finds was counted by the agent before")
	assert.Positive(t, woken)
}

func TestARecorderThatIsRetiredTellsOfItsSpoolUntilTheEnd(t *testing.T) {
	r := newRig(t)
	a := r.agentOf(filepath.Join(t.TempDir(), "state.json"))
	r.follow(t.Context())
	r.after(a, time.Second)
	order := fleet.Order{Instance: "i-1", Loop: "jibris", Fence: 1}
	_, err := a.Obey(t.Context(), fleet.VerbAdmit, order)
	require.NoError(t, err)
	r.disk.Recordings = 1
	r.after(a, time.Second)
	s, err := a.Obey(t.Context(), fleet.VerbRetire, order)
	require.NoError(t, err)
	assert.Equal(t, fleet.PhaseRetiring, s.Phase)
	assert.NotEmpty(t, r.posted())
	r.unit.is(ContainerDown)
	s = r.after(a, time.Second)
	assert.Equal(t, fleet.PhaseGone, s.Phase)
	assert.Equal(t, 1, s.Jibri.Spool.Recordings)
	before := s.Sequence
	r.disk.Recordings = 0
	s = r.after(a, time.Hour)
	assert.Equal(t, fleet.PhaseGone, s.Phase)
	assert.Zero(t, s.Jibri.Spool.Recordings)
	assert.Zero(t, s.AgeSeconds, "its figures are the agent's own, and fresh")
	assert.Equal(t, before+1, s.Sequence, "that is news")
	assert.NotContains(t, r.unit.told[1:], TodoStart, "a retired recorder is never started again")
}

func TestARecorderThatRestartsDoNotHelpIsSick(t *testing.T) {
	r := newRig(t)
	a := r.agentOf(filepath.Join(t.TempDir(), "state.json"))
	r.follow(t.Context())
	r.after(a, time.Second)
	_, err := a.Obey(t.Context(), fleet.VerbAdmit, fleet.Order{Loop: "lifecycle", Fence: 1})
	require.NoError(t, err)
	r.connect()
	r.says(health("EXPIRED", "HEALTHY"))
	var s fleet.Status
	for range 90 {
		s = r.after(a, time.Second)
	}
	assert.Equal(t, []Todo{TodoStart, TodoRestart, TodoRestart, TodoStop}, r.unit.told)
	assert.Equal(t, fleet.PhaseSick, s.Phase)
	assert.Contains(t, s.Detail, "2 restarts have not helped: Jibri has expired")
}
