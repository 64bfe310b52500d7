package standin_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/jitsi"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

// fields are the names in a JSON object, sorted.
func fields(t *testing.T, raw []byte) []string {
	t.Helper()
	var object map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(raw, &object))
	return slices.Sorted(maps.Keys(object))
}

func documented(t *testing.T, name string) []string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "pkg", "jitsi", "testdata", name))
	require.NoError(t, err)
	return fields(t, raw)
}

// ask sends a request without the project's own clients.
func ask(t *testing.T, method, url string, headers map[string]string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	require.NoError(t, err)
	req.Close = true // the next test's stand-ins have these addresses, too
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, body
}

func TestAnswersHaveEveryFieldOfTheDocumentedSamples(t *testing.T) {
	s := newStage(t, standin.Options{})
	node := s.signal("a")
	one := s.bridge()
	s.join("room", 3)
	_, bridge := ask(t, "GET", s.url(one, settings.BridgePort)+"/colibri/stats", nil)
	assert.Equal(t, documented(t, "colibri-stats.json"), fields(t, bridge))
	_, jicofo := ask(t, "GET", s.url(node, settings.JicofoPort)+"/stats", nil)
	assert.Equal(t, documented(t, "jicofo-stats.json"), fields(t, jicofo))
	_, version := ask(t, "GET", s.url(one, settings.BridgePort)+"/about/version", nil)
	assert.Equal(t, []string{"name", "os", "version"}, fields(t, version))
}

func TestGaugesLagByTheStatsIntervalAndModesDoNot(t *testing.T) {
	s := newStage(t, standin.Options{})
	s.signal("a")
	one := s.bridge()
	s.join("room", 3)
	stats, err := s.jvb(one).Stats(t.Context())
	require.NoError(t, err)
	assert.Zero(t, stats.LocalEndpoints)
	require.NoError(t, s.jvb(one).SetDrain(t.Context(), true))
	stats, err = s.jvb(one).Stats(t.Context())
	require.NoError(t, err)
	assert.True(t, stats.Drain)
	s.pass(5 * time.Second)
	stats, err = s.jvb(one).Stats(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 3, stats.LocalEndpoints)
	assert.InDelta(t, 0.03, stats.Stress, 1e-9)
	assert.EqualValues(t, 1, stats.MUCsJoined)
}

func TestRelayedEndpointsAreCountedApart(t *testing.T) {
	s := newStage(t, standin.Options{})
	s.signal("a")
	one := s.bridge()
	s.join("room", 3)
	two := s.bridge()
	s.drain(one, true)
	s.join("room", 2)
	s.pass(5 * time.Second)
	stats, err := s.jvb(two).Stats(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []int64{5, 2, 5}, []int64{stats.Endpoints, stats.LocalEndpoints, stats.LargestConference})
}

func TestJicofoIsUnhealthyWithoutAnOperationalBridge(t *testing.T) {
	s := newStage(t, standin.Options{})
	node := s.signal("a")
	s.pass(time.Second)
	require.ErrorIs(t, s.jicofo(node).Health(t.Context()), jitsi.ErrUnhealthy)
	one := s.bridge()
	require.NoError(t, s.jicofo(node).Health(t.Context()))
	s.join("room", 1)
	require.NoError(t, s.jvb(one).Shutdown(t.Context(), true))
	s.pass(6 * time.Second)
	require.ErrorIs(t, s.jicofo(node).Health(t.Context()), jitsi.ErrUnhealthy, "a gracefully leaving bridge is none")
}

func TestIdleJicofoWritesAnAverageThatIsNoNumber(t *testing.T) {
	s := newStage(t, standin.Options{})
	node := s.signal("a")
	s.pass(time.Second)
	_, raw := ask(t, "GET", s.url(node, settings.JicofoPort)+"/stats", nil)
	assert.Contains(t, string(raw), `"average":"NaN"`)
	_, err := s.jicofo(node).Stats(t.Context())
	require.NoError(t, err)
}

func TestCensusBelongsToTheMeetingsVirtualHost(t *testing.T) {
	s := newStage(t, standin.Options{Domain: "meet.test"})
	node := s.signal("a")
	s.bridge()
	s.join("weekly", 2)
	_, err := s.prosody(node).Census(t.Context(), "")
	require.ErrorIs(t, err, jitsi.ErrBadAnswer)
	rooms, err := s.prosody(node).Census(t.Context(), "meet.test")
	require.NoError(t, err)
	require.Len(t, rooms, 2, "with that of Jicofo's health check")
	assert.Zero(t, rooms[0].Participants)
	assert.Equal(t, "weekly@conference.meet.test", rooms[1].Name)
	assert.EqualValues(t, 2, rooms[1].Participants)
	require.NoError(t, s.prosody(node).Alive(t.Context()))
	require.NoError(t, s.web(node).Alive(t.Context()))
}

