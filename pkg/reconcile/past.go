package reconcile

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
)

// foldEvery is how often a profile is written. What came since is in the lease's memory, so that nothing is lost.
//
// A profile of four weeks has 41 kB. Writing it every 5 minutes is 41 write units 8,640 times a month, and reading
// it at each run 5.5 read units 43,200 times and more: 0.22 and 0.03 dollars for each shard and month, and as much for
// the recorders, at 0.625 and 0.125 dollars for a million. https://aws.amazon.com/dynamodb/pricing/on-demand/
const foldEvery = 5 * time.Minute

// past is a profile as one run has it.
type past struct {
	name    string
	profile capacity.Profile
	zone    *time.Location
	// err is why there is no profile. Nothing is forecast then, and what is stored stays as it is.
	err error
}

// recall reads a profile. One that is not there or not readable is begun anew.
func recall(ctx context.Context, profiles Profiles, name, zone string, log *slog.Logger) past {
	p := past{name: name}
	if p.zone, p.err = time.LoadLocation(zone); p.err != nil {
		return p
	}
	raw, err := profiles.Profile(ctx, name)
	if err != nil {
		p.err = fmt.Errorf("the profile of %s is not read, and nothing is forecast: %w", name, err)
		return p
	}
	if len(raw) > 0 {
		if err := p.profile.UnmarshalBinary(raw); err != nil {
			log.Error("the profile is begun anew", "profile", name, "error", err.Error())
		}
	}
	return p
}

// fold writes the profile when its time has come; folded says that it did. It is done after everything else, since
// nothing waits for it.
func (p *past) fold(ctx context.Context, profiles Profiles, last, at time.Time) (folded bool, err error) {
	if p.err != nil || at.Sub(last) < foldEvery {
		return false, p.err
	}
	raw, err := p.profile.MarshalBinary()
	if err == nil {
		err = profiles.KeepProfile(ctx, p.name, raw)
	}
	if err != nil {
		return false, fmt.Errorf("the profile of %s is not kept: %w", p.name, err)
	}
	return true, nil
}
