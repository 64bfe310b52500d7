package metrics

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestARuleHoldsAsItReads(t *testing.T) {
	states := map[string]State{"on": InAlarm, "off": OK, "new": Insufficient}
	for text, want := range map[string]bool{
		`ALARM("on")`: true, `ALARM("off")`: false, `OK("off")`: true, `INSUFFICIENT_DATA("new")`: true, `NOT ALARM("new")`: true,
		`(ALARM("on") OR ALARM("off")) AND NOT (ALARM("new") OR ALARM("off"))`: true,
		`ALARM("on") AND NOT ALARM("on")`:                                      false,
		`ALARM("on") OR ALARM("off") AND ALARM("off")`:                         true, // AND binds closer
		`(ALARM("on") OR ALARM("off")) AND ALARM("off")`:                       false,
		`NOT (NOT ALARM("on"))`:                                                true,
	} {
		rule, err := ParseRule(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, rule.holds(func(name string) State { return states[name] }), text)
	}
}

func TestARuleThatIsNoneIsRefused(t *testing.T) {
	for _, text := range []string{"", `ALARM(`, `ALARM("a"`, `ALARM("a") ALARM("b")`, `ALARM("a") AND`, `WARN("a")`, `ALARM("")`, `(ALARM("a")`, `ALARM("a")) `, `alarm("a")`, `NOT`} {
		_, err := ParseRule(text)
		assert.Error(t, err, text)
	}
}

func FuzzARuleIsReadOrRefused(f *testing.F) {
	f.Add(`(ALARM("on") OR OK("off")) AND NOT ALARM("x")`)
	f.Fuzz(func(_ *testing.T, text string) {
		if rule, err := ParseRule(text); err == nil {
			rule.holds(func(string) State { return OK })
		}
	})
}

func composite(t *testing.T, name, text string) Alarm {
	t.Helper()
	rule, err := ParseRule(text)
	require.NoError(t, err)
	return Alarm{Name: name, Rule: &rule, ActionsEnabled: true, AlarmActions: []string{"arn:page"}, OKActions: []string{"arn:page"}}
}

func TestOneFailureThatShowsInTwoAlarmsSendsOneMessage(t *testing.T) {
	store, began := &Store{}, time.Now().Truncate(time.Minute)
	w := &Watch{Store: store}
	for _, name := range []string{"first", "second", "root"} {
		require.NoError(t, w.Add(Alarm{Name: name, Series: Series{Namespace: "N", Name: name}, Statistic: "Maximum", Period: time.Minute,
			Periods: 1, Datapoints: 1, Threshold: 1, Comparison: "GreaterThanOrEqualToThreshold", Missing: "notBreaching"}))
	}
	require.NoError(t, w.Add(composite(t, "whole", `(ALARM("first") OR ALARM("second")) AND NOT (ALARM("root"))`)))
	require.NoError(t, w.Add(composite(t, "stray", `ALARM("nobody")`)))
	minute := 0
	sent := func(breaching ...string) []State {
		at := began.Add(time.Duration(minute) * time.Minute)
		for _, name := range []string{"first", "second", "root"} {
			value := 0.0
			if slices.Contains(breaching, name) {
				value = 1
			}
			store.Put(Series{Namespace: "N", Name: name}, Point{at.Add(time.Second), value})
		}
		minute++
		var states []State
		for _, c := range w.Check(at.Add(time.Minute)) {
			for range c.Actions() {
				states = append(states, c.To)
				var message map[string]any
				require.NoError(t, json.Unmarshal(c.Message("1", "eu-central-1"), &message))
				assert.Equal(t, c.Alarm.Rule.Text, message["AlarmRule"])
			}
		}
		return states
	}
	for _, step := range []struct {
		name      string
		breaching []string
		want      []State
	}{
		{"all is well", nil, []State{OK}},
		{"the first part", []string{"first"}, []State{InAlarm}},
		{"and the second", []string{"first", "second"}, nil},
		{"one of them is over", []string{"second"}, nil},
		{"both are", nil, []State{OK}},
		{"the root and what follows from it", []string{"first", "root"}, nil},
		{"the root is over first", []string{"first"}, []State{InAlarm}},
	} {
		assert.Equal(t, step.want, sent(step.breaching...), step.name)
	}
	stray, err := w.Alarm("stray")
	require.NoError(t, err)
	assert.Equal(t, Insufficient, stray.State)
}
