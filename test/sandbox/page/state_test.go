package page

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/scaling"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

func get(t *testing.T, address string, into any) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	if into != nil {
		require.NoError(t, json.Unmarshal(raw, into), string(raw))
	}
	return response.StatusCode
}

func TestTheStateHasTheFleetTheAlarmsAndWhatWasTold(t *testing.T) {
	p := busyPage(t)
	address := serve(t, p)
	var s state
	require.Equal(t, http.StatusOK, get(t, address+"state.json", &s))
	assert.Equal(t, 84, s.Participants)
	assert.Equal(t, 6, s.Rooms)
	require.Len(t, s.Fleet.Shards, 2)
	first := s.Fleet.Shards[0]
	assert.True(t, first.Serves)
	assert.Equal(t, roomPicture{"room-1", 31, true, false}, first.Rooms[0], "the largest room comes first and is recorded")
	assert.True(t, first.Rooms[2].Split)
	phases := map[string]int{}
	for _, b := range first.Bridges {
		phases[b.Phase]++
	}
	assert.Equal(t, map[string]int{"booting": 1, "serving": 3, "draining": 1}, phases)
	assert.Len(t, s.Fleet.Recorders, 3)
	require.Len(t, s.Fleet.Slots, 2)
	assert.False(t, s.Fleet.Slots[0].Answers, "there is no HAProxy")
	require.Equal(t, "page", s.Alarms[0].Severity)
	assert.Equal(t, "ALARM", s.Alarms[0].State)
	assert.NotEmpty(t, s.Alarms[0].Heading)
	assert.Equal(t, "decision", s.Told[0].Kind, "the newest comes first")
	assert.Equal(t, "10:40", s.Told[0].At, "in the scenario's time")
	assert.False(t, s.Verdict.Over)
	p.End([]string{"two people were dropped"})
	require.Equal(t, http.StatusOK, get(t, address+"state.json", &s))
	assert.True(t, s.Verdict.Over)
	assert.Len(t, s.Verdict.Failures, 1)
}

func TestEveryAlarmsRunbookHeadingIsInTheRunbook(t *testing.T) {
	p := busyPage(t)
	address := serve(t, p)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"runbook.md", http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	for _, a := range p.alarms() {
		assert.Contains(t, string(text), "### "+a.Heading+"\n", a.Name)
	}
}

func TestADashboardHasFiguresForEachOfItsLines(t *testing.T) {
	p := busyPage(t)
	address := serve(t, p)
	for _, d := range p.source.Dashboards {
		for span := range spans {
			var drawn struct {
				N       int
				Step    float64
				Widgets []struct {
					Title string
					Lines []struct{ Values []*float64 }
				}
			}
			require.Equal(t, http.StatusOK, get(t, address+"dashboard.json?span="+span+"&name="+url.QueryEscape(d.Name), &drawn))
			assert.Len(t, drawn.Widgets, len(d.Widgets))
			for _, w := range drawn.Widgets {
				for _, l := range w.Lines {
					assert.Len(t, l.Values, drawn.N, w.Title)
				}
			}
		}
	}
	assert.Equal(t, http.StatusNotFound, get(t, address+"dashboard.json?name=none", nil))
}

func TestALogWidgetHasWhatWasDecided(t *testing.T) {
	p := busyPage(t)
	var rows [][]string
	for _, d := range p.source.Dashboards {
		for _, w := range d.Widgets {
			if w.Type == "log" {
				drawn, err := p.widget(w, p.window(time.Now(), time.Hour))
				require.NoError(t, err)
				rows = append(rows, drawn.Rows...)
			}
		}
	}
	assert.Len(t, rows, 5, "a decision to do nothing is not shown")
}

func TestAWindowEndsNowAndHasFewEnoughFigures(t *testing.T) {
	p := &Page{}
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1_800_000_000, rapid.Int64Range(0, int64(time.Hour)).Draw(t, "now"))
		p.source.Factor = float64(rapid.IntRange(1, 600).Draw(t, "factor"))
		p.source.Minute = max(time.Duration(float64(time.Minute)/p.source.Factor), time.Second)
		p.source.Began = now.Add(-time.Duration(rapid.Int64Range(0, int64(2*time.Hour)).Draw(t, "ago")))
		win := p.window(now, time.Duration(rapid.IntRange(0, 24).Draw(t, "hours"))*time.Hour)
		assert.LessOrEqual(t, win.n, mostFigures+2)
		assert.GreaterOrEqual(t, win.n, 2)
		end := win.from.Add(time.Duration(win.n) * win.period)
		assert.True(t, end.After(now) && !end.After(now.Add(win.period)), "%s ends at %s", now, end)
		assert.Zero(t, win.period%p.source.Minute)
	})
}

func TestAnotherNameThatLeadsHereIsRefused(t *testing.T) {
	address := serve(t, busyPage(t))
	for host, want := range map[string]int{"localhost:80": http.StatusOK, "127.0.0.1": http.StatusOK, "[::1]:80": http.StatusOK, "evil.example:80": http.StatusForbidden} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
		require.NoError(t, err)
		r.Host = host
		response, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		_ = response.Body.Close()
		assert.Equal(t, want, response.StatusCode, host)
	}
}

func TestPhases(t *testing.T) {
	up := standin.BridgeState{Up: true}
	for name, c := range map[string]struct {
		state string
		b     standin.BridgeState
		want  string
	}{
		"one that EC2 starts boots":                      {scaling.Pending, standin.BridgeState{}, "booting"},
		"one that is not admitted yet boots":             {scaling.PendingWait, up, "booting"},
		"one in service serves":                          {scaling.InService, up, "serving"},
		"one that takes nothing new drains":              {scaling.InService, standin.BridgeState{Up: true, Drain: true}, "draining"},
		"one that is told to end drains":                 {scaling.InService, standin.BridgeState{Up: true, Graceful: true}, "draining"},
		"one whose machine Auto Scaling ends leaves":     {scaling.TerminatingWait, up, "leaving"},
		"one whose process is gone is dead":              {scaling.InService, standin.BridgeState{Up: true, Dead: true}, "dead"},
		"one that nobody knows though it serves is dead": {scaling.InService, standin.BridgeState{}, "dead"},
	} {
		assert.Equal(t, c.want, bridgePhase(c.state, c.b), name)
	}
	free := standin.Jibri{Up: true, Free: true}
	for name, c := range map[string]struct {
		state string
		j     standin.Jibri
		want  string
	}{
		"one that is not admitted yet boots":    {scaling.PendingWait, free, "booting"},
		"one in service is free":                {scaling.InService, free, "free"},
		"one that joins a room is busy":         {scaling.InService, standin.Jibri{Up: true, Busy: true}, "busy"},
		"one that writes a file records":        {scaling.InService, standin.Jibri{Up: true, Busy: true, Recording: true}, "recording"},
		"one that leaves may still record":      {scaling.TerminatingWait, standin.Jibri{Up: true, Busy: true, Recording: true}, "recording"},
		"one that is ended leaves":              {scaling.TerminatingWait, free, "leaving"},
		"one that takes no recording is unwell": {scaling.InService, standin.Jibri{Up: true}, "unhealthy"},
		"one whose container is gone is unwell": {scaling.InService, standin.Jibri{}, "unhealthy"},
	} {
		assert.Equal(t, c.want, recorderPhase(c.state, c.j), name)
	}
}
