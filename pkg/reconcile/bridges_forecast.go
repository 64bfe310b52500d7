package reconcile

import (
	"context"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// outlook is what one run expects of a shard.
type outlook struct {
	past
	forecast capacity.Forecast
	soon     capacity.Forecast // within Reaction
	// misses is by how much the demand missed each forecast that came due, in stress.
	misses []float64
}

// awaited is a forecast whose time has not come.
type awaited struct {
	Until   time.Time `json:"until"`
	Highest float64   `json:"highest"` // the demand that it foresees at most until then, without its margin
	Seen    float64   `json:"seen"`    // the highest demand since
}

// foresee forecasts a shard's growth from its profile and the samples since it was written.
func (b Bridges) foresee(ctx context.Context, shard string, memory *bridgeMemory, bridges []capacity.Bridge, at time.Time) outlook {
	o := outlook{past: recall(ctx, b.Profiles, shard, b.Env.TimeZone, b.Log)}
	if o.err != nil {
		return o
	}
	// The samples reach back twice a boot time or ShrinkAfter, which is longer than a profile goes unwritten.
	for _, s := range memory.Demand {
		o.profile.Learn(s.At.In(o.zone), s.Demand)
	}
	demand := capacity.Demand(bridges)
	o.forecast = o.profile.Forecast(at.In(o.zone), demand, capacity.Lead(b.Env.BootTime), b.Env.ServiceLevel)
	o.soon = o.profile.Forecast(at.In(o.zone), demand, b.Env.Reaction, capacity.SoonLevel)
	return o
}

// learn makes a demand that is known to be whole part of the profile, and judges earlier forecasts by it.
func (o *outlook) learn(memory *bridgeMemory, at time.Time, demand float64, lead time.Duration) {
	if o.err != nil {
		return
	}
	o.profile.Learn(at.In(o.zone), demand)
	if w := memory.Awaited; w != nil {
		if at.Before(w.Until) {
			w.Seen = max(w.Seen, demand)
			return
		}
		if at.Sub(w.Until) < lead { // else there was a gap, and what was highest is not known
			o.misses = append(o.misses, max(w.Seen, demand)-w.Highest)
		}
		memory.Awaited = nil
	}
	if o.forecast.Moments > 0 {
		memory.Awaited = &awaited{Until: at.Add(lead), Highest: max(demand, demand+o.forecast.Mean), Seen: demand}
	}
}

func (o outlook) publish(shard string, demand float64, record *telemetry.Record) {
	if o.err != nil {
		return
	}
	record.Shard(shard, telemetry.DemandForecast, demand+max(0, o.forecast.Mean))
	record.Shard(shard, telemetry.ForecastMargin, o.forecast.Margin)
	for _, miss := range o.misses {
		record.Shard(shard, telemetry.ForecastError, miss)
	}
}
