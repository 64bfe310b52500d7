package reconcile

import (
	"context"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// startsProfile is the name of the profile of starts. No shard has a name like it.
const startsProfile = "recorders/starts"

// unfoldedMinutes bounds what is remembered of starts while their profile cannot be written.
const unfoldedMinutes = 60

// rush is what one run expects to begin until what is launched now is free.
type rush struct {
	past
	mean  float64 // recordings and streams
	most  int     // at the service level
	known bool
	// miss is by how many those that began missed the forecast that came due, if one did.
	miss   float64
	judged bool
}

// awaitedStarts is a forecast whose time has not come.
type awaitedStarts struct {
	Until time.Time `json:"until"`
	Mean  float64   `json:"mean"`
	Seen  int       `json:"seen"` // what has begun since
}

// foresee forecasts how many recordings begin until what is launched now is free, and judges an earlier forecast by what
// began.
func (j Jibris) foresee(ctx context.Context, memory *jibriMemory, at time.Time, started int) rush {
	memory.unfold(at, started)
	r := rush{past: recall(ctx, j.Profiles, startsProfile, j.Env.TimeZone, j.Log)}
	lead := capacity.Lead(j.Env.BootTime)
	r.judge(memory, at, started, lead)
	if r.err != nil {
		return r
	}
	for _, s := range memory.Unfolded {
		r.profile.Count(s.At.In(r.zone), s.Count)
	}
	r.mean, r.most, r.known = r.profile.ForecastStarts(at.In(r.zone), lead, j.Env.ServiceLevel)
	if memory.Awaited == nil {
		// What begins is counted by runs a minute apart.
		lead = lead.Truncate(time.Minute)
		if mean, _, known := r.profile.ForecastStarts(at.In(r.zone), lead, j.Env.ServiceLevel); known {
			memory.Awaited = &awaitedStarts{Until: at.Add(lead), Mean: mean}
		}
	}
	return r
}

func (r *rush) judge(memory *jibriMemory, at time.Time, started int, lead time.Duration) {
	w := memory.Awaited
	if w == nil {
		return
	}
	w.Seen += started
	if at.Before(w.Until) {
		return
	}
	// After a gap of a lead it is not known what began in time.
	if at.Sub(w.Until) < lead {
		r.miss, r.judged = float64(w.Seen)-w.Mean, true
	}
	memory.Awaited = nil
}

// beyond is what is expected beside what the free recorders are for.
func (r *rush) beyond(free int) int { return max(0, r.most-free) }

func (r *rush) publish(record *telemetry.Record) {
	if r.known {
		record.Fleet(telemetry.StartsForecast, r.mean)
		record.Fleet(telemetry.StartsMargin, max(0, float64(r.most)-r.mean))
	}
	if r.judged {
		record.Fleet(telemetry.StartsForecastError, r.miss)
	}
}

// unfold remembers what began in a minute; that nothing did is knowledge too.
func (m *jibriMemory) unfold(at time.Time, started int) {
	minute := at.Truncate(time.Minute)
	if last := len(m.Unfolded) - 1; last >= 0 && m.Unfolded[last].At.Equal(minute) {
		m.Unfolded[last].Count += started
		return
	}
	m.Unfolded = append(m.Unfolded, capacity.Starts{At: minute, Count: started})
	m.Unfolded = m.Unfolded[max(0, len(m.Unfolded)-unfoldedMinutes):]
}

func (j Jibris) fold(ctx context.Context, memory *jibriMemory, p past, at time.Time) error {
	folded, err := p.fold(ctx, j.Profiles, memory.Folded, at)
	if folded {
		memory.Folded, memory.Unfolded = at, nil
	}
	return err
}
