package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/metrics"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/scenario"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

func TestThePoolsDipsAreTimedFromWhatLastTookARecorder(t *testing.T) {
	at := func(s int) time.Time { return began.Add(time.Duration(s) * time.Second) }
	var w poolWatch
	w.look(at(0), 3, 3)
	w.pressed = at(1)
	w.look(at(1), 2, 3)
	w.look(at(4), 2, 3)
	w.pressed = at(5)
	w.look(at(5), 1, 3)
	w.look(at(9), 4, 3)
	assert.Equal(t, 4*time.Second, w.longest, "not from the first one, while others were taken")
	w.pressed = at(20)
	w.look(at(20), 2, 3)
	w.look(at(22), 3, 3)
	assert.Equal(t, 4*time.Second, w.longest)
	assert.Equal(t, 8*time.Second, w.whole)
	assert.Equal(t, 2, w.dips)
}

func TestTheCatalogueIsAskedForTheDaysOfRecordingsThatItDoesNotKnow(t *testing.T) {
	var c catalogueWatch
	sessions := []standin.Session{
		{ID: "a", Encoded: began, Bytes: 1}, {ID: "b", Encoded: began.Add(24 * time.Hour), Bytes: 1}, {ID: "c", Encoded: began, Bytes: 1},
		{ID: "no media yet", Encoded: began.Add(48 * time.Hour)},
	}
	assert.Equal(t, []string{"2026-11-22", "2026-11-23"}, c.unknown(sessions))
	c.learn("a", began)
	c.learn("c", began.Add(time.Second))
	c.learn("a", began.Add(time.Minute))
	assert.Equal(t, []string{"2026-11-23"}, c.unknown(sessions))
	assert.Equal(t, map[string]time.Time{"a": began, "c": began.Add(time.Second)}, c.all(), "since it was first seen")
	assert.True(t, c.knows("a"))
	assert.False(t, c.knows("b"))
}

func TestAnAnnouncementThatComesTwiceIsOfOneSession(t *testing.T) {
	end := ended{Recording: recording.Recording{Session: "s-1"}}
	assert.Equal(t, []string{"s-1", "s-2"}, distinctEnds([]ended{end, {Recording: recording.Recording{Session: "s-2"}}, end}))
}

func TestVerdictOnAlarms(t *testing.T) {
	played := func(kinds ...scenario.FaultKind) []fault {
		var all []fault
		for _, k := range kinds {
			all = append(all, fault{Fault: scenario.Fault{Kind: k}, begun: true})
		}
		return all
	}
	for name, c := range map[string]struct {
		faults []fault
		fired  []fired
		says   string // nothing is a success
	}{
		"no alarm":                              {nil, nil, ""},
		"what only wakes a loop":                {nil, []fired{{"jibris-missing", "0"}}, ""},
		"an alarm that nothing explains":        {nil, []fired{{"jibris-frozen", "1"}}, "the alarm jibris-frozen fired, which nothing that was played explains: 1"},
		"an alarm that a fault explains":        {played(scenario.RefuseUploads), []fired{{"uploads-fail", "1"}}, ""},
		"an alarm that another fault explains":  {played(scenario.CrashRecorder), []fired{{"uploads-fail", "1"}}, "the alarm uploads-fail fired"},
		"a loss that nobody is told of":         {played(scenario.LoseRecorder), nil, "the alarm recordings-failed did not fire"},
		"a loss that is told":                   {played(scenario.LoseRecorder), []fired{{"recordings-failed", "1"}}, ""},
		"functions that fail while AWS refuses": {played(scenario.RefuseServices), []fired{{"jibris-errors", "1"}, {"metrics-throttles", "1"}}, ""},
		"ticks that were lost with Lambda":      {played(scenario.RefuseServices), []fired{{"recordings-dead-not-empty", "1"}}, ""},
		"ticks that were lost otherwise":        {played(scenario.RefuseUploads), []fired{{"recordings-dead-not-empty", "1"}}, "recordings-dead-not-empty fired"},
		"dead letters, whatever was refused":    {played(scenario.RefuseServices), []fired{{"recordings-undelivered-not-empty", "1"}}, "recordings-undelivered-not-empty fired"},
	} {
		t.Run(name, func(t *testing.T) {
			r := good(t)
			r.judgeAlarms(c.faults, c.fired)
			if c.says == "" {
				assert.Empty(t, r.Failures)
				return
			}
			assert.Len(t, r.Failures, 1)
			assert.Contains(t, r.Failures[0], c.says)
		})
	}
}

func TestAlarmsAreTakenInSinceTheBeginning(t *testing.T) {
	j := newJournal()
	for i, to := range []metrics.State{metrics.InAlarm, metrics.InAlarm, metrics.OK} {
		j.alarmChanged(metrics.Change{Alarm: metrics.Alarm{Name: "sandbox-late"}, To: to, At: began.Add(time.Duration(i) * time.Second), Reason: "why"})
	}
	assert.Equal(t, []fired{{"late", "why"}}, j.firedSince(began.Add(time.Second), "sandbox"))
}
