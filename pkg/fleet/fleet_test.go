package fleet

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestNoLifecycleStateIsBootingAndLeaving(t *testing.T) {
	for state, want := range map[LifecycleState]struct{ booting, leaving bool }{
		StatePending:             {booting: true},
		StatePendingWait:         {booting: true},
		StatePendingProceed:      {booting: true},
		StateInService:           {},
		StateTerminating:         {leaving: true},
		StateTerminatingWait:     {leaving: true},
		StateTerminatingProceed:  {leaving: true},
		StateTerminatingRetained: {leaving: true},
		StateTerminated:          {leaving: true},
		"Warmed:Stopped":         {},
		"":                       {},
	} {
		assert.Equal(t, want.booting, state.Booting(), "%q boots", state)
		assert.Equal(t, want.leaving, state.Leaving(), "%q leaves", state)
	}
}

func TestAScopeSelectsGroups(t *testing.T) {
	g := Group{Name: "jitsi-shard-1-bridges", Role: RoleBridge, Shard: "shard-1"}
	for _, c := range []struct {
		name  string
		scope Scope
		in    bool
	}{
		{"an empty scope selects everything", Scope{}, true},
		{"a role selects its groups", Scope{Roles: []Role{RoleSignal, RoleBridge}}, true},
		{"a role leaves others out", Scope{Roles: []Role{RoleSignal}}, false},
		{"a shard selects its groups", Scope{Shards: []string{"shard-1"}}, true},
		{"a shard leaves others out", Scope{Shards: []string{"shard-2"}}, false},
		{"a name selects its group", Scope{Names: []string{"jitsi-shard-1-bridges"}}, true},
		{"every list must agree", Scope{Roles: []Role{RoleBridge}, Names: []string{"jitsi-shard-2-bridges"}}, false},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.in, c.scope.Includes(g)) })
	}
}

func TestOneOrATenthIsTolerated(t *testing.T) {
	for n, want := range map[int]int{0: 1, 1: 1, 9: 1, 10: 1, 19: 1, 20: 2, 99: 9, 1000: 100} {
		assert.Equal(t, want, Tolerated(n), "of %d", n)
	}
}

func TestAStatusOutlivesJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		load := rapid.Make[BridgeLoad]().Draw(t, "bridge")
		signal := rapid.Make[SignalLoad]().Draw(t, "signal")
		if len(signal.BridgeViews) == 0 {
			signal.BridgeViews = nil // an empty view is not written
		}
		if len(signal.JibriViews) == 0 {
			signal.JibriViews = nil
		}
		want := Status{
			Instance: InstanceID(rapid.StringMatching(`i-[0-9a-f]{17}`).Draw(t, "id")), Role: RoleBridge, Phase: PhaseServing,
			Sequence: rapid.Uint64().Draw(t, "sequence"), PhaseSeconds: rapid.Float64Range(0, 1e9).Draw(t, "phase seconds"),
			AgeSeconds: rapid.Float64Range(0, 1e9).Draw(t, "age"), Admitted: rapid.Bool().Draw(t, "admitted"), Bridge: &load, Signal: &signal,
		}
		raw, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Status
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatal(err)
		}
		assert.Equal(t, want, got)
	})
}

func TestJicofosViewOfABridge(t *testing.T) {
	s := Status{Signal: &SignalLoad{BridgeViews: map[InstanceID]BridgeView{"i-1": {Endpoints: 3}}}}
	view, listed := s.BridgeView("i-1")
	require.True(t, listed)
	assert.EqualValues(t, 3, view.Endpoints)
	_, listed = s.BridgeView("i-2")
	assert.False(t, listed)
	_, listed = Status{}.BridgeView("i-1")
	assert.False(t, listed, "a bridge's own status has no view")
}

func TestAgesAreDurations(t *testing.T) {
	s := Status{AgeSeconds: 1.5, PhaseSeconds: 0.25}
	assert.Equal(t, 1500*time.Millisecond, s.Age())
	assert.Equal(t, 250*time.Millisecond, s.PhaseFor())
}
