package capacity

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

func TestTheReserveMakesUpForServingBridgesThatFallSilent(t *testing.T) {
	in := seen(steady(0.5), bridges("s", Serving, 0.5), bridges("q", Silent, 0, 0), bridges("d", Draining, 0, 0))
	d := DecideBridges(in, plain())
	assert.NotEmpty(t, d.Undrain, "two that say nothing have no room that anybody knows of")
	assert.Zero(t, d.Launch, "and are no reason to buy")
	assert.Empty(t, d.Release)
	assert.Empty(t, d.Drain)
}

func TestAReserveWithoutRoomServesWhereWhatServesIsWorseOff(t *testing.T) {
	for _, c := range []struct {
		name string
		in   Input
		back []fleet.InstanceID
	}{
		{"one that carries less than all that serve", seen(steady(3), bridges("s", Serving, 1.2, 1), bridges("d", Draining, 0.7)), []fleet.InstanceID{"i-d0"}},
		{"one that carries more stays in reserve", seen(steady(3), bridges("s", Serving, 0.65, 0.65), bridges("d", Draining, 0.7)), nil},
		{"each where all that serve are silent", seen(steady(3), bridges("q", Silent, 0, 0), bridges("d", Draining, 0.7)), []fleet.InstanceID{"i-d0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := plain()
			p.Max = 3
			assert.Equal(t, c.back, DecideBridges(c.in, p).Undrain)
		})
	}
}
