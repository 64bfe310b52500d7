package capacity

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheReserveMakesUpForServingBridgesThatFallSilent(t *testing.T) {
	in := seen(steady(0.5), bridges("s", Serving, 0.5), bridges("q", Silent, 0, 0), bridges("d", Draining, 0, 0))
	d := DecideBridges(in, plain())
	assert.NotEmpty(t, d.Undrain, "two that say nothing have no room that anybody knows of")
	assert.Zero(t, d.Launch, "and are no reason to buy")
	assert.Empty(t, d.Release)
	assert.Empty(t, d.Drain)
}
