package collector

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/assets/collector/boards"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/collector"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// agents are node agents by address.
type agents map[netip.Addr]fleet.Status

func (a agents) Status(_ context.Context, address netip.Addr) (fleet.Status, error) {
	return a[address], nil
}

// fullFleet is one node of each role, each of which tells everything.
func fullFleet() agents {
	address := func(last byte) netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 9, last}) }
	return agents{
		address(1): {Instance: "i-signal", Role: fleet.RoleSignal, Shard: "shard-1", Phase: fleet.PhaseServing, Signal: &fleet.SignalLoad{
			Conferences: 3, Participants: 40, LargestConference: 20, Bridges: 1, BridgesOK: 1,
		}},
		address(2): {Instance: "i-bridge", Role: fleet.RoleBridge, Shard: "shard-1", Phase: fleet.PhaseServing, Bridge: &fleet.BridgeLoad{
			Stress: 0.4, LocalEndpoints: 40, Conferences: 3, SendKilobits: 9000, ReceiveKilobits: 3000, Loss: 0.01, RoundTripMillis: 40,
		}},
		address(3): {Instance: "i-jibri", Role: fleet.RoleJibri, Phase: fleet.PhaseServing, Jibri: &fleet.JibriLoad{
			Activity: fleet.ActivityRecording, Session: "s", Spool: fleet.SpoolLoad{Recordings: 1, Bytes: 1000, OldestSeconds: 3},
		}},
		address(4): {Instance: "i-edge", Role: fleet.RoleEdge, Phase: fleet.PhaseServing, Edge: &fleet.EdgeLoad{
			Connections: 5, RequestRate: 9, Shards: map[string]fleet.ServerView{"shard-1": {State: fleet.ServerReady, Sessions: 4}},
		}},
	}
}

// testBoards asks for every series of every dashboard what its visualization asks.
func testBoards(t *testing.T, s *server) {
	d := newDaemon(t, s, t.TempDir(), nil)
	d.Nodes = nil
	for address := range fullFleet() {
		d.Nodes = append(d.Nodes, collector.NewAgent(fullFleet(), address))
	}
	for range 3 {
		d.now = d.now.Add(time.Minute)
		require.NoError(t, d.Sink.Put(t.Context(), d.Observe(t.Context())))
	}
	require.Equal(t, 3*6, s.count(t, everything), "four nodes, one shard, one fleet")
	for _, b := range boards.All() {
		for _, p := range b.Panels {
			for _, series := range p.Series {
				assert.Equal(t, 3, s.points(t, series), "%s, %s: %s", b.Title, p.Title, series.Field)
			}
		}
	}
}

// points is how many minutes a series has a value for, those of its first split alone.
func (s *server) points(t *testing.T, series boards.Series) int {
	t.Helper()
	overTime := fmt.Sprintf(`"time":{"date_histogram":{"field":"@timestamp","fixed_interval":"1m"},"aggs":{"value":{%q:{"field":%q}}}}`, series.Agg, series.Field)
	split := `"filter":{"match_all":{}}`
	if series.Split != "" {
		split = fmt.Sprintf(`"terms":{"field":%q,"size":30}`, series.Split)
	}
	query, err := json.Marshal(series.Filter())
	require.NoError(t, err)
	body := fmt.Sprintf(`{"size":0,"query":{"query_string":{"query":%s}},"aggs":{"split":{%s,"aggs":{%s}}}}`, query, split, overTime)
	type lines struct {
		Time struct {
			Buckets []struct{ Value struct{ Value *float64 } }
		}
	}
	var answer struct {
		Aggregations struct {
			Split struct {
				lines
				Buckets []lines
			}
		}
	}
	text := s.ask(t, http.MethodPost, "/"+boards.Pattern+"/_search", body)
	require.NoError(t, json.Unmarshal([]byte(text), &answer), text)
	first := answer.Aggregations.Split.lines
	if len(answer.Aggregations.Split.Buckets) > 0 {
		first = answer.Aggregations.Split.Buckets[0]
	}
	n := 0
	for _, bucket := range first.Time.Buckets {
		if bucket.Value.Value != nil {
			n++
		}
	}
	return n
}
