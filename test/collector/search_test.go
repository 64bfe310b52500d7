package collector

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/collector"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/elastic"
)

const stream = "/metrics-jitsi_fleet-default"

// count is how many documents the stream has that a query finds.
func (s *server) count(t *testing.T, query string) int {
	t.Helper()
	s.ask(t, http.MethodPost, stream+"/_refresh", "")
	var answer struct{ Count int }
	require.NoError(t, json.Unmarshal([]byte(s.ask(t, http.MethodPost, stream+"/_count", `{"query":`+query+`}`)), &answer))
	return answer.Count
}

const everything = `{"match_all":{}}`

func term(field, value string) string { return `{"term":{"` + field + `":"` + value + `"}}` }

func TestSearch(t *testing.T) {
	s := startServer(t)
	// One server for all: its start takes ten seconds. Each test has the stream for itself.
	for _, c := range []struct {
		name string
		test func(*testing.T, *server)
	}{
		{"a round is one document for each node, shard and fleet", testRound},
		{"documents that are sent again are there once", testTwice},
		{"a document that the mapping refuses costs itself alone", testRefused},
		{"a field that is not mapped is kept and not indexed", testUnmapped},
		{"an index that is blocked for writing loses nothing", testBlocked},
		{"an operator who makes the stream himself is waited for", testUnmanaged},
		{"every series of every dashboard finds its figures", testBoards},
		{"an outage loses nothing, not even over a restart of the collector", testOutage},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.try(t, http.MethodDelete, "/_data_stream"+stream, "")
			s.try(t, http.MethodDelete, "/_index_template"+stream, "")
			c.test(t, s)
		})
	}
}

func testRound(t *testing.T, s *server) {
	d := newDaemon(t, s, t.TempDir(), nil)
	require.NoError(t, d.round(t))
	assert.Equal(t, documentsARound, s.count(t, everything))
	assert.Equal(t, 6, s.count(t, term("event.dataset", "jitsi_fleet.node")))
	assert.Equal(t, 1, s.count(t, term("event.outcome", "failure")), "the bridge that is down")
	assert.Equal(t, 1, s.count(t, `{"bool":{"filter":[`+term("event.dataset", "jitsi_fleet.shard")+`,{"range":{"jitsi.metrics.conferences":{"gte":1}}},`+term("jitsi.shard", "shard-1")+`]}}`))
	assert.Equal(t, 1, s.count(t, `{"bool":{"filter":[`+term("event.dataset", "jitsi_fleet.fleet")+`,{"range":{"jitsi.metrics.jibris_busy":{"gte":1,"lte":1}}},{"range":{"jitsi.total.participants":{"gte":1}}}]}}`))
	assert.Equal(t, 1, s.count(t, `{"bool":{"filter":[{"term":{"service.type":"haproxy"}},{"term":{"jitsi.edge.servers_up":1}},{"term":{"jitsi.edge.servers":2}},{"term":{"jitsi.edge.request_rate":34}}]}}`))
}

func testTwice(t *testing.T, s *server) {
	d := newDaemon(t, s, t.TempDir(), nil)
	documents := d.Observe(t.Context())
	require.NoError(t, d.Sink.Put(t.Context(), documents))
	require.NoError(t, d.Sink.Put(t.Context(), documents))
	assert.Equal(t, documentsARound, s.count(t, everything))
	assert.Equal(t, elastic.Counts{Kept: 2 * documentsARound}, d.sink.Counts(), "one that was there is one that is kept")
}

func testRefused(t *testing.T, s *server) {
	d := newDaemon(t, s, t.TempDir(), nil)
	wrong := elastic.Document{ID: "wrong", Body: json.RawMessage(`{"@timestamp":"2026-11-22T20:00:00Z","jitsi":{"bridge":{"stress":"high"}}}`)}
	err := d.Sink.Put(t.Context(), append([]elastic.Document{wrong}, d.Observe(t.Context())...))
	require.ErrorContains(t, err, "1 documents are refused for good: status 400, ")
	require.ErrorContains(t, err, "jitsi.bridge.stress")
	assert.Equal(t, documentsARound, s.count(t, everything))
	assert.Equal(t, elastic.Counts{Kept: documentsARound, Refused: 1}, d.sink.Counts())
	waiting, _ := d.sink.Waiting()
	assert.Zero(t, waiting)
}

func testUnmapped(t *testing.T, s *server) {
	d := newDaemon(t, s, t.TempDir(), nil)
	strange := elastic.Document{ID: "strange", Body: json.RawMessage(`{"@timestamp":"2026-11-22T20:00:00Z","strange":"yes"}`)}
	require.NoError(t, d.Sink.Put(t.Context(), []elastic.Document{strange}))
	assert.Zero(t, s.count(t, term("strange", "yes")))
	assert.Equal(t, 1, s.count(t, everything))
	assert.NotContains(t, s.ask(t, http.MethodGet, stream+"/_mapping", ""), "strange")
}

func testBlocked(t *testing.T, s *server) {
	d := newDaemon(t, s, t.TempDir(), nil)
	require.NoError(t, d.round(t))
	s.ask(t, http.MethodPut, stream+"/_settings", `{"index.blocks.write":true}`)
	require.ErrorContains(t, d.round(t), "cluster_block_exception")
	waiting, _ := d.sink.Waiting()
	assert.Equal(t, documentsARound, waiting)
	s.ask(t, http.MethodPut, stream+"/_settings", `{"index.blocks.write":false}`)
	require.NoError(t, d.round(t))
	assert.Equal(t, 3*documentsARound, s.count(t, everything))
}

func testUnmanaged(t *testing.T, s *server) {
	d := newDaemon(t, s, t.TempDir(), func(c *collector.Config) { c.Sink.Manage = false })
	require.ErrorIs(t, d.round(t), elastic.ErrNoStream)
	status, _ := s.try(t, http.MethodGet, stream, "")
	assert.Equal(t, http.StatusNotFound, status, "no index is made up in its place")
	template, err := d.Config.Stream().Template()
	require.NoError(t, err)
	s.ask(t, http.MethodPut, "/_index_template"+stream, string(template))
	s.ask(t, http.MethodPut, "/_data_stream"+stream, "")
	require.NoError(t, d.round(t))
	assert.Equal(t, 2*documentsARound, s.count(t, everything))
}

func testOutage(t *testing.T, s *server) {
	d := newDaemon(t, s, t.TempDir(), nil)
	require.NoError(t, d.round(t))
	s.kill(t)
	require.Error(t, d.round(t))
	require.Error(t, d.round(t))
	d.reopen(t)
	waiting, bytes := d.sink.Waiting()
	assert.Equal(t, 2*documentsARound, waiting)
	assert.Positive(t, bytes)
	s.start(t)
	require.NoError(t, d.round(t))
	assert.Equal(t, 4*documentsARound, s.count(t, everything))
	waiting, bytes = d.sink.Waiting()
	assert.Zero(t, waiting)
	assert.Zero(t, bytes)
	assert.Equal(t, elastic.Counts{Kept: 3 * documentsARound}, d.sink.Counts(), "since the restart")
}
