package simulate

import (
	"fmt"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
	"testing"
	"time"
)

func TestX(t *testing.T) {
	for _, k := range kinds {
		w, _ := Generate(k.name, 14, 1)
		fut := participantsOf(w)
		for _, wu := range []time.Duration{168 * time.Hour} {
			o := Options{BridgeBoot: 240 * time.Second, Spread: 0.15, WarmUp: wu, Seed: 1}
			fmt.Printf("%s peak %d\n", w.Name, fut.most(0, 14*86400))
			for _, c := range []struct {
				n    string
				p    capacity.Policy
				hind float64
				z    float64
			}{
				{"hind .78/.1", capacity.Policy{Target: .78, Spare: .1, Slack: .1, BootTime: 4 * time.Minute, ShrinkAfter: 3 * time.Minute, Min: 1, Max: 400}, 420, 0},
				{"fc .75/.3 z1", capacity.Policy{Target: .75, Spare: .3, Slack: .1, BootTime: 4 * time.Minute, ShrinkAfter: 3 * time.Minute, Min: 1, Max: 400}, 0, 1},
				{"fc .75/.3 z2", capacity.Policy{Target: .75, Spare: .3, Slack: .1, BootTime: 4 * time.Minute, ShrinkAfter: 3 * time.Minute, Min: 1, Max: 400}, 0, 2},
				{"fc .75/.3 z3", capacity.Policy{Target: .75, Spare: .3, Slack: .1, BootTime: 4 * time.Minute, ShrinkAfter: 3 * time.Minute, Min: 1, Max: 400}, 0, 3},
				{"fc .70/.3 z3", capacity.Policy{Target: .70, Spare: .3, Slack: .1, BootTime: 4 * time.Minute, ShrinkAfter: 3 * time.Minute, Min: 1, Max: 400}, 0, 3},
			} {
				f := &Fleet{Policy: c.p}
				if c.hind > 0 {
					f.Expect = func(now time.Time, d float64) float64 {
						return max(0, float64(fut.most(now.Sub(w.Start).Seconds(), c.hind))/100-d)
					}
				}
				if c.z > 0 {
					pr := &capacity.Profile{}
					f.Learn = pr.Learn
					f.Expect = func(now time.Time, d float64) float64 { return pr.Expected(now, 7*time.Minute, c.z) }
				}
				began := time.Now()
				r := RunBridges(w, f, 1, o)
				fmt.Printf("  %-14s %.2fx hours %.0f over %.4f%% sev %.4f%% uns %.4f%% drop %d launches %d  %s\n", c.n, r.InstanceHours/r.LowerBoundHours, r.InstanceHours, 100*r.OverloadShare, 100*r.SevereShare, 100*r.UnservedShare, r.DroppedParticipants, r.Launches, time.Since(began).Round(time.Millisecond))
			}
		}
	}
}
