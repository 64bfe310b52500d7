package agent

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// reserve is an agent whose bridge was admitted and drained.
func reserve(t *testing.T) (*Agent, *puppet) {
	t.Helper()
	p := &puppet{answer: Answered, joined: true, drain: true}
	a := running(t, configOf(t, p, nil))
	time.Sleep(time.Second)
	obey(t, a, fleet.VerbAdmit, 5)
	obey(t, a, fleet.VerbDrain, 5)
	return a, p
}

func TestAReserveThatNobodyOrdersTakesWorkAndDrainsAgainWhenItIsToldTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := reserve(t)
		time.Sleep(alone - time.Second)
		assert.Equal(t, fleet.PhaseDraining, a.Status().Phase)
		time.Sleep(5 * time.Second)
		assert.Equal(t, fleet.PhaseServing, a.Status().Phase)
		assert.Equal(t, fleet.PhaseDraining, obey(t, a, fleet.VerbDrain, 6).Phase)
	})
}

func TestABridgeWhoseRetirementIsRefusedForItsPeopleDrainsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, p := reserve(t)
		p.now(func(p *puppet) { p.people = 1 })
		for range 10 {
			time.Sleep(time.Minute)
			refused(t, a, fleet.VerbRetire, 5)
		}
		assert.Equal(t, fleet.PhaseDraining, a.Status().Phase, "the control plane lives and wants it gone")
	})
}

func TestAnOrderOfAnOvertakenRunIsNoWordOfTheControlPlane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := reserve(t)
		for range 6 {
			time.Sleep(time.Minute)
			refused(t, a, fleet.VerbDrain, 4)
		}
		assert.Equal(t, fleet.PhaseServing, a.Status().Phase)
	})
}
