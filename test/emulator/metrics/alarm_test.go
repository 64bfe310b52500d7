package metrics

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/pace"
)

// load is an alarm on values of 5 and more.
func load(edit func(*Alarm)) Alarm {
	a := Alarm{Name: "load", ARN: "arn:load", Series: Series{"N", "Load", map[string]string{"Fleet": "f"}}, Statistic: "Maximum",
		Period: time.Minute, Periods: 3, Datapoints: 3, Threshold: 5, Comparison: "GreaterThanOrEqualToThreshold",
		Missing: "missing", ActionsEnabled: true, AlarmActions: []string{"alarm"}, OKActions: []string{"ok"},
		InsufficientActions: []string{"insufficient"}}
	if edit != nil {
		edit(&a)
	}
	return a
}

// TestMissingDataIsTreatedAsInAWSsTables plays the two tables of the documentation: X breaches, 0 does not, - is
// missing, the newest at the right.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
func TestMissingDataIsTreatedAsInAWSsTables(t *testing.T) {
	const retained = State("retained")
	for _, row := range []struct {
		data                                     string
		datapoints                               int
		missing, ignore, breaching, notBreaching State
	}{
		{"0-X-X", 3, OK, OK, OK, OK},
		{"----0", 3, OK, OK, OK, OK},
		{"-----", 3, Insufficient, retained, InAlarm, OK},
		{"0XX-X", 3, InAlarm, InAlarm, InAlarm, InAlarm},
		{"--X--", 3, InAlarm, retained, InAlarm, OK},
		{"0-X-X", 2, InAlarm, InAlarm, InAlarm, InAlarm},
		{"00X0X", 2, InAlarm, InAlarm, InAlarm, InAlarm},
		{"0-X--", 2, OK, OK, InAlarm, OK},
		{"----0", 2, OK, OK, InAlarm, OK},
		{"---X-", 2, InAlarm, retained, InAlarm, OK},
	} {
		for mode, want := range map[string]State{"missing": row.missing, "ignore": row.ignore,
			"breaching": row.breaching, "notBreaching": row.notBreaching} {
			a := load(func(a *Alarm) { a.Missing, a.Datapoints = mode, row.datapoints })
			got, _ := a.Evaluate(retained, periodsOf(row.data))
			assert.Equal(t, want, got, "%s, %d of 3, %s", row.data, row.datapoints, mode)
		}
	}
}

// periodsOf reads a row of the tables; the result is newest first.
func periodsOf(data string) [][]float64 {
	var periods [][]float64
	for _, c := range data {
		switch c {
		case 'X':
			periods = append(periods, []float64{9})
		case '0':
			periods = append(periods, []float64{1})
		default:
			periods = append(periods, nil)
		}
	}
	slices.Reverse(periods)
	return periods
}

func TestStatisticsAndComparisons(t *testing.T) {
	values := []float64{4, 1, 3, 2}
	for name, want := range map[string]float64{"Average": 2.5, "Sum": 10, "Minimum": 1, "Maximum": 4, "SampleCount": 4,
		"p0": 1, "p50": 2.5, "p100": 4, "p90": 3.7} {
		got, ok, err := statistic(name, values)
		require.NoError(t, err)
		assert.True(t, ok)
		assert.InDelta(t, want, got, 1e-9, name)
	}
	for comparison, want := range map[string][3]bool{
		"GreaterThanOrEqualToThreshold": {false, true, true}, "GreaterThanThreshold": {false, false, true},
		"LessThanThreshold": {true, false, false}, "LessThanOrEqualToThreshold": {true, true, false},
	} {
		a := load(func(a *Alarm) { a.Comparison = comparison })
		for i, v := range []float64{4, 5, 6} {
			got, err := a.breaches(v)
			require.NoError(t, err)
			assert.Equal(t, want[i], got, "%s %v", comparison, v)
		}
	}
}

func TestAnAlarmThatCloudWatchRefusesIsRefused(t *testing.T) {
	for name, edit := range map[string]func(*Alarm){
		"an unknown statistic":                 func(a *Alarm) { a.Statistic = "tm90" },
		"an unknown comparison":                func(a *Alarm) { a.Comparison = "GreaterThanUpperThreshold" },
		"more datapoints than periods":         func(a *Alarm) { a.Datapoints = 4 },
		"a period below ten seconds":           func(a *Alarm) { a.Period = time.Second },
		"an unknown treatment of missing data": func(a *Alarm) { a.Missing = "ok" },
	} {
		t.Run(name, func(t *testing.T) {
			w := &Watch{Store: &Store{}}
			assert.Error(t, w.Add(load(edit)))
			assert.Empty(t, w.Alarms())
		})
	}
}

func TestMoreBreachingDataNeverEndsAnAlarm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := load(func(a *Alarm) {
			a.Periods = rapid.IntRange(1, 6).Draw(t, "periods")
			a.Datapoints = rapid.IntRange(1, a.Periods).Draw(t, "datapoints")
			a.Missing = rapid.SampledFrom([]string{"missing", "ignore", "breaching", "notBreaching"}).Draw(t, "missing")
		})
		current := rapid.SampledFrom([]State{OK, InAlarm, Insufficient}).Draw(t, "current")
		data := rapid.StringOfN(rapid.SampledFrom([]rune("X0-")), a.Periods+extra, a.Periods+extra, -1).Draw(t, "data")
		before, _ := a.Evaluate(current, periodsOf(data))
		worse := []rune(data)
		if at := rapid.IntRange(0, len(worse)-1).Draw(t, "at"); worse[at] == '0' {
			worse[at] = 'X'
		}
		after, _ := a.Evaluate(current, periodsOf(string(worse)))
		if before == InAlarm && after != InAlarm {
			t.Fatalf("%s is in alarm and %s is %s", data, string(worse), after)
		}
	})
}

func TestAWatchReportsChangesOnceWithTheirActions(t *testing.T) {
	start := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	w := &Watch{Clock: pace.Clock{Factor: 1}, Store: &Store{}}
	a := load(func(a *Alarm) { a.Periods, a.Datapoints = 1, 1 })
	require.NoError(t, w.Add(a))
	put := func(minute int, v float64) {
		w.Store.Put(a.Series, Point{start.Add(time.Duration(minute) * time.Minute), v})
	}
	check := func(minute int) []Change { return w.Check(start.Add(time.Duration(minute)*time.Minute + time.Second)) }
	assert.Empty(t, check(0), "a new alarm has no data, and that is its state")
	put(0, 7)
	changes := check(1)
	require.Len(t, changes, 1)
	assert.Equal(t, []string{"alarm"}, changes[0].Actions())
	put(1, 8)
	assert.Empty(t, check(2), "it goes on")
	put(2, 1)
	changes = check(3)
	require.Len(t, changes, 1)
	assert.Equal(t, []string{"ok"}, changes[0].Actions())
	changes = check(10)
	require.Len(t, changes, 1)
	assert.Equal(t, []string{"insufficient"}, changes[0].Actions())
	changes[0].Alarm.ActionsEnabled = false
	assert.Empty(t, changes[0].Actions())
	status, err := w.Alarm("load")
	require.NoError(t, err)
	assert.Equal(t, Insufficient, status.State)
	assert.Len(t, status.History, 3)
	require.NoError(t, w.Add(a))
	again, err := w.Alarm("load")
	require.NoError(t, err)
	assert.Equal(t, status, again, "an alarm that is deployed again keeps its state")
	_, err = w.Alarm("none")
	assert.ErrorContains(t, err, "no template has it")
}
