package reconcile

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/event"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// slowAgents answer after a real 20 ms, as an agent in the same region does at its worst.
type slowAgents struct {
	statuses map[netip.Addr]fleet.Status
	asked    atomic.Int64
	ordered  atomic.Int64
}

const answerTime = 20 * time.Millisecond

func (a *slowAgents) Status(ctx context.Context, address netip.Addr) (fleet.Status, error) {
	a.asked.Add(1)
	select {
	case <-time.After(answerTime):
		return a.statuses[address], nil
	case <-ctx.Done():
		return fleet.Status{}, ctx.Err()
	}
}

func (a *slowAgents) Order(ctx context.Context, address netip.Addr, _ fleet.Verb, _ fleet.Order) (fleet.Status, error) {
	a.ordered.Add(1)
	return a.Status(ctx, address)
}

// countedLeases counts the calls to DynamoDB that the leases take.
type countedLeases struct {
	*leases
	calls atomic.Int64
}

func (l *countedLeases) Acquire(ctx context.Context, key string, now, until time.Time) (fleet.Lease, bool, error) {
	l.calls.Add(1)
	return l.leases.Acquire(ctx, key, now, until)
}

func (l *countedLeases) Release(ctx context.Context, lease fleet.Lease, memory []byte) (bool, error) {
	l.calls.Add(1)
	return l.leases.Release(ctx, lease, memory)
}

// BenchmarkReconcileThousandBridges is one run of the bridges loop over 1,000 bridges in 20 shards. Agents answer in
// 20 ms, AWS at once: the time is that of asking and deciding. AWS-calls/op counts calls as the adapters make them:
// one DescribeAutoScalingGroups for each hundred groups, one DescribeInstances for each thousand machines, and two
// UpdateItem for each shard, beside one GetParameter and one UpdateItem for the run-time values.
func BenchmarkReconcileThousandBridges(b *testing.B) {
	const shards, each = 20, 50
	w := newWorld(b, shards, each)
	answers := &slowAgents{statuses: map[netip.Addr]fleet.Status{}}
	for n := range shards {
		w.shard(n + 1).Max = 2 * each
		for _, m := range w.shard(n + 1).members {
			m.node.stress, m.node.endpoints = 0.593, 59
		}
		reserve := w.shard(n + 1).members[0].node
		reserve.stress, reserve.endpoints = 0, 0
		reserve.become(fleet.PhaseDraining, w.Now())
	}
	for _, g := range w.groups {
		for _, m := range g.members {
			answers.statuses[m.Address] = m.node.status(w.now)
		}
	}
	counted := &countedLeases{leases: w.leases}
	w.bridges.Leases = counted
	w.bridges.Log = slog.New(slog.NewJSONHandler(io.Discard, nil)) //nolint:sloglint // writing the lines is part of the work
	w.bridges.Observer.Agents = answers
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	// Twenty minutes of history, which is all that the loop keeps.
	for range 10 {
		_, err := w.bridges.Run(ctx, []event.Wakeup{schedule})
		require.NoError(b, err)
		w.now = w.now.Add(2 * time.Minute)
		for _, i := range w.leases.items {
			i.until = time.Time{}
		}
	}
	clear(w.calls)
	counted.calls.Store(0)
	answers.asked.Store(0)
	answers.ordered.Store(0)
	b.ReportAllocs()
	for b.Loop() {
		_, err := w.bridges.Run(ctx, []event.Wakeup{schedule})
		require.NoError(b, err)
	}
	const runtimeCalls = 2 // GetParameter and the UpdateItem that keeps the last good values
	machinePages := (shards*(each+1) + 999) / 1000
	aws := w.calls["describe groups"] + machinePages*w.calls["describe machines"] + int(counted.calls.Load()) + runtimeCalls*b.N
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/op")
	b.ReportMetric(float64(aws)/float64(b.N), "AWS-calls/op")
	b.ReportMetric(float64(answers.asked.Load())/float64(b.N), "agents/op")
	require.EqualValues(b, shards*b.N, answers.ordered.Load(), "each reserve is told to drain on, and nothing else")
	require.Empty(b, w.took(), "the fleet is at rest, or the figures are of something else")
}
