package reconcile

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/event"
)

var errDown = errors.New("InternalServerError: down")

func TestRuntimeValuesAreInForce(t *testing.T) {
	w := newWorld(t, 2, 2)
	w.control.raw = `{"minBridges":3,"shards":{"shard-2":{"minBridges":4}}}`
	values := w.runBridges()
	assert.Zero(t, values["SettingsRefused"])
	assert.ElementsMatch(t, []string{"raise jitsi-shard-1-bridges to 3", "raise jitsi-shard-2-bridges to 4"}, w.took())
	assert.Equal(t, w.control.raw, *w.control.good, "they are kept as the last good ones")
	assert.Empty(t, w.control.events)
}

func TestInvalidRuntimeValuesAreRefusedAnnouncedAndTheLastGoodOnesStayInForce(t *testing.T) {
	good := `{"minBridges":3}`
	for _, c := range []struct {
		name   string
		raw    string
		good   *string
		raised bool
		path   string
	}{
		{"above the template's maximum", `{"minBridges":11}`, &good, true, "runtime.minBridges"},
		{"an unknown key", `{"minBridge":4}`, &good, true, "runtime.minBridge"},
		{"no JSON", `{`, &good, true, "runtime"},
		{"empty", ``, &good, true, "runtime"},
		{"with no last good ones the deployed hold", `{"minBridges":11}`, nil, false, "runtime.minBridges"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 1, 2)
			w.control.raw, w.control.good = c.raw, c.good
			values := w.runBridges()
			assert.EqualValues(t, 1, values["SettingsRefused"])
			assert.Equal(t, c.raised, len(w.took()) == 1)
			require.Len(t, w.control.events, 1)
			assert.Contains(t, w.control.events[0], EventSettingsRefused)
			assert.Contains(t, w.control.events[0], c.path)
			assert.Equal(t, c.good, w.control.good, "the refused ones are not kept")
		})
	}
}

func TestLastGoodValuesThatNoLongerFitTheTemplateGiveWayToTheDeployed(t *testing.T) {
	w := newWorld(t, 1, 2)
	old := `{"minBridges":11}`
	w.control.raw, w.control.good = `{`, &old
	values := w.runBridges()
	assert.EqualValues(t, 1, values["SettingsRefused"])
	assert.Empty(t, w.took())
}

func TestAParameterThatCannotBeReadLeavesTheLastGoodValuesInForce(t *testing.T) {
	w := newWorld(t, 1, 2)
	good := `{"minBridges":3}`
	w.control.readErr, w.control.good = errDown, &good
	record, err := w.bridges.Run(context.Background(), []event.Wakeup{schedule})
	require.ErrorIs(t, err, errDown, "the run's error, not the operator's")
	assert.Zero(t, metricsOf(t, record)["SettingsRefused"])
	assert.Equal(t, []string{"raise jitsi-shard-1-bridges to 3"}, w.took())
	assert.Empty(t, w.control.events, "nobody wrote anything wrong")
}

func TestTroubleBesideTheValuesIsTheRunsErrorAndDoesNotKeepItFromDeciding(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*control)
	}{
		{"a refusal that cannot be announced", func(c *control) { c.raw, c.eventErr = `{`, errDown }},
		{"good values that cannot be kept", func(c *control) { c.keepErr = errDown }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 1, 2)
			w.load(w.shard(1), 2)
			c.edit(w.control)
			_, err := w.bridges.Run(context.Background(), []event.Wakeup{schedule})
			require.ErrorIs(t, err, errDown)
			assert.Equal(t, []string{"raise jitsi-shard-1-bridges to 3"}, w.took())
		})
	}
}

func TestNothingIsDecidedWhenNoValuesAreKnown(t *testing.T) {
	w := newWorld(t, 1, 2)
	w.load(w.shard(1), 2)
	w.control.readErr, w.control.goodErr = errDown, errThrottled
	_, err := w.bridges.Run(context.Background(), []event.Wakeup{schedule})
	require.ErrorIs(t, err, errThrottled)
	assert.Empty(t, w.took())
}

func TestARefusalIsAnnouncedOnceForEachTextOfTheParameter(t *testing.T) {
	w := newWorld(t, 1, 2)
	w.control.raw = `{"minBridges":11}`
	w.minutes(5)
	assert.Len(t, w.control.events, 1)
	w.control.raw = `{"minBridges":12}`
	w.minutes(5)
	assert.Len(t, w.control.events, 2)
	w.control.raw = `{}`
	w.minutes(1)
	w.control.raw = `{"minBridges":12}`
	w.minutes(5)
	assert.Len(t, w.control.events, 3, "it was mended in between")
}

func TestRuntimeBoundsNeverPassTheTemplates(t *testing.T) {
	w := newWorld(t, 1, 2)
	g := w.shard(1)
	wide := `{"minBridges":2,"maxBridges":10}`
	w.control.raw, w.control.good = wide, &wide
	g.Max = 4
	w.load(g, 9)
	w.minutes(1)
	assert.LessOrEqual(t, g.Desired, 4)
	w.well()
}
