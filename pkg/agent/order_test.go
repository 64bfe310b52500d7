package agent

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

func TestIntentAfterAVerb(t *testing.T) {
	fresh, serving := Intent{}, Intent{Admitted: true}
	drained := Intent{Admitted: true, Drained: true}
	retired := Intent{Admitted: true, Drained: true, Retired: true}
	moved := Intent{Admitted: true, Drained: true, Retired: true, Moved: true}
	for _, c := range []struct {
		name    string
		before  Intent
		verb    fleet.Verb
		phase   fleet.Phase
		after   Intent
		refused string
	}{
		{"admit in standby", fresh, fleet.VerbAdmit, fleet.PhaseStandby, serving, ""},
		{"admit again", serving, fleet.VerbAdmit, fleet.PhaseServing, serving, ""},
		{"admit a drained node again changes nothing", drained, fleet.VerbAdmit, fleet.PhaseDraining, drained, ""},
		{"admit what was drained before it was admitted", Intent{Drained: true}, fleet.VerbAdmit, fleet.PhaseStandby, serving, ""},
		{"admit one that carries people though its state was lost", fresh, fleet.VerbAdmit, fleet.PhaseDraining, serving, ""},
		{"admit before it is healthy", fresh, fleet.VerbAdmit, fleet.PhaseStarting, fresh, "healthy and joined"},
		{"admit a node that serves unasked", fresh, fleet.VerbAdmit, fleet.PhaseServing, serving, ""},
		{"admit a sick node", fresh, fleet.VerbAdmit, fleet.PhaseSick, fresh, "healthy and joined"},
		{"admit a retired node", retired, fleet.VerbAdmit, fleet.PhaseRetiring, retired, "cannot be undone"},
		{"admit one that shuts down by itself", fresh, fleet.VerbAdmit, fleet.PhaseRetiring, fresh, "cannot be undone"},
		{"drain a serving node", serving, fleet.VerbDrain, fleet.PhaseServing, drained, ""},
		{"drain again", drained, fleet.VerbDrain, fleet.PhaseDraining, drained, ""},
		{"drain a sick node", serving, fleet.VerbDrain, fleet.PhaseSick, drained, ""},
		{"drain a retired node", retired, fleet.VerbDrain, fleet.PhaseRetiring, retired, ""},
		{"undrain a draining node", drained, fleet.VerbUndrain, fleet.PhaseDraining, serving, ""},
		{"undrain again", serving, fleet.VerbUndrain, fleet.PhaseServing, serving, ""},
		{"undrain what was never admitted", fresh, fleet.VerbUndrain, fleet.PhaseStandby, fresh, "admit it instead"},
		{"undrain after retire", retired, fleet.VerbUndrain, fleet.PhaseRetiring, retired, "cannot be undone"},
		{"undrain one that shuts down by itself", drained, fleet.VerbUndrain, fleet.PhaseRetiring, drained, "cannot be undone"},
		{"retire a draining node", drained, fleet.VerbRetire, fleet.PhaseDraining, retired, ""},
		{"retire again", retired, fleet.VerbRetire, fleet.PhaseRetiring, retired, ""},
		{"retire after move changes nothing", moved, fleet.VerbRetire, fleet.PhaseRetiring, moved, ""},
		{"retire a serving node", serving, fleet.VerbRetire, fleet.PhaseServing, serving, "drain it first"},
		{"retire what was never admitted", fresh, fleet.VerbRetire, fleet.PhaseStandby, Intent{Drained: true, Retired: true}, ""},
		{"retire what is gone", serving, fleet.VerbRetire, fleet.PhaseGone, retired, ""},
		{"move a draining node", drained, fleet.VerbMove, fleet.PhaseDraining, moved, ""},
		{"move a retiring node", retired, fleet.VerbMove, fleet.PhaseRetiring, moved, ""},
		{"move again", moved, fleet.VerbMove, fleet.PhaseRetiring, moved, ""},
		{"move a serving node, whose machine is about to be taken", serving, fleet.VerbMove, fleet.PhaseServing, moved, ""},
		{"a verb that is none", serving, "explode", fleet.PhaseServing, serving, "no verb"},
	} {
		t.Run(c.name, func(t *testing.T) {
			after, err := c.before.after(c.verb, false, fleet.RoleBridge, c.phase)
			assert.Equal(t, c.after, after)
			if c.refused == "" {
				require.NoError(t, err)
				return
			}
			var refusal *Refusal
			require.ErrorAs(t, err, &refusal)
			assert.Contains(t, refusal.Why, c.refused)
		})
	}
}

