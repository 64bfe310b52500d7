// Package collector observes a fleet that need not be in AWS, at a steady interval, and writes what it saw as documents:
// one for each node, one for each shard and one for the fleet.
//
// It asks node agents, or Jitsi's and HAProxy's own interfaces where there are no agents. It decides nothing and gives
// no orders. It knows neither AWS nor how documents are stored: that is the sink's.
package collector

import (
	"context"
	"log/slog"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/elastic"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// Sink takes documents and keeps those that cannot be stored now.
type Sink interface {
	Put(ctx context.Context, documents []elastic.Document) error
	Counts() elastic.Counts
	Waiting() (documents int, bytes int64)
}

// Collector is the daemon's loop.
type Collector struct {
	Config Config
	Nodes  []Target
	// Measure computes the figures of shards and of the fleet, the same that CloudWatch gets of a fleet in AWS.
	Measure func(observations []fleet.Observation, record *telemetry.Record)
	Sink    Sink
	Log     *slog.Logger
	Now     func() time.Time
}

// Run observes at once, then at every full interval, until the context ends. A round has until the next one begins.
func (c Collector) Run(ctx context.Context) {
	for ctx.Err() == nil {
		next := after(c.Now(), time.Duration(c.Config.Interval))
		limited, cancel := context.WithDeadline(ctx, next)
		c.round(limited)
		cancel()
		timer := time.NewTimer(next.Sub(c.Now()))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

// after is the first full interval that is at least half an interval away.
func after(now time.Time, interval time.Duration) time.Time {
	return now.Add(interval / 2).Truncate(interval).Add(interval)
}

func (c Collector) round(ctx context.Context) {
	before := c.Sink.Counts()
	documents := c.Observe(ctx)
	if ctx.Err() != nil {
		return // who was cut short is not silent
	}
	err := c.Sink.Put(ctx, documents)
	counts := c.Sink.Counts()
	waiting, bytes := c.Sink.Waiting()
	log := c.Log.With("documents", len(documents), "kept", counts.Kept-before.Kept, "refused", counts.Refused-before.Refused,
		"dropped", counts.Dropped-before.Dropped, "waiting", waiting, "waitingBytes", bytes)
	if err != nil {
		log.Warn("round", "error", err.Error())
		return
	}
	log.Info("round")
}

// Observe asks every node once and returns what was seen as documents.
func (c Collector) Observe(ctx context.Context) []elastic.Document {
	began := c.Now()
	nodes := ask(ctx, c.Nodes, time.Duration(c.Config.Timeout), c.Now)
	for _, n := range nodes {
		if n.Err != nil {
			c.Log.Warn("silent", "node", n.Name, "address", n.Address, "error", n.Err.Error())
		}
	}
	record := telemetry.NewRecord(c.Config.Fleet, began)
	c.Measure(observations(nodes, began), record)
	edges(nodes, record)
	took := c.Now().Sub(began)
	record.Fleet(telemetry.ObserveMillis, float64(took.Milliseconds()))
	sheet := sheet{fleet: c.Config.Fleet, at: began, interval: time.Duration(c.Config.Interval)}
	if c.Sink != nil {
		sheet.counts = c.Sink.Counts()
		sheet.waiting, sheet.waitingBytes = c.Sink.Waiting()
	}
	return sheet.documents(nodes, record)
}
