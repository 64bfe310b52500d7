package dashboard

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/alarm"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

func fleetOf(t *testing.T, shards int) settings.Settings {
	t.Helper()
	list := make([]string, shards)
	for i := range list {
		list[i] = fmt.Sprintf(`{"name":"s%d","id":%d}`, i+1, i+1)
	}
	s, err := settings.Parse([]byte(`{"fleet":"jitsi","domain":"meet.example.org","hostedZone":{"id":"Z0EXAMPLE","name":"example.org"},
		"bridges":{"min":1,"max":2,"spare":0.5},"shards":[` + strings.Join(list, ",") + `]}`))
	require.NoError(t, err)
	return s
}

type body struct {
	Widgets []struct {
		Type                string
		X, Y, Width, Height int
		Properties          map[string]any
	}
}

func bodyOf(t *testing.T, d Dashboard) body {
	t.Helper()
	var b body
	require.NoError(t, json.Unmarshal([]byte(d.Body()), &b))
	return b
}

func TestWidgetsFillTheGridWithoutOverlap(t *testing.T) {
	for _, d := range Of(fleetOf(t, 3)) {
		taken := map[[2]int]bool{}
		for _, w := range bodyOf(t, d).Widgets {
			assert.LessOrEqual(t, w.X+w.Width, gridWidth, d.Name)
			assert.GreaterOrEqual(t, w.Width, 6, "%s: too narrow to be read", d.Name)
			for x := w.X; x < w.X+w.Width; x++ {
				for y := w.Y; y < w.Y+w.Height; y++ {
					assert.False(t, taken[[2]int{x, y}], "%s: two widgets at %d, %d", d.Name, x, y)
					taken[[2]int{x, y}] = true
				}
			}
		}
		assert.Len(t, taken, gridWidth*d.Height(), "%s has holes", d.Name)
	}
}

// A unit of the grid is about 48 pixels high; a laptop shows some eight hundred, and one turn of the wheel as many again.
func TestADashboardFitsALaptop(t *testing.T) {
	all := Of(fleetOf(t, 3))
	assert.Equal(t, "jitsi-overview", all[0].Name)
	assert.LessOrEqual(t, all[0].Height(), 17, "the overview is seen without scrolling")
	for _, d := range all {
		assert.LessOrEqual(t, d.Height(), 20, d.Name)
	}
}

func TestEveryDashboardLeadsToEveryOther(t *testing.T) {
	all := Of(fleetOf(t, 3))
	for _, d := range all {
		links := bodyOf(t, d).Widgets[0].Properties["markdown"].(string)
		for _, other := range all {
			assert.Contains(t, links, "(#dashboards:name="+other.Name+")", d.Name)
		}
	}
}

// What is published and shown nowhere is paid for in vain.
func TestEveryMetricIsOnADashboardAndEveryLineIsOne(t *testing.T) {
	scopes, shown := map[string]telemetry.Scope{}, map[string]bool{}
	for _, m := range telemetry.All {
		scopes[m.Name] = m.Scope
	}
	inventory := alarm.Of(fleetOf(t, 2))
	for _, d := range Of(fleetOf(t, 2)) {
		for _, s := range d.Lines() {
			if s.Namespace != telemetry.Namespace {
				assert.True(t, slices.ContainsFunc(inventory.Alarms, func(a alarm.Alarm) bool {
					return a.Namespace == s.Namespace && a.Metric == s.Name && maps.Equal(a.Dimensions, s.Dimensions)
				}), "%s: no alarm watches AWS's own %s of %v", d.Name, s.Name, s.Dimensions)
				continue
			}
			shown[s.Name] = true
			want := map[string]string{telemetry.DimensionFleet: "jitsi"}
			if scopes[s.Name] == telemetry.PerShard {
				assert.Contains(t, []string{"s1", "s2"}, s.Dimensions[telemetry.DimensionShard], s.Name)
				want[telemetry.DimensionShard] = s.Dimensions[telemetry.DimensionShard]
			}
			assert.Equal(t, want, s.Dimensions, "%s: %s", d.Name, s.Name)
		}
	}
	for name := range scopes {
		assert.True(t, shown[name], "%s is on no dashboard", name)
	}
	assert.Len(t, shown, len(scopes))
}

func TestALineOfAnotherScopePanics(t *testing.T) {
	assert.Panics(t, func() { Own(telemetry.Participants, "jitsi", "") })
	assert.Panics(t, func() { Own(telemetry.SplitRooms, "jitsi", "s1") })
}

func TestACounterIsDrawnByItsGrowth(t *testing.T) {
	g := Graph{Title: "New", Series: Growth(Own(telemetry.LostBridges, "jitsi", "s1"))}
	assert.JSONEq(t, `[["JitsiFleet","LostBridges","Fleet","jitsi","Shard","s1",{"id":"c0","label":"Lost bridges","visible":false}],
		[{"expression":"IF(DIFF(c0) > 0, DIFF(c0), 0)","id":"g0","label":"Lost bridges"}]]`, asJSON(t, g.properties()["metrics"]))
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return string(raw)
}

func TestWithoutRecordersNoneAreShown(t *testing.T) {
	s := fleetOf(t, 1)
	s.Jibris.Max, s.Jibris.Min, s.Jibris.Free = 0, 0, 0
	recorders := map[string]bool{}
	for _, p := range telemetry.Parts {
		for _, m := range p.Metrics {
			recorders[m.Name] = p.Recorders
		}
	}
	for _, d := range Of(s) {
		assert.NotContains(t, d.Name, "recorders")
		for _, line := range d.Lines() {
			assert.False(t, recorders[line.Name], "%s: %s", d.Name, line.Name)
		}
	}
}

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
func TestTheLargestFleetKeepsCloudWatchsLimitsOfDashboards(t *testing.T) {
	for _, d := range Of(fleetOf(t, 50)) {
		assert.LessOrEqual(t, len(bodyOf(t, d).Widgets), 500, d.Name)
		assert.LessOrEqual(t, len(d.Lines()), 2500, d.Name)
		for _, w := range bodyOf(t, d).Widgets {
			if w.Type == "alarm" {
				assert.LessOrEqual(t, len(w.Properties["alarms"].([]any)), mostAlarms, d.Name)
			}
			if w.Type == "metric" {
				assert.LessOrEqual(t, len(w.Properties["metrics"].([]any)), 500, d.Name)
			}
		}
	}
}
