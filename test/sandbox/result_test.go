package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/metrics"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/scaling"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/scenario"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/visit"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

// plan is an hour that expects 2 to 4 bridges in its middle.
func plan(t *testing.T) scenario.Scenario {
	t.Helper()
	p, err := scenario.Parse([]byte(`{"name": "an hour", "start": "08:00", "end": "09:00", "seed": 1,
		"curve": [{"at": "08:00", "participants": 0}], "expect": [{"at": "08:30", "bridges": 3, "within": 1}]}`))
	require.NoError(t, err)
	return p
}

// two is a fleet of one shard whose minimum is two bridges.
func two() settings.Settings {
	s := settings.Defaults()
	s.Shards = []settings.Shard{{Name: "one", ID: 1}}
	return s
}

// good is what a run leaves in which nothing went wrong.
func good(t *testing.T) *result {
	t.Helper()
	r := newResult(&stage{options: options{factor: 240}, ticks: 15}, plan(t))
	r.Rows = []row{
		{Time: "08:00", Offset: 0, Running: 2},
		{Time: "08:29", Offset: 29 * 60, Participants: 90, Wanted: 3, Running: 3, Stress: 0.5},
		{Time: "08:31", Offset: 31 * 60, Running: 9, Booting: 1},
		{Time: "09:00", Offset: 3600, Running: 2},
	}
	return r
}

func TestVerdict(t *testing.T) {
	for name, c := range map[string]struct {
		change func(r *result)
		says   string // nothing is a success
	}{
		"a run in which nothing went wrong is a success":  {func(*result) {}, ""},
		"refusals that were made good are no failure":     {func(r *result) { r.Users.Retried = 9 }, ""},
		"moving participants is no failure":               {func(r *result) { r.Participants.Moved = 9 }, ""},
		"one who was dropped is a failure":                {func(r *result) { r.Participants.Dropped = 1 }, "1 participants were dropped"},
		"one who was never let in is a failure":           {func(r *result) { r.Users.Missed = 1 }, "1 visits were never let in"},
		"a room on two shards is a failure":               {func(r *result) { r.Users.Moves = []visit.Move{{Room: "a"}, {Room: "b"}, {Room: "a"}} }, "rooms were seen on two shards: a, b"},
		"what AWS would have refused is a failure":        {func(r *result) { r.Problems = []string{"denied", "lost"} }, "AWS would have refused or lost 2 things, first: denied"},
		"a bridge more within the expectation is none":    {func(r *result) { r.Rows[1].Running = 4 }, ""},
		"a bridge less within the expectation is none":    {func(r *result) { r.Rows[1].Running = 2 }, ""},
		"more bridges than expected are a failure":        {func(r *result) { r.Rows[1].Running = 5 }, "at 08:30 5 bridges ran, and 3 within 1 were expected"},
		"fewer bridges than expected are a failure":       {func(r *result) { r.Rows[1].Running = 1 }, "at 08:30 1 bridges ran, and 3 within 1 were expected"},
		"a bridge above the minimum at the end is a fail": {func(r *result) { r.Rows[3].Running = 3 }, "at the end 3 bridges run, 0 are a reserve, 0 boot and 0 leave, and the minimum is 2"},
		"a bridge below the minimum at the end is one":    {func(r *result) { r.Rows[3].Running = 1 }, "at the end 1 bridges run"},
		"a bridge that boots at the end is one":           {func(r *result) { r.Rows[3].Booting = 1 }, "2 bridges run, 0 are a reserve, 1 boot and 0 leave"},
		"a reserve at the end is one":                     {func(r *result) { r.Rows[3].Reserve = 1 }, "1 are a reserve"},
		"a reserve counts as what was expected":           {func(r *result) { r.Rows[1].Running, r.Rows[1].Reserve = 1, 2 }, ""},
		"a bridge that drains at the end is one":          {func(r *result) { r.Rows[3].Draining = 1 }, "and 1 leave"},
	} {
		t.Run(name, func(t *testing.T) {
			r := good(t)
			c.change(r)
			r.decide(two(), nil, nil)
			assert.Equal(t, c.says == "", r.Success, r.Failures)
			if c.says == "" {
				assert.Empty(t, r.Failures)
				return
			}
			require.Len(t, r.Failures, 1)
			assert.Contains(t, r.Failures[0], c.says)
		})
	}
}

func TestTheMinimumIsThatOfAllShards(t *testing.T) {
	fleet := two()
	fleet.Shards = append(fleet.Shards, settings.Shard{Name: "two", ID: 2, MinBridges: 5})
	r := good(t)
	r.decide(fleet, nil, nil)
	require.Len(t, r.Failures, 1)
	assert.Contains(t, r.Failures[0], "the minimum is 7")
}

func TestFaultsAreJudged(t *testing.T) {
	kill := fault{Fault: scenario.Fault{Kind: scenario.KillBridge, At: "08:10"}, begun: true, victim: "i-1"}
	silence := fault{Fault: scenario.Fault{Kind: scenario.SilenceAgents, At: "08:10", Until: "08:20"}, begun: true, over: true}
	notBegun, notOver := kill, silence
	notBegun.begun, notOver.over = false, false
	for name, c := range map[string]struct {
		fault     fault
		instances []machine
		rejoined  int64
		says      string
	}{
		"a killed bridge that was replaced":        {kill, []machine{{Machine: scaling.Machine{ID: "i-2"}}}, 3, ""},
		"a killed bridge that is still there":      {kill, []machine{{Machine: scaling.Machine{ID: "i-1"}}}, 3, "the killed bridge i-1 was not replaced"},
		"a killed bridge whose people stayed away": {kill, nil, 0, "nobody from the killed bridge i-1 rejoined elsewhere"},
		"a fault that did not happen":              {notBegun, nil, 3, `the fault "kill bridge" at 08:10 was never begun`},
		"a silence that ended":                     {silence, nil, 0, ""},
		"a silence that lasted to the very end":    {notOver, nil, 0, "the agents were still silent at the end"},
	} {
		t.Run(name, func(t *testing.T) {
			r := good(t)
			r.Participants.Rejoined = c.rejoined
			r.decide(two(), c.instances, []fault{c.fault})
			if c.says == "" {
				assert.True(t, r.Success, r.Failures)
				return
			}
			assert.Equal(t, []string{c.says}, r.Failures)
		})
	}
}

