package collector

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/elastic"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// memory is a sink that remembers.
type memory struct {
	puts  [][]elastic.Document
	delay time.Duration
}

func (m *memory) Put(ctx context.Context, documents []elastic.Document) error {
	m.puts = append(m.puts, documents)
	select {
	case <-time.After(m.delay):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m *memory) Counts() elastic.Counts { return elastic.Counts{Kept: 7, Dropped: 2} }

func (m *memory) Waiting() (documents int, bytes int64) { return 3, 400 }

// node is a target that answers after a while, or does not.
type node struct {
	answer Node
	after  time.Duration
}

func (n node) Ask(ctx context.Context) Node {
	select {
	case <-time.After(n.after):
		return n.answer
	case <-ctx.Done():
		n.answer.Err = ctx.Err()
		return n.answer
	}
}

func newCollector(sink Sink, targets ...Target) Collector {
	config := Defaults()
	config.Fleet, config.Timeout = "meet", settings.Duration(5*time.Second)
	return Collector{
		Config: config, Nodes: targets, Sink: sink, Log: slog.New(slog.DiscardHandler), Now: time.Now,
		Measure: func([]fleet.Observation, *telemetry.Record) {},
	}
}

func when(t *testing.T, d elastic.Document) string {
	t.Helper()
	var document Document
	require.NoError(t, json.Unmarshal(d.Body, &document))
	return document.Timestamp.Format("15:04:05")
}

func TestRunObservesAtOnceAndThenAtEveryFullInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &memory{}
		ctx, stop := context.WithCancel(t.Context())
		time.Sleep(10 * time.Second)
		done := make(chan struct{})
		go func() {
			newCollector(sink, node{after: time.Second}).Run(ctx)
			close(done)
		}()
		time.Sleep(3 * time.Minute)
		stop()
		<-done
		var times []string
		for _, documents := range sink.puts {
			times = append(times, when(t, documents[0]))
		}
		assert.Equal(t, []string{"00:00:10", "00:01:00", "00:02:00", "00:03:00"}, times)
	})
}

func TestARoundThatStoresForLongEndsWhenTheNextBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &memory{delay: time.Hour}
		ctx, stop := context.WithCancel(t.Context())
		go newCollector(sink, node{}).Run(ctx)
		time.Sleep(150 * time.Second)
		stop()
		synctest.Wait()
		assert.Len(t, sink.puts, 3)
	})
}

func TestAStopWhileNodesAreAskedMakesNobodySilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &memory{}
		ctx, stop := context.WithCancel(t.Context())
		go newCollector(sink, node{after: time.Minute}).Run(ctx)
		time.Sleep(time.Second)
		stop()
		synctest.Wait()
		assert.Empty(t, sink.puts)
	})
}

func TestANodeThatHangsCostsItsOwnTimeoutAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		targets := slices.Repeat([]Target{node{after: time.Hour, answer: Node{Name: "hangs", Kind: "jvb"}}}, 100)
		c := newCollector(&memory{}, append(targets, node{answer: Node{Name: "well", Kind: "jvb"}})...)
		began := time.Now()
		documents := c.Observe(t.Context())
		assert.Equal(t, 5*time.Second, time.Since(began))
		assert.Contains(t, string(documents[0].Body), "deadline exceeded")
		assert.Contains(t, string(documents[100].Body), `"outcome":"success"`)
		assert.Contains(t, string(documents[101].Body), `"nodes":101,"nodes_silent":100,"kept_total":7,"refused_total":0,"dropped_total":2,"waiting":3,"waiting_bytes":400`)
	})
}

// statuses is one agent's answers, one after the other.
type statuses []fleet.Status

func (s *statuses) Status(context.Context, netip.Addr) (fleet.Status, error) {
	if len(*s) == 0 {
		return fleet.Status{}, errors.New("silence")
	}
	first := (*s)[0]
	*s = (*s)[1:]
	return first, nil
}

func TestAnAgentThatFallsSilentIsKnownByItsName(t *testing.T) {
	answers := statuses{{Instance: "i-1", Role: fleet.RoleBridge, Shard: "shard-1"}}
	target := NewAgent(&answers, netip.MustParseAddr("10.0.0.5"))
	first, second := target.Ask(t.Context()), target.Ask(t.Context())
	assert.Equal(t, "i-1", first.Name)
	require.EqualError(t, second.Err, "silence")
	assert.Equal(t, []string{"i-1", "bridge", "shard-1"}, []string{second.Name, string(second.Role), second.Shard})
	assert.Equal(t, fleet.Status{}, second.Status)
}

func TestObservationsAreThoseOfTheControlPlane(t *testing.T) {
	seen := observations([]Node{
		{Name: "jvb-1", Role: fleet.RoleBridge, Shard: "a"},
		{Name: "jicofo", Role: fleet.RoleSignal, Shard: "a", Status: fleet.Status{Version: "1"}},
		{Name: "prosody", Kind: "prosody", Role: fleet.RoleSignal, Shard: "a", Err: errors.New("silence")},
		{Name: "jvb-2", Role: fleet.RoleBridge, Shard: "b"},
		{Name: "jvb-3", Role: fleet.RoleBridge, Shard: "b", Err: errors.New("silence")},
		{Name: "jibri", Role: fleet.RoleJibri},
		{Name: "edge", Role: fleet.RoleEdge},
		{Name: "10.0.0.9"},
	}, time.Unix(0, 0))
	require.Len(t, seen, 4)
	assert.Equal(t, "1", seen[0].Signal.Status.Version, "a bridge is judged with its shard's Jicofo")
	require.NoError(t, seen[0].Signal.Err, "Prosody's silence is not Jicofo's")
	require.ErrorIs(t, seen[2].Signal.Err, errNoSignal)
	assert.Len(t, seen[2].Group.Instances, 2)
	require.Error(t, seen[2].Nodes["jvb-3"].Err)
	assert.Equal(t, []string{"a"}, slices.Collect(maps.Keys(seen[3].Signals)))
}