func TestABridgeAdmittedToTheReserveDrainsUntilItIsTakenBack(t *testing.T) {
	admitted, err := Intent{}.after(fleet.VerbAdmit, true, fleet.RoleBridge, fleet.PhaseStandby)
	require.NoError(t, err)
	assert.Equal(t, Intent{Admitted: true, Drained: true}, admitted)
	back, err := admitted.after(fleet.VerbUndrain, false, fleet.RoleBridge, fleet.PhaseDraining)
	require.NoError(t, err)
	assert.Equal(t, Intent{Admitted: true}, back)
	again, err := back.after(fleet.VerbAdmit, true, fleet.RoleBridge, fleet.PhaseServing)
	require.NoError(t, err)
	assert.Equal(t, back, again, "who serves is not sent to the reserve by an order that comes twice")
}

func TestAnEdgeNodeJoinsTheLoadBalancerWithoutHavingBeenAdmitted(t *testing.T) {
	after, err := Intent{Drained: true}.after(fleet.VerbUndrain, false, fleet.RoleEdge, fleet.PhaseDraining)
	require.NoError(t, err)
	assert.Equal(t, Intent{}, after)
}

func TestOnlyEdgeNodesKnowWhereRoomsLive(t *testing.T) {
	for _, verb := range []fleet.Verb{fleet.VerbForget, fleet.VerbPlace} {
		after, err := Intent{}.after(verb, false, fleet.RoleEdge, fleet.PhaseServing)
		require.NoError(t, err)
		assert.Equal(t, Intent{}, after, "the node itself is to do nothing else than before")
		for _, role := range []fleet.Role{fleet.RoleBridge, fleet.RoleSignal} {
			_, err = Intent{}.after(verb, false, role, fleet.PhaseServing)
			require.ErrorContains(t, err, "knows not where rooms live")
		}
	}
}

func TestSignalNodesAreNotMoved(t *testing.T) {
	_, err := Intent{Admitted: true}.after(fleet.VerbMove, false, fleet.RoleSignal, fleet.PhaseDraining)
	require.ErrorContains(t, err, "cannot be moved")
}

func TestARecorderIsRetiredWithoutADrain(t *testing.T) {
	serving := Intent{Admitted: true}
	after, err := serving.after(fleet.VerbRetire, false, fleet.RoleJibri, fleet.PhaseServing)
	require.NoError(t, err)
	assert.Equal(t, Intent{Admitted: true, Drained: true, Retired: true}, after)
	for _, verb := range []fleet.Verb{fleet.VerbDrain, fleet.VerbUndrain} {
		after, err = serving.after(verb, false, fleet.RoleJibri, fleet.PhaseServing)
		require.ErrorContains(t, err, "a recorder has no drain")
		assert.Equal(t, serving, after)
	}
	_, err = serving.after(fleet.VerbMove, false, fleet.RoleJibri, fleet.PhaseServing)
	require.ErrorContains(t, err, "cannot be moved")
}

func TestVerbsAreIdempotentAndRetirementIsFinal(t *testing.T) {
	phases := []fleet.Phase{
		fleet.PhaseStarting, fleet.PhaseStandby, fleet.PhaseServing, fleet.PhaseDraining,
		fleet.PhaseRetiring, fleet.PhaseGone, fleet.PhaseSick,
	}
	rapid.Check(t, func(t *rapid.T) {
		before := drawIntent(t)
		verb := rapid.SampledFrom(verbs).Draw(t, "verb")
		phase := rapid.SampledFrom(phases).Draw(t, "phase")
		once, err := before.after(verb, false, fleet.RoleBridge, phase)
		if err != nil {
			if once != before {
				t.Fatalf("a refused %s changed %+v to %+v", verb, before, once)
			}
			return
		}
		twice, err := once.after(verb, false, fleet.RoleBridge, phase)
		if err != nil || twice != once {
			t.Fatalf("%s twice: %+v, then %+v, %v", verb, once, twice, err)
		}
		if before.Retired && !once.Retired || before.Admitted && !once.Admitted {
			t.Fatalf("%s took back what is final: %+v to %+v", verb, before, once)
		}
	})
}
