package simulate

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

func TestTuningNeverMakesItWorse(t *testing.T) {
	w, err := Generate("office", 1, 1)
	require.NoError(t, err)
	loads := []Load{{w, quiet}}
	from := Ours(quiet)
	from.Bridges.Target, from.Jibris.Free, from.Jibris.Min = 0.6, 1, 1
	level := ServiceLevel{Overload: 0.5, Failed: 0.02}
	var steps []Trial
	bridges, err := TuneBridges(context.Background(), loads, from, level, 4, func(_ string, t Trial) { steps = append(steps, t) })
	require.NoError(t, err)
	jibris, err := TuneJibris(context.Background(), loads, from, level, 4, func(_ string, t Trial) { steps = append(steps, t) })
	require.NoError(t, err)
	require.NotEmpty(t, steps)
	before := RunBridges(w, ourBridges(from, quiet), 1, quiet)
	assert.Less(t, bridges.Hours, before.InstanceHours, "a target of 0.6 is too dear for a level that nothing misses")
	assert.Zero(t, jibris.Excess)
	assert.LessOrEqual(t, jibris.Run[0].Jibris.FailedShare, level.Failed)
	again := With(jibris.Settings, quiet)
	assert.InDelta(t, jibris.Hours, RunJibris(w, again.Jibris, again.FirstJibris, quiet).InstanceHours, 1e-9, "the trial's settings give the trial's figures")
}

func TestWhatTuningTriesIsDeployable(t *testing.T) {
	for _, d := range slices.Concat(coarseBridgeDials, bridgeDials, coarseJibriDials, jibriDials) {
		for _, set := range d.set {
			s := Ours(quiet)
			set(&s)
			raw := fmt.Sprintf(`{"fleet": "jitsi", "domain": "meet.example.org", "hostedZone": {"id": "Z0EXAMPLE", "name": "example.org"}, "shards": [{"name": "shard-1", "id": 1}],
				"bridges": {"target": %g, "spare": %g, "slack": %g, "shrinkAfter": %q, "serviceLevel": %g},
				"jibris": {"free": %d, "min": %d, "max": 100, "retireAfter": %q, "serviceLevel": %g}}`,
				s.Bridges.Target, s.Bridges.Spare, s.Bridges.Slack, s.Bridges.ShrinkAfter, s.ServiceLevel,
				s.Jibris.Free, s.Jibris.Min, s.Jibris.RetireAfter, s.JibriServiceLevel)
			_, err := settings.Parse([]byte(raw))
			require.NoError(t, err, d.name)
		}
	}
}

func TestTuningStopsWhenItIsInterrupted(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	stop()
	_, err := TuneBridges(ctx, []Load{{Workload{Start: Monday, Rooms: 1, Visits: []Visit{{0, 0, 600}}}, steady}}, Ours(steady), ServiceLevel{}, 1, func(string, Trial) {})
	assert.ErrorIs(t, err, context.Canceled)
}

func TestAComparisonHasTheRunsInTheOrderOfTheirNames(t *testing.T) {
	w := Workload{Name: "one", Start: Monday, Rooms: 1, Visits: []Visit{{0, 0, 1200}}, Recordings: []Recording{{0, 10, 900}}}
	done := 0
	c, err := Compare(context.Background(), w, PolicyNames, Options{BridgeBoot: time.Minute, JibriBoot: time.Minute, Sample: time.Minute}, 3, func(string) { done++ })
	require.NoError(t, err)
	assert.Equal(t, len(PolicyNames), done)
	for i, r := range c.Runs {
		assert.Equal(t, PolicyNames[i], r.Policy)
	}
	assert.Nil(t, c.Runs[2].Bridges, "8x8's CloudFormation pool is of recorders")
	assert.Nil(t, c.Runs[3].Jibris, "target tracking is of bridges")
	bound := c.Runs[len(c.Runs)-1]
	assert.InDelta(t, 1200.0/3600, bound.Bridges.InstanceHours, 1e-9)
	assert.InDelta(t, 895.0/3600, bound.Jibris.InstanceHours, 1e-9)
}

func TestNoPolicyIsHeldBelowWhatItsWorkloadNeeds(t *testing.T) {
	const people, joining = 85_000, 3600.0
	w := Workload{Name: "large", Start: Monday, Rooms: people / 5}
	for i := range int32(people) {
		w.Visits = append(w.Visits, Visit{i / 5, 600 + joining*float64(i)/people, 600 + joining + 1200})
	}
	e, err := Named("hindsight", w, quiet)
	require.NoError(t, err)
	f := RunBridges(w, e.Bridges, e.FirstBridges, quiet)
	assert.Greater(t, f.Launches, people/overload)
	assert.Less(t, f.OverloadShare, 0.01, "a thousand bridges would carry 85 each")
	assert.Positive(t, Ours(quiet).Bridges.Max-people/overload)
}
