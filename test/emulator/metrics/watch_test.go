package metrics

import (
	"context"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// changesWith runs alarms on data that breach from the beginning, and returns when in its minute each fired.
func changesWith(t *testing.T, turns int) map[time.Duration]int {
	t.Helper()
	fired := map[time.Duration]int{}
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		store := &Store{}
		w := &Watch{Store: store, Turns: turns, OnChange: func(c Change) { fired[c.At.Sub(began)%time.Minute]++ }}
		for n := range 40 {
			series := Series{Namespace: "N", Name: strconv.Itoa(n)}
			store.Put(series, Point{began, 1})
			require.NoError(t, w.Add(Alarm{Name: "alarm-" + strconv.Itoa(n), Series: series, Statistic: "Maximum", Period: time.Minute,
				Periods: 1, Datapoints: 1, Threshold: 1, Comparison: "GreaterThanOrEqualToThreshold", Missing: "ignore"}))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		w.Run(ctx)
	})
	return fired
}

func TestAllAlarmsAreEvaluatedAtOnceWithoutTurns(t *testing.T) {
	assert.Equal(t, map[time.Duration]int{0: 40}, changesWith(t, 0))
}

func TestAlarmsWithTurnsAreEvaluatedOverTheWholeMinuteOnceEach(t *testing.T) {
	total := 0
	fired := changesWith(t, 12)
	for at, n := range fired {
		assert.Zero(t, at%(5*time.Second))
		total += n
	}
	assert.Equal(t, 40, total)
	assert.Greater(t, len(fired), 6, "they are spread")
}

func TestASlowLookIntoQueuesLetsNoAlarmMissAMinute(t *testing.T) {
	fired := 0
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		store := &Store{}
		w := &Watch{Store: store, Turns: 12, OnChange: func(c Change) {
			if c.To == InAlarm {
				fired++
			}
		}, Collect: func(context.Context) { time.Sleep(45 * time.Second) }}
		for n := range 40 {
			series := Series{Namespace: "N", Name: strconv.Itoa(n)}
			store.Put(series, Point{began.Add(70 * time.Second), 1})
			store.Put(series, Point{began.Add(130 * time.Second), 0})
			require.NoError(t, w.Add(Alarm{Name: "alarm-" + strconv.Itoa(n), Series: series, Statistic: "Maximum", Period: time.Minute,
				Periods: 1, Datapoints: 1, Threshold: 1, Comparison: "GreaterThanOrEqualToThreshold", Missing: "notBreaching"}))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		w.Run(ctx)
	})
	assert.Equal(t, 40, fired, "one minute breached")
}

func TestANewAlarmIsLeftAloneUntilItHasDataOfAllItsPeriods(t *testing.T) {
	store, began := &Store{}, time.Now().Truncate(time.Minute)
	w := &Watch{Store: store, Settle: 10 * time.Minute}
	series := Series{Namespace: "N", Name: "runs"}
	require.NoError(t, w.Add(Alarm{Name: "idle", Series: series, Statistic: "Sum", Period: time.Minute, Periods: 5, Datapoints: 3,
		Threshold: 0, Comparison: "LessThanOrEqualToThreshold", Missing: "breaching"}))
	for minute := range 5 {
		store.Put(series, Point{began.Add(time.Duration(minute)*time.Minute + time.Second), 1})
		changes := w.Check(began.Add(time.Duration(minute+1) * time.Minute))
		if minute < 4 {
			assert.Empty(t, changes, "after %d minutes", minute+1)
			continue
		}
		require.Len(t, changes, 1)
		assert.Equal(t, OK, changes[0].To)
	}
}

func TestAnAlarmThatNeverHadDataIsLeftAloneWhileItSettles(t *testing.T) {
	store, began := &Store{}, time.Now().Truncate(time.Minute)
	w := &Watch{Store: store, Settle: 3 * time.Minute}
	for _, name := range []string{"seen", "unseen"} {
		require.NoError(t, w.Add(Alarm{Name: name, Series: Series{Namespace: "N", Name: name}, Statistic: "Maximum", Period: time.Minute,
			Periods: 1, Datapoints: 1, Threshold: 1, Comparison: "GreaterThanOrEqualToThreshold", Missing: "breaching"}))
	}
	store.Put(Series{Namespace: "N", Name: "seen"}, Point{began.Add(time.Second), 0})
	changed := func(after time.Duration) []string {
		var names []string
		for _, c := range w.Check(began.Add(after)) {
			names = append(names, c.Alarm.Name+" "+string(c.To))
		}
		return names
	}
	assert.Equal(t, []string{"seen OK"}, changed(time.Minute))
	assert.Equal(t, []string{"seen ALARM", "unseen ALARM"}, changed(4*time.Minute+time.Second), "the one fell silent, the other never spoke")
}
