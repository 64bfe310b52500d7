package simulate

import (
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
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

// Ours are the settings of jitsi-fleet in a comparison: the world's Fleet, of which one shard is played, or the defaults of
// package settings with the sizes, which an operator writes for a fleet of known size, left open. The boot times are the
// world's.
func Ours(o Options) Settings {
	d := settings.Defaults()
	d.Bridges.Min, d.Bridges.Max, d.Jibris.Min, d.Jibris.Max = 1, most, d.Jibris.Free, most
	if o.Fleet != nil {
		d = *o.Fleet
	}
	b, j := d.Bridges, d.Jibris
	return Settings{
		Bridges: capacity.Policy{
			Target: b.Target, Spare: b.Spare, Slack: b.Slack, ShrinkAfter: time.Duration(b.ShrinkAfter),
			BootTime: o.BridgeBoot, Reaction: settings.Reaction, Min: b.Min, Max: b.Max,
		},
		ServiceLevel:      b.ServiceLevel,
		Jibris:            capacity.JibriPolicy{Free: j.Free, Min: j.Min, Max: j.Max, RetireAfter: time.Duration(j.RetireAfter), BootTime: o.JibriBoot},
		JibriServiceLevel: j.ServiceLevel,
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
		Expect: func(now time.Time, demand float64) (growth, soon float64) {
			return profile.Forecast(now, demand, capacity.Lead(o.BridgeBoot), s.ServiceLevel).Growth(),
				profile.Forecast(now, demand, s.Bridges.Reaction, capacity.SoonLevel).Growth()
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
	o.Fleet = nil
	p := Ours(o).Bridges
	p.Target, p.Spare, p.Slack, p.ShrinkAfter = 0.78, 0.1, 0.1, 3*time.Minute
	return p
}
