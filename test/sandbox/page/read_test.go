package page

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/metrics"
)

func TestEveryDashboardOfAFleetIsReadAndEveryLineIsOfAMetricOrOfLinesBeforeIt(t *testing.T) {
	all := deployedOf(t, fleetSettings(t))
	kinds := map[string]int{}
	for _, d := range all {
		assert.Equal(t, "3h", d.Span)
		for _, w := range d.Widgets {
			kinds[w.Type]++
			for _, l := range w.lines {
				assert.True(t, l.expression.value != nil || l.series.Name != "", "%s, %s", d.Name, w.Properties.Title)
			}
		}
	}
	for _, kind := range []string{"metric", "text", "alarm", "log"} {
		assert.Positive(t, kinds[kind], kind)
	}
}

func TestWhatThePageCannotDrawIsRefused(t *testing.T) {
	for name, body := range map[string]string{
		"a type":                        `{"widgets":[{"type":"explorer","properties":{}}]}`,
		"a property":                    `{"widgets":[{"type":"text","properties":{"background":"transparent"}}]}`,
		"a view":                        `{"widgets":[{"type":"metric","properties":{"view":"pie","period":60,"metrics":[]}}]}`,
		"a widget without a period":     `{"widgets":[{"type":"metric","properties":{"view":"timeSeries","metrics":[]}}]}`,
		"a metric without a name":       `{"widgets":[{"type":"metric","properties":{"view":"timeSeries","period":60,"metrics":[["N"]]}}]}`,
		"an option of a line":           `{"widgets":[{"type":"metric","properties":{"view":"timeSeries","period":60,"metrics":[["N","M",{"color":"red"}]]}}]}`,
		"a function":                    `{"widgets":[{"type":"metric","properties":{"view":"timeSeries","period":60,"metrics":[[{"expression":"SEARCH(1)"}]]}}]}`,
		"an expression of no line":      `{"widgets":[{"type":"metric","properties":{"view":"timeSeries","period":60,"metrics":[[{"expression":"a + 1"}]]}}]}`,
		"a query's command":             `{"widgets":[{"type":"log","properties":{"query":"SOURCE 'g' | stats count(*)"}}]}`,
		"a query without a source":      `{"widgets":[{"type":"log","properties":{"query":"fields a"}}]}`,
		"a query that has another sort": `{"widgets":[{"type":"log","properties":{"query":"SOURCE 'g' | fields a | sort a asc"}}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read("d", []byte(body))
			assert.Error(t, err)
		})
	}
}

func TestMetricMath(t *testing.T) {
	hole := math.NaN()
	lines := map[string][]float64{"a": {1, 2, hole, 5, 3}, "b": {10, 10, 10, 10, 10}}
	for expression, want := range map[string][]float64{
		"a + b * 2":                         {21, 22, hole, 25, 23},
		"(a + b) * 2":                       {22, 24, hole, 30, 26},
		"a >= 3":                            {0, 0, hole, 1, 1},
		"b - a - 1":                         {8, 7, hole, 4, 6},
		"a / 2":                             {0.5, 1, hole, 2.5, 1.5},
		"DIFF(a)":                           {hole, 1, hole, 3, -2},
		"IF(DIFF(a) > 0, DIFF(a), 0)":       {hole, 1, hole, 3, 0},
		"IF(b == 10, 1, 2) + IF(b < 0,1,0)": {1, 1, 1, 1, 1},
	} {
		f, err := parseFormula(expression)
		require.NoError(t, err, expression)
		assert.InDeltaSlice(t, want, f.value(lines, 5), 1e-9, expression)
	}
	for _, expression := range []string{"", "a +", "(a", "IF(a, b)", "2a", "a b", "DIFF(a", "a, b"} {
		_, err := parseFormula(expression)
		assert.Error(t, err, expression)
	}
}

func FuzzAFormulaThatIsReadHasAFigureForEachPeriod(f *testing.F) {
	for _, seed := range []string{"IF(DIFF(c0) > 0, DIFF(c0), 0)", "a+b*(2-1)/3", "((((", "a>=b==c", "IF(,,)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		formula, err := parseFormula(text)
		if err != nil {
			return
		}
		lines := map[string][]float64{}
		for _, name := range formula.names {
			lines[name] = []float64{1, math.NaN(), 3}
		}
		assert.Len(t, formula.value(lines, 3), 3, text)
	})
}

func TestAQueryFindsTheNewestLinesThatItsFilterKeeps(t *testing.T) {
	logs, start := &Logs{}, time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for i, text := range []string{
		`{"msg":"decision","actions":["launch 1"],"error":""}`,
		`{"msg":"decision","actions":null,"error":""}`,
		`{"msg":"decision","actions":[],"error":"refused"}`,
		`{"msg":"started"}`,
		`no JSON`,
		`{"msg":"decision","actions":["drain i-1","drain i-2"],"n":2.5}`,
	} {
		logs.Add("g", text, start.Add(time.Duration(i)*time.Minute))
	}
	logs.Add("other", `{"msg":"decision","actions":["other"]}`, start)
	q, err := parseQuery("SOURCE 'g' | fields @timestamp, actions.0, n | filter msg = 'decision' and (ispresent(actions.0) or error != '') | sort @timestamp desc | limit 2")
	require.NoError(t, err)
	clock := func(at time.Time) string { return at.Format("15:04") }
	assert.Equal(t, [][]string{{"12:05", "drain i-1", "2.5"}, {"12:02", "", ""}}, logs.ask(q, clock))
	q.limit = 10
	assert.Len(t, logs.ask(q, clock), 3)
	named, err := parseQuery("SOURCE 'g' | fields @timestamp, coalesce(why, n, msg) as reason,actions.0 as done | limit 2")
	require.NoError(t, err)
	assert.Equal(t, []string{"@timestamp", "reason", "done"}, named.labels())
	assert.Equal(t, [][]string{{"12:05", "2.5", "drain i-1"}, {"12:04", "", ""}}, logs.ask(named, clock))
	for _, wrong := range []string{"coalesce(a", "a as b as c", "a b", "lower(a)"} {
		_, err = parseQuery("SOURCE 'g' | fields " + wrong)
		require.ErrorContains(t, err, "is no field", wrong)
	}
}

func FuzzAQuery(f *testing.F) {
	for _, seed := range []string{"SOURCE 'g' | fields a, coalesce(b, c) as d | filter a = 'b c' or (b != '' and ispresent(c))", "filter ((", "SOURCE|fields|filter", "fields a | limit -1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := parseQuery(text)
		if err != nil {
			return
		}
		logs := &Logs{}
		for _, group := range q.groups {
			logs.Add(group, `{"a":"b c","c":1}`, time.Time{})
		}
		for _, row := range logs.ask(q, time.Time.String) {
			assert.Len(t, row, len(q.columns), text)
		}
	})
}

func TestLogsRememberTheLastLinesOfEachGroup(t *testing.T) {
	logs := &Logs{}
	for range 5 * keptLines {
		logs.Add("g", "{}", time.Time{})
	}
	assert.GreaterOrEqual(t, len(logs.groups["g"]), keptLines)
	assert.LessOrEqual(t, len(logs.groups["g"]), 2*keptLines)
}

func TestALineHasTheUnitThatItsMetricIsPublishedWith(t *testing.T) {
	for name, unit := range map[string]string{"RoundTripMillis": "Milliseconds", "Participants": "Count", "SendKilobits": "Kilobits/Second"} {
		assert.Equal(t, unit, unitOf(metrics.Series{Namespace: "JitsiFleet", Name: name}))
	}
	assert.Equal(t, "Milliseconds", unitOf(metrics.Series{Namespace: "AWS/Lambda", Name: "Duration"}))
}

func TestFiguresAreShortAndHolesAreNull(t *testing.T) {
	raw, err := figures{1, 123456789, 0.123456, math.NaN(), math.Inf(1)}.MarshalJSON()
	require.NoError(t, err)
	assert.JSONEq(t, `[1,123456789,0.1235,null,null]`, string(raw))
}

func TestAHAProxyNodesStatisticsAreRead(t *testing.T) {
	p := slotPicture{}
	rows := func(text string) [][]string {
		var all [][]string
		for line := range strings.Lines(text) {
			all = append(all, strings.Split(strings.TrimSpace(line), ","))
		}
		return all
	}
	require.NoError(t, p.read(rows("# pxname,svname,qcur,scur,status\nclients,FRONTEND,0,62,OPEN\nstatistics,FRONTEND,0,1,OPEN\n"+
		"rooms,shard-1,0,40,UP\nrooms,shard-2,0,22,DRAIN (agent)\nrooms,BACKEND,0,62,UP\n")))
	assert.Equal(t, 62, p.Sessions)
	assert.Equal(t, []serverPicture{{"shard-1", "UP"}, {"shard-2", "DRAIN (agent)"}}, p.Servers)
	require.Error(t, p.read(nil))
	require.Error(t, p.read(rows("# pxname,svname\n")))
}
