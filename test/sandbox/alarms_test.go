package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/alarm"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

func alarmsFleet(t *testing.T) settings.Settings {
	t.Helper()
	raw, err := alarmsSettings()
	require.NoError(t, err)
	s, err := settings.Parse(raw)
	require.NoError(t, err)
	return s
}

func TestEveryAlarmOfTheInventoryIsDrivenOrSaysWhyNot(t *testing.T) {
	s, there := alarmsFleet(t), map[string]bool{}
	for _, heading := range alarm.Headings(s) {
		there[strings.TrimPrefix(heading, "FLEET-")] = true
	}
	driven := map[string]bool{}
	for _, c := range causes() {
		for _, name := range slices.Concat(c.alarms, c.tells) {
			assert.True(t, there[name], "%s drives %s, which is not in the inventory", c.name, name)
			driven[name] = true
		}
	}
	for _, u := range undriven {
		assert.False(t, driven[u.name], "%s is driven", u.name)
		assert.NotEmpty(t, u.why, u.name)
		driven[u.name] = true
	}
	for name := range there {
		assert.True(t, driven[name], "%s has no cause that drives it", name)
	}
}

func TestACauseTellsOnlyWhatSendsMessages(t *testing.T) {
	s := alarmsFleet(t)
	for _, c := range causes() {
		assert.NotEmpty(t, c.alarms, c.name)
		for _, name := range slices.Concat(c.tells, c.may) {
			assert.Contains(t, []string{string(alarm.Page), string(alarm.Ticket)}, severityOf(s, name), "%s: %s", c.name, name)
		}
	}
}