func TestMetricsNeedAnAcceptHeader(t *testing.T) {
	s := newStage(t, standin.Options{})
	s.signal("a")
	url := s.url(s.bridge(), settings.BridgePort) + "/metrics"
	resp, _ := ask(t, "GET", url, nil)
	assert.Equal(t, http.StatusInternalServerError, resp.StatusCode)
	resp, body := ask(t, "GET", url, map[string]string{"Accept": "text/plain"})
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Contains(t, string(body), "jitsi_jvb_local_endpoints 0\n")
}

func TestShutdownWithoutItsArgumentIsRefused(t *testing.T) {
	s := newStage(t, standin.Options{})
	s.signal("a")
	one := s.bridge()
	resp, _ := ask(t, "POST", s.url(one, settings.BridgePort)+"/colibri/shutdown", nil)
	assert.Equal(t, http.StatusBadRequest, resp.StatusCode)
	assert.False(t, s.state(one).Graceful)
}

func TestParticipantsComeAndGoOverHTTP(t *testing.T) {
	s := newStage(t, standin.Options{})
	node := s.signal("a")
	s.bridge()
	web := s.url(node, settings.WebPort)
	resp, body := ask(t, "POST", web+"/Acme/http-bind?room=Standup", map[string]string{standin.HeaderJoin: "3"})
	require.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Equal(t, "a", resp.Header.Get(standin.HeaderShard))
	var seats standin.Seats
	require.NoError(t, json.Unmarshal(body, &seats))
	require.Len(t, seats.Tickets, 3)
	assert.Equal(t, map[string]int{"[acme]standup": 3}, s.Rooms("a"))
	leave := strconv.FormatUint(uint64(seats.Tickets[0]), 10) + ", 999"
	_, body = ask(t, "POST", web+"/acme/http-bind?room=standup", map[string]string{standin.HeaderLeave: leave})
	require.NoError(t, json.Unmarshal(body, &seats))
	assert.Equal(t, 1, seats.Left)
	assert.Equal(t, 2, s.Participants("a"))
}

func TestWhoKeepsASessionAliveIsToldWhenItsNodeDoesNotKnowIt(t *testing.T) {
	s := newStage(t, standin.Options{})
	node := s.signal("a")
	s.bridge()
	other := s.signal("b")
	s.pass(time.Second)
	tickets := s.join("room", 2)
	stay := map[string]string{standin.HeaderStay: fmt.Sprintf("%d, %d, 999", tickets[0], tickets[1])}
	for at, gone := range map[fleet.InstanceID][]standin.Ticket{node: {999}, other: {tickets[0], tickets[1], 999}} {
		resp, body := ask(t, "POST", s.url(at, settings.WebPort)+"/http-bind?room=room", stay)
		assert.Equal(t, 200, resp.StatusCode)
		var seats standin.Seats
		require.NoError(t, json.Unmarshal(body, &seats))
		assert.Equal(t, gone, seats.Gone)
	}
	assert.Equal(t, 2, s.Participants("a"), "asking changes nothing")
	_, _ = ask(t, "POST", s.url(node, settings.WebPort)+"/http-bind?room=Room", map[string]string{standin.HeaderStay: fmt.Sprint(tickets[1])})
	assert.Equal(t, 1, s.Participants("a"), "a session that nobody keeps alive ends")
}

func TestWebAnswersWhatBrowsersAsk(t *testing.T) {
	s := newStage(t, standin.Options{})
	node := s.signal("a")
	s.pass(time.Second)
	web := s.url(node, settings.WebPort)
	for _, c := range []struct {
		name, method, path string
		headers            map[string]string
		status             int
	}{
		{"the page", "GET", "/room", nil, 200},
		{"the configuration", "GET", "/config.js?room=r", nil, 200},
		{"a tenant's configuration", "GET", "/acme/config.js?room=r", nil, 200},
		{"the keep-alive", "GET", "/_unlock?room=r", nil, 200},
		{"a websocket with a room", "GET", "/xmpp-websocket?room=r", nil, 200},
		{"a websocket without one", "GET", "/xmpp-websocket", nil, 400},
		{"a request for the focus", "POST", "/conference-request/v1?room=r", nil, 200},
		{"BOSH that only keeps alive", "POST", "/http-bind?room=r", nil, 200},
		{"health with no bridge", "GET", "/about/health", nil, 500},
		{"a join that no bridge can take", "POST", "/http-bind?room=r", map[string]string{standin.HeaderJoin: "1"}, 503},
		{"a join without a room", "POST", "/http-bind", map[string]string{standin.HeaderJoin: "1"}, 400},
		{"a join of none", "POST", "/http-bind?room=r", map[string]string{standin.HeaderJoin: "0"}, 400},
		{"a ticket to stay that is none", "POST", "/http-bind?room=r", map[string]string{standin.HeaderStay: "1,x"}, 400},
		{"a ticket that is none", "POST", "/http-bind?room=r", map[string]string{standin.HeaderLeave: "x"}, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, body := ask(t, c.method, web+c.path, c.headers)
			assert.Equal(t, c.status, resp.StatusCode, string(body))
			assert.Equal(t, "a", resp.Header.Get(standin.HeaderShard))
		})
	}
}
