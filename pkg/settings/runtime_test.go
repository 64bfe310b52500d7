package settings

import (
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var bounds = Bounds{
	Shards: map[string]Range{"shard-1": {2, 20}, "shard-2": {4, 10}},
	Jibris: Range{3, 20}, Target: 0.6, Spare: 1, Slack: 0.25, FreeJibris: 3,
}

func TestRuntimeValuesAreRefused(t *testing.T) {
	night := func(values string) string {
		return `{"schedules": [{"name": "night", "days": ["mon"], "from": "22:00", "to": "06:00", "values": ` + values + `}]}`
	}
	for _, c := range []struct {
		name, json string
		want       []string
	}{
		{"nothing", "", []string{"runtime"}},
		{"a list", "[]", []string{"runtime"}},
		{"an unknown key", `{"minBridge": 4}`, []string{"runtime.minBridge"}},
		{"a key twice", `{"minBridges": 4, "minBridges": 5}`, []string{"runtime.minBridges"}},
		{"numbers as texts", `{"minBridges": "4", "targetStress": "0.5"}`, []string{"runtime.minBridges", "runtime.targetStress"}},
		{"a minimum below a shard's bounds", `{"minBridges": 3}`, []string{"runtime.minBridges"}},
		{"a maximum above a shard's bounds", `{"maxBridges": 11}`, []string{"runtime.maxBridges"}},
		{"a shard's maximum above its bounds", `{"shards": {"shard-2": {"maxBridges": 11}}}`, []string{"runtime.shards.shard-2.maxBridges"}},
		{"a minimum above the maximum", `{"minBridges": 6, "maxBridges": 5}`, []string{"runtime.minBridges"}},
		{"a shard's minimum above the common maximum", `{"maxBridges": 5, "shards": {"shard-1": {"minBridges": 6}}}`, []string{"runtime.shards.shard-1.minBridges"}},
		{"a shard's maximum below the common minimum", `{"minBridges": 7, "shards": {"shard-1": {"maxBridges": 6}}}`, []string{"runtime.shards.shard-1.maxBridges"}},
		{"a target at Jicofo's threshold", `{"targetStress": 0.8}`, []string{"runtime.targetStress"}},
		{"a target of nothing", `{"targetStress": 0}`, []string{"runtime.targetStress"}},
		{"a target under which the slack holds no participant", `{"targetStress": 0.1}`, nil},
		{"a negative spare", `{"spareBridges": -0.5}`, []string{"runtime.spareBridges"}},
		{"a spare above the maximum", `{"spareBridges": 11}`, []string{"runtime.spareBridges"}},
		{"a spare that leaves nothing to drain", `{"spareBridges": 8.9}`, []string{"runtime.spareBridges"}},
		{"a maximum below the spare", `{"spareBridges": 5, "shards": {"shard-2": {"maxBridges": 4}}}`, []string{"runtime.shards.shard-2.maxBridges"}},
		{"more free recorders than the maximum", `{"freeJibris": 21}`, []string{"runtime.freeJibris"}},
		{"more free recorders than the lowered maximum", `{"freeJibris": 9, "maxJibris": 8}`, []string{"runtime.freeJibris"}},
		{"a maximum of recorders below their minimum", `{"minJibris": 9, "maxJibris": 8}`, []string{"runtime.minJibris"}},
		{"a minimum of recorders below the bounds", `{"minJibris": 2}`, []string{"runtime.minJibris"}},
		{"an unknown shard", `{"shards": {"shard-3": {"minBridges": 4}}}`, []string{"runtime.shards.shard-3"}},
		{"recorders of one shard", `{"shards": {"shard-1": {"freeJibris": 4}}}`, []string{"runtime.shards.shard-1.freeJibris"}},
		{"a schedule outside the bounds", night(`{"minBridges": 1}`), []string{"runtime.schedules[0].values.minBridges"}},
		{"a schedule's minimum above the maximum", `{"maxBridges": 5, ` + night(`{"minBridges": 6}`)[1:], []string{"runtime.schedules[0].values.minBridges"}},
		{"a schedule without values", night(`{}`), []string{"runtime.schedules[0].values"}},
		{"many at once", `{"minBridges": 1, "targetStress": 2, "shards": {"x": {}}, "schedules": [{}]}`,
			[]string{"runtime.minBridges", "runtime.schedules[0].days", "runtime.schedules[0].from", "runtime.schedules[0].name",
				"runtime.schedules[0].values", "runtime.shards.x", "runtime.targetStress"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseRuntime([]byte(c.json), bounds)
			assert.Equal(t, c.want, pathsOf(invalid(t, err)))
		})
	}
}

func TestRuntimeValuesInsideTheBoundsAreTaken(t *testing.T) {
	for name, text := range map[string]string{
		"nothing is overridden": `{}`,
		"each value, and a shard's own": `{"minBridges": 4, "maxBridges": 10, "targetStress": 0.5, "spareBridges": 2, "freeJibris": 5, "minJibris": 5, "maxJibris": 9,
			"shards": {"shard-1": {"minBridges": 10, "maxBridges": 20}}}`,
		"a common value only some shards can have, where the others have their own": `{"minBridges": 15, "shards": {"shard-2": {"minBridges": 5}}}`,
		"a fixed size, at which nothing is to be drained":                           `{"shards": {"shard-2": {"minBridges": 4, "maxBridges": 4, "spareBridges": 4}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseRuntime([]byte(text), bounds)
			assert.NoError(t, err)
		})
	}
}

func TestASlackThatHoldsNoParticipantAtARuntimeTargetIsTold(t *testing.T) {
	tight := bounds
	tight.Slack = 0.05
	_, err := ParseRuntime([]byte(`{"targetStress": 0.19}`), tight)
	assert.Equal(t, []string{"runtime.targetStress"}, pathsOf(invalid(t, err)))
	_, err = ParseRuntime([]byte(`{"targetStress": 0.21}`), tight)
	assert.NoError(t, err)
}

func TestShardsWithoutACommonSizeNeedTheirOwn(t *testing.T) {
	apart := bounds
	apart.Shards = map[string]Range{"a": {1, 4}, "b": {6, 9}}
	_, err := ParseRuntime([]byte(`{"minBridges": 5}`), apart)
	require.Error(t, err)
	assert.Contains(t, err.Error(), "runtime.shards")
}

func TestAnUnknownShardNearAKnownOneAsksWhetherThatWasMeant(t *testing.T) {
	_, err := ParseRuntime([]byte(`{"shards": {"shard1": {"minBridges": 4}}}`), bounds)
	assert.ErrorContains(t, err, `did you mean "shard-1"?`)
}

func TestWhatHoldsAtAMoment(t *testing.T) {
	always := func(name string, v Values) Schedule {
		return Schedule{Name: name, Days: week, From: "00:00", To: "24:00", Values: v}
	}
	never := Schedule{Name: "never", Days: []Day{"mon"}, From: "00:00", To: "00:01", Values: Values{MinBridges: ptr(19)}}
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name     string
		r        Runtime
		deployed []Schedule
		want     func(*Values)
	}{
		{"the base, when nothing else is said", Runtime{}, nil, func(*Values) {}},
		{"run-time values over the base", Runtime{Values: Values{MinBridges: ptr(5)}}, nil, func(v *Values) { v.MinBridges = ptr(5) }},
		{"a shard's own over run-time values", Runtime{Values: Values{MinBridges: ptr(5), SpareBridges: ptr(2.0)}, Shards: map[string]Values{"shard-1": {MinBridges: ptr(6)}, "shard-2": {MinBridges: ptr(7)}}}, nil,
			func(v *Values) { v.MinBridges, v.SpareBridges = ptr(6), ptr(2.0) }},
		{"a deployed schedule over a shard's own", Runtime{Shards: map[string]Values{"shard-1": {MinBridges: ptr(6)}}}, []Schedule{always("d", Values{MinBridges: ptr(8)})}, func(v *Values) { v.MinBridges = ptr(8) }},
		{"a run-time schedule over a deployed one", Runtime{Schedules: []Schedule{always("r", Values{MinBridges: ptr(9)})}}, []Schedule{always("d", Values{MinBridges: ptr(8)})}, func(v *Values) { v.MinBridges = ptr(9) }},
		{"the later schedule over the earlier", Runtime{Schedules: []Schedule{always("a", Values{MinBridges: ptr(9)}), always("b", Values{MinBridges: ptr(7)})}}, nil, func(v *Values) { v.MinBridges = ptr(7) }},
		{"no schedule that is not active", Runtime{Schedules: []Schedule{never}}, []Schedule{never}, func(*Values) {}},
		{"the maximum, where schedules contradict each other", Runtime{Schedules: []Schedule{always("a", Values{MinBridges: ptr(9), SpareBridges: ptr(6.0)}), always("b", Values{MaxBridges: ptr(5)})}}, nil,
			func(v *Values) { v.MinBridges, v.MaxBridges, v.SpareBridges = ptr(5), ptr(5), ptr(5.0) }},
		{"a minimum of recorders that holds the free ones", Runtime{Values: Values{FreeJibris: ptr(6)}}, nil, func(v *Values) { v.FreeJibris, v.MinJibris = ptr(6), ptr(6) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := bounds.Base("shard-1")
			c.want(&want)
			assert.Equal(t, want, c.r.At(noon, "shard-1", bounds.Base("shard-1"), c.deployed))
		})
	}
}

func drawValues(t *rapid.T) Values {
	maybe := func(label string, low, high int) *int {
		if n := rapid.IntRange(low-1, high).Draw(t, label); n >= low {
			return &n
		}
		return nil
	}
	v := Values{
		MinBridges: maybe("minBridges", 4, 10), MaxBridges: maybe("maxBridges", 4, 10),
		FreeJibris: maybe("freeJibris", 0, 20), MinJibris: maybe("minJibris", 3, 20), MaxJibris: maybe("maxJibris", 3, 20),
	}
	if rapid.Bool().Draw(t, "target") {
		v.TargetStress = ptr(rapid.Float64Range(0.1, 0.79).Draw(t, "targetStress"))
	}
	if rapid.Bool().Draw(t, "spare") {
		v.SpareBridges = ptr(rapid.Float64Range(0, 9).Draw(t, "spareBridges"))
	}
	return v
}

func drawSchedule(t *rapid.T) Schedule {
	return Schedule{
		TimeZone: rapid.SampledFrom([]string{"", "Europe/Berlin", "Asia/Tokyo"}).Draw(t, "zone"),
		Days:     []Day{rapid.SampledFrom(week).Draw(t, "day")}, From: clocks(t, "from"), To: clocks(t, "to"), Values: drawValues(t),
	}
}

// Whatever is merged, validated or not, no value is lost and none contradicts another.
func TestWhatHoldsIsWholeAndFreeOfContradictions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Runtime{Values: drawValues(t), Shards: map[string]Values{"shard-1": drawValues(t)}}
		var deployed []Schedule
		for range rapid.IntRange(0, 3).Draw(t, "schedules") {
			r.Schedules, deployed = append(r.Schedules, drawSchedule(t)), append(deployed, drawSchedule(t))
		}
		now := time.Unix(rapid.Int64Range(1.7e9, 1.9e9).Draw(t, "now"), 0)
		v := r.At(now, "shard-1", bounds.Base("shard-1"), deployed)
		assert.LessOrEqual(t, *v.MinBridges, *v.MaxBridges)
		assert.LessOrEqual(t, *v.SpareBridges, float64(*v.MaxBridges))
		assert.LessOrEqual(t, *v.FreeJibris, *v.MinJibris)
		assert.LessOrEqual(t, *v.MinJibris, *v.MaxJibris)
		assert.NotNil(t, v.TargetStress)
		assert.Equal(t, v, r.At(now, "shard-1", v, deployed), "once more changes nothing")
	})
}

// A value that was taken lies inside the template's bounds of its shard, at every moment.
func TestTakenRuntimeValuesStayInsideTheTemplatesBounds(t *testing.T) {
	taken := 0
	rapid.Check(t, func(t *rapid.T) {
		r := Runtime{Values: drawValues(t), Shards: map[string]Values{"shard-2": drawValues(t)}}
		own := r.Shards["shard-2"]
		own.FreeJibris, own.MinJibris, own.MaxJibris = nil, nil, nil
		r.Shards["shard-2"] = own
		raw, err := json.Marshal(r)
		require.NoError(t, err)
		got, err := ParseRuntime(raw, bounds)
		if err != nil {
			return
		}
		taken++
		for name, size := range bounds.Shards {
			v := got.At(time.Unix(1.8e9, 0), name, bounds.Base(name), nil)
			assert.GreaterOrEqual(t, *v.MinBridges, size.Min)
			assert.LessOrEqual(t, *v.MaxBridges, size.Max)
			assert.Less(t, *v.TargetStress, OverloadStress)
		}
	})
	assert.Positive(t, taken)
}

func FuzzParseRuntime(f *testing.F) {
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"minBridges": 4, "targetStress": 0.5, "shards": {"shard-1": {"maxBridges": 12}, "": {}},
		"schedules": [{"name": "n", "timeZone": "UTC", "days": ["mon"], "from": "22:00", "to": "06:00", "values": {"freeJibris": 4}}]}`))
	f.Add([]byte(`{"shards": {"a": null}, "schedules": {}, "x": [[[[]]]]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		shards := maps.Clone(bounds.Shards)
		v, err := ParseRuntime(raw, bounds)
		assert.Equal(t, shards, bounds.Shards)
		if err != nil {
			invalid(t, err)
			return
		}
		text, err := json.Marshal(v)
		require.NoError(t, err)
		again, err := ParseRuntime(text, bounds)
		require.NoError(t, err)
		assert.Equal(t, v, again)
	})
}
