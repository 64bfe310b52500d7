package reconcile

import (
	"context"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
)

// startsProfile is the name of the profile of starts. No shard has a name like it.
const startsProfile = "recorders/starts"

// unfoldedMinutes bounds what is remembered of starts while their profile cannot be written.
const unfoldedMinutes = 60

// foresee forecasts how many recordings begin, beside those that the free recorders are for, until what is launched now
// is free.
func (j Jibris) foresee(ctx context.Context, memory *jibriMemory, at time.Time, started, free int) (past, int) {
	memory.unfold(at, started)
	p := recall(ctx, j.Profiles, startsProfile, j.Env.TimeZone, j.Log)
	if p.err != nil {
		return p, 0
	}
	for _, s := range memory.Unfolded {
		p.profile.Count(s.At.In(p.zone), s.Count)
	}
	starts := p.profile.Starts(at.In(p.zone), capacity.Lead(j.Env.BootTime), j.Env.ServiceLevel)
	return p, max(0, starts-free)
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
