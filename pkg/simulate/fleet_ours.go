package simulate

import (
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
)

// ours are the settings of our bridges in a comparison; see package settings for their meaning.
func ours(o Options) capacity.Policy {
	return capacity.Policy{Target: 0.75, Spare: 0.3, Slack: 0.1, BootTime: o.BridgeBoot, ShrinkAfter: 3 * time.Minute, Min: 1, Max: most}
}

func hindsightBridges(o Options) capacity.Policy {
	p := ours(o)
	p.Target, p.Spare, p.Slack = 0.78, 0.1, 0.1
	return p
}

// forecastMargin is by how many standard deviations the forecast is above its mean.
const forecastMargin = 2

// ourBridges is our law with the forecast, which learns as it goes.
func ourBridges(o Options) *Fleet {
	profile := &capacity.Profile{}
	ahead := o.BridgeBoot + 3*time.Minute
	return &Fleet{
		Policy: ours(o), Learn: profile.Learn,
		Expect: func(now time.Time, _ float64) float64 { return profile.Expected(now, ahead, forecastMargin) },
	}
}

// ourJibriPolicy is package settings' default.
var ourJibriPolicy = capacity.JibriPolicy{Free: 3, Min: 3, Max: most, RetireAfter: 10 * time.Minute}

func ourJibris(o Options) *JibriFleet {
	p := ourJibriPolicy
	p.BootTime = o.JibriBoot
	return &JibriFleet{Policy: p}
}
