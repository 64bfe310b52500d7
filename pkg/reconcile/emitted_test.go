package reconcile

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// emitted is every metric that the loops publish while something happens to a fleet, with its shard.
func emitted(t *testing.T) map[string]float64 {
	all := map[string]float64{}
	w, g, _ := newcomer(t, fleet.RoleBridge)
	for _, m := range g.members[:2] {
		m.node.endpoints, m.node.stress = 10, 0.5
	}
	maps.Copy(all, w.measure())
	for range 80 { // there is a forecast once an hour is known, and its error once its time has come
		maps.Copy(all, w.runBridges())
		w.advance(time.Minute)
	}
	maps.Copy(all, w.runLifecycle())

	e := newEdgeWorld(t, 2, 2)
	e.setState(1, fleet.ShardDrain)
	maps.Copy(all, e.run())

	p := newPool(t, 4)
	p.begin(2, time.Hour)
	p.profiles.kept[startsProfile] = fridaysStarts(t)
	maps.Copy(all, p.measureAll())
	for range 8 { // a forecast's error is known once its time has come
		maps.Copy(all, p.runJibris())
		p.advance(time.Minute)
	}
	p.pool.Desired++
	p.advance(time.Second)
	maps.Copy(all, p.runLifecycle())

	a, reports := newArchive(), life("abc")
	a.upload(reports[3])
	a.receive(t, reports[:2]...)
	a.now = reports[3].At.Add(time.Minute)
	record, _, err := a.loop().Receive(t.Context(), []Announcement{message(reports[3])})
	require.NoError(t, err)
	maps.Copy(all, metricsOf(t, record))
	record, err = a.loop().Sweep(t.Context())
	require.NoError(t, err)
	maps.Copy(all, metricsOf(t, record))
	return all
}

// A metric that nobody emits makes a dashboard empty and an alarm blind. ReconcileErrors is lambdas/internal/wire's.
func TestEveryMetricOfTheListIsEmittedInItsScope(t *testing.T) {
	found := map[string]telemetry.Scope{}
	for name := range emitted(t) {
		metric, shard, _ := strings.Cut(name, " ")
		found[metric] = telemetry.PerFleet
		if shard != "" {
			found[metric] = telemetry.PerShard
		}
	}
	found[telemetry.ReconcileErrors.Name] = telemetry.PerFleet
	for _, m := range telemetry.All {
		assert.Equal(t, m.Scope, found[m.Name], m.Name)
	}
}
