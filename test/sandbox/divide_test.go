package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

func TestEveryDurationIsDividedAndNothingElse(t *testing.T) {
	s := settings.Defaults()
	s.Bridges.Target, s.Bridges.ShrinkAfter = 0.6, settings.Duration(10*time.Minute)
	env, node := s.BridgesEnv(s.Control()), s.Node(fleet.RoleBridge, "shard-1")
	one := settings.Duration(time.Hour)
	nested := struct {
		List []time.Duration
		One  *settings.Duration
		None *settings.Duration
	}{[]time.Duration{time.Hour}, &one, nil}
	want := env
	want.AgentTimeout, want.StaleAfter = 200*time.Millisecond, 3*time.Second
	want.ShrinkAfter, want.BootTime, want.DrainLimit = time.Minute, 24*time.Second, 36*time.Minute
	want.DeadAfter, want.QuarantineWindow, want.Reaction = 18*time.Second, time.Minute, 6*time.Second
	divide(&env, 10)
	assert.Equal(t, want, env)

	divide(&node, 10)
	assert.Equal(t, "200ms 1.5s", node.Poll.String()+" "+node.SickAfter.String())
	assert.InDelta(t, 0.6, node.WakeStress, 0)

	divide(&nested, 0.5)
	assert.Equal(t, 2*time.Hour, nested.List[0])
	assert.Equal(t, settings.Duration(2*time.Hour), *nested.One)
}

func TestDividingByNothingIsAFaultOfTheCaller(t *testing.T) {
	assert.Panics(t, func() { divide(&settings.Node{}, 0) })
	assert.Panics(t, func() { divide(settings.Node{}, 2) })
}