func TestSilenceIsJudged(t *testing.T) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	fired := func(name string, to metrics.State, after time.Duration) metrics.Change {
		return metrics.Change{Alarm: metrics.Alarm{Name: name}, To: to, At: began.Add(after)}
	}
	alarm := fired("fleet-one-telemetry-silent", metrics.InAlarm, time.Second)
	for name, c := range map[string]struct {
		ended   []string
		running int
		alarms  []metrics.Change
		says    []string
	}{
		"nothing was ended and the alarm fired": {[]string{"before"}, 5, []metrics.Change{alarm}, nil},
		"more bridges run than before":          {[]string{"before"}, 6, []metrics.Change{alarm}, nil},
		"an instance was ended":                 {[]string{"before", "terminate i-1"}, 5, []metrics.Change{alarm}, []string{"1 instances were ended while every agent was silent"}},
		"the fleet shrank":                      {[]string{"before"}, 4, []metrics.Change{alarm}, []string{"5 bridges ran when the agents fell silent, 4 at the end of the silence"}},
		"no alarm fired":                        {[]string{"before"}, 5, nil, []string{"the alarm for silent telemetry did not fire"}},
		"the alarm fired only before":           {[]string{"before"}, 5, []metrics.Change{fired("silent", metrics.InAlarm, -time.Second)}, []string{"the alarm for silent telemetry did not fire"}},
		"the alarm only came back":              {[]string{"before"}, 5, []metrics.Change{fired("silent", metrics.OK, time.Second)}, []string{"the alarm for silent telemetry did not fire"}},
		"another alarm fired":                   {[]string{"before"}, 5, []metrics.Change{fired("at-maximum", metrics.InAlarm, time.Second)}, []string{"the alarm for silent telemetry did not fire"}},
		"every failure is told":                 {[]string{"before", "a", "b"}, 1, nil, []string{"2 instances were ended while every agent was silent", "5 bridges ran when the agents fell silent, 1 at the end of the silence", "the alarm for silent telemetry did not fire"}},
	} {
		t.Run(name, func(t *testing.T) {
			j := newJournal()
			j.ended, j.alarms = c.ended, c.alarms
			r := good(t)
			r.silence(j, row{Running: c.running}, &fault{begun: true, at: began, endings: 1, running: 5})
			assert.Equal(t, c.says, r.Failures)
		})
	}
}

func TestJudgeAsksTheStage(t *testing.T) {
	cloud, err := emulator.Start(emulator.Options{Moto: "http://127.0.0.1:1"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = cloud.Close() })
	s := &stage{cloud: cloud, world: standin.New(standin.Options{Clock: time.Now}), journal: newJournal(), settings: two()}
	s.journal.alarms = []metrics.Change{{Alarm: metrics.Alarm{Name: "frozen"}, To: metrics.InAlarm, Reason: "why"}}
	r := good(t)
	r.judge(s, visit.Tally{Joined: 4, Missed: 2}, []fault{{Fault: scenario.Fault{Kind: scenario.KillBridge, At: "08:10"}}})
	assert.Equal(t, []string{"2 visits were never let in", `the fault "kill bridge" at 08:10 was never begun`}, r.Failures)
	assert.Equal(t, []string{"frozen: why"}, r.Alarms)
	assert.Equal(t, 4, r.Users.Joined)
}

func TestTheResultIsPublishedForPeopleAndPrograms(t *testing.T) {
	r := good(t)
	r.decide(two(), nil, nil)
	dir := t.TempDir()
	require.NoError(t, r.publish(options{dir: dir}, &progress{to: io.Discard}))
	raw, err := os.ReadFile(filepath.Join(dir, "result.json"))
	require.NoError(t, err)
	var written map[string]any
	require.NoError(t, json.Unmarshal(raw, &written))
	assert.Equal(t, map[string]any{
		"scenario": "an hour", "factor": 240.0, "ticksPerHour": 15.0, "success": true,
		"users": map[string]any{"joined": 0.0, "retried": 0.0, "missed": 0.0},
		"participants": map[string]any{"joined": 0.0, "left": 0.0, "refused": 0.0, "moved": 0.0, "rejoined": 0.0,
			"interruptionSeconds": 0.0, "dropped": 0.0},
		"expectations": []any{map[string]any{"at": "08:30", "bridges": 3.0, "within": 1.0, "found": 3.0}},
		"rows":         written["rows"],
	}, written)
	rows, _ := written["rows"].([]any)
	require.Len(t, rows, 4)
	assert.Equal(t, map[string]any{"time": "08:29", "offset": 1740.0, "participants": 90.0, "wanted": 3.0, "running": 3.0,
		"reserve": 0.0, "booting": 0.0, "draining": 0.0, "dropped": 0.0, "stress": 0.5}, rows[1])
	assert.FileExists(t, filepath.Join(dir, "day.png"))
}