func TestFiguresThatPlainComponentsCannotTellAreLeftOut(t *testing.T) {
	record := telemetry.NewRecord("meet", time.Unix(0, 0))
	record.Fleet(telemetry.JibrisFree, 1)
	record.Fleet(telemetry.SpoolBytes, 0)
	record.Fleet(telemetry.BridgeHost.CPU, 30)
	record.Fleet(telemetry.JibriHost.CPU, 0)
	record.Shard("a", telemetry.Conferences, 2)
	record.Shard("a", telemetry.BridgesBooting, 0)
	record.Shard("b", telemetry.Conferences, 3)
	record.Shard("b", telemetry.BridgesBooting, 0)
	documents := sheet{fleet: "meet"}.documents([]Node{
		{Kind: "jvb", Name: "x", Role: fleet.RoleBridge, Shard: "a"}, {Kind: "jibri", Name: "y", Role: fleet.RoleJibri},
		{Kind: kindAgent, Name: "z", Role: fleet.RoleBridge, Shard: "b"},
	}, record)
	require.Len(t, documents, 6)
	assert.Contains(t, string(documents[3].Body), `"metrics":{"conferences":2}`)
	assert.Contains(t, string(documents[4].Body), `"metrics":{"bridges_booting":0,"conferences":3}`)
	assert.Contains(t, string(documents[5].Body), `"metrics":{"bridge_cpu":30,"jibris_free":1},"total":{"conferences":5}`)
}

func TestIDsAreOfTheRoundAndTheNode(t *testing.T) {
	nodes := []Node{{Kind: "jvb", Name: "x"}, {Kind: "jvb", Name: "y"}, {Kind: "jibri", Name: "x"}}
	ids := map[string]bool{}
	for _, at := range []time.Time{time.Unix(0, 0), time.Unix(60, 0), time.Unix(60, 0)} {
		for _, d := range (sheet{fleet: "meet", at: at}).documents(nodes, telemetry.NewRecord("meet", at)) {
			ids[d.ID] = true
		}
	}
	assert.Len(t, ids, 2*4, "the same round again has the same ids")
}

func TestEveryMetricHasAFieldOfItsOwn(t *testing.T) {
	paths := map[string]bool{}
	for _, f := range Fields() {
		assert.False(t, paths[f.Path], f.Path)
		assert.NotEmpty(t, f.Meaning, f.Path)
		paths[f.Path] = true
	}
	for _, m := range slices.Concat(plainOfBridges, plainOfSignals, plainOfFleet, totals) {
		assert.True(t, paths["jitsi.metrics."+fieldName(m)], m.Name)
	}
	assert.Equal(t, "stress_p90", fieldName(telemetry.StressP90))
	assert.Equal(t, "bridges_serving", fieldName(telemetry.BridgesServing))
	assert.Equal(t, "ice_failures", fieldName(telemetry.ICEFailures))
	assert.Equal(t, "bridge_cpu", fieldName(telemetry.BridgeHost.CPU))
	_, err := Defaults().Stream().Template()
	require.NoError(t, err)
}

// leaves are the dotted paths of an object's values.
func leaves(prefix string, value any) []string {
	object, ok := value.(map[string]any)
	if !ok {
		return []string{strings.TrimSuffix(prefix, ".")}
	}
	var paths []string
	for key, inner := range object {
		paths = append(paths, leaves(prefix+key+".", inner)...)
	}
	return paths
}

func TestEveryFieldOfADocumentIsMapped(t *testing.T) {
	mapped := map[string]bool{}
	for _, f := range Fields() {
		mapped[f.Path] = true
	}
	count := int64(1)
	nodes := []Node{
		{Kind: kindAgent, Name: "n", Role: fleet.RoleJibri, Shard: "s", Address: "a", Took: 1, Status: fleet.Status{
			Phase: "p", Detail: "d", Version: "v", Bridge: &fleet.BridgeLoad{}, Signal: &fleet.SignalLoad{}, Edge: &fleet.EdgeLoad{},
			Jibri: &fleet.JibriLoad{Session: "s", Spool: fleet.SpoolLoad{Trouble: "t"}},
		}},
		{Kind: "haproxy", Name: "n", Proxy: &Proxy{Connections: &count}},
		{Kind: "prosody", Name: "n", Rooms: &Rooms{}},
		{Kind: "jvb", Name: "n", Err: errors.New("silence")},
	}
	record := telemetry.NewRecord("meet", time.Unix(0, 0))
	for _, m := range telemetry.All {
		if m.Scope == telemetry.PerShard {
			record.Shard("s", m, 1)
		} else {
			record.Fleet(m, 1)
		}
	}
	for _, role := range []fleet.Role{fleet.RoleBridge, fleet.RoleSignal, fleet.RoleEdge} {
		nodes = append(nodes, Node{Kind: kindAgent, Name: "m", Role: role, Shard: "s"})
	}
	found := map[string]bool{}
	for _, d := range (sheet{fleet: "meet"}).documents(nodes, record) {
		var object map[string]any
		require.NoError(t, json.Unmarshal(d.Body, &object))
		for _, path := range leaves("", object) {
			assert.True(t, mapped[path], path)
			found[path] = true
		}
	}
	for path := range mapped {
		assert.True(t, found[path], "no document has %s", path)
	}
}
