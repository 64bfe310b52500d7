package simulate

import (
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
)

// Settings are what an operator of jitsi-fleet chooses; see package settings for their meaning.
type Settings struct {
	Bridges capacity.Policy
	// ServiceLevel is how likely what the forecast of bridges foresees shall suffice.
	ServiceLevel float64
	Jibris       capacity.JibriPolicy
	// JibriServiceLevel is ServiceLevel's counterpart for recorders.
	JibriServiceLevel float64
}

// Ours are the settings of jitsi-fleet in a comparison.
func Ours(o Options) Settings {
	return Settings{
		Bridges: capacity.Policy{Target: 0.78, Spare: 0.1, Slack: 0.05, BootTime: o.BridgeBoot, ShrinkAfter: 3 * time.Minute, Min: 1, Max: most},

		ServiceLevel: 0.999,
		Jibris:       capacity.JibriPolicy{Free: 2, Min: 2, Max: most, BootTime: o.JibriBoot, RetireAfter: 5 * time.Minute},

		JibriServiceLevel: 0.995,
	}
}

// With is jitsi-fleet with some settings; its forecasts learn as they go.
func With(s Settings, o Options) Entry {
	return Entry{Name: "jitsi-fleet", Bridges: ourBridges(s, o), Jibris: ourJibris(s), FirstBridges: s.Bridges.Min, FirstJibris: s.Jibris.Free}
}

func ourBridges(s Settings, o Options) *Fleet {
	profile := &capacity.Profile{}
	return &Fleet{
		Policy: s.Bridges, Learn: profile.Learn,
		Expect: func(now time.Time, demand float64) float64 {
			return profile.Forecast(now, demand, capacity.Lead(o.BridgeBoot), s.ServiceLevel).Growth()
		},
	}
}

// ourJibris forecasts how many more recorders will be busy with the same profile as the bridges' demand, in recorders.
// RetireAfter and Free are for what no past day foresaw.
func ourJibris(s Settings) *JibriFleet {
	profile := &capacity.Profile{}
	return &JibriFleet{
		Policy: s.Jibris,
		Learn:  profile.Count,
		Expect: func(now time.Time) int {
			return max(0, profile.Starts(now, capacity.Lead(s.Jibris.BootTime), s.JibriServiceLevel)-s.Jibris.Free)
		},
	}
}

// hindsightBridges are the settings of the policy that needs hardly a margin.
func hindsightBridges(o Options) capacity.Policy {
	p := Ours(o).Bridges
	p.Target, p.Spare, p.Slack = 0.78, 0.1, 0.1
	return p
}
