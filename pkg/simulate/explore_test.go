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
		fut := futureOf(w)
		peak := fut.most(0, 14*86400)
		o := Options{BridgeBoot: 240 * time.Second, Spread: 0.15, WarmUp: 168 * time.Hour, Seed: 1}
		fmt.Printf("%s visits %d rooms %d recs %d peak %.1f\n", w.Name, len(w.Visits), w.Rooms, len(w.Recordings), peak)
		for _, c := range []struct {
			n    string
			p    capacity.Policy
			hind float64
		}{
			{"default .6/1", capacity.Policy{Target: .6, Spare: 1, Slack: .25, BootTime: 4 * time.Minute, ShrinkAfter: 10 * time.Minute, Min: 1, Max: 400}, 0},
			{"hind .6/1", capacity.Policy{Target: .6, Spare: 1, Slack: .25, BootTime: 4 * time.Minute, ShrinkAfter: 10 * time.Minute, Min: 1, Max: 400}, 420},
			{"hind .72/.3", capacity.Policy{Target: .72, Spare: .3, Slack: .1, BootTime: 4 * time.Minute, ShrinkAfter: 3 * time.Minute, Min: 1, Max: 400}, 420},
			{"hind .78/.1", capacity.Policy{Target: .78, Spare: .1, Slack: .1, BootTime: 4 * time.Minute, ShrinkAfter: 3 * time.Minute, Min: 1, Max: 400}, 420},
		} {
			f := &Fleet{Policy: c.p}
			if c.hind > 0 {
				f.Expect = func(now time.Time, d float64) float64 { return max(0, fut.most(now.Sub(w.Start).Seconds(), c.hind)-d) }
			}
			began := time.Now()
			r := RunBridges(w, f, 1, o)
			fmt.Printf("  %-14s %.2fx hours %.0f over %.4f%% sev %.4f%% uns %.4f%% drop %d launches %d  %s\n", c.n, r.InstanceHours/r.LowerBoundHours, r.InstanceHours, 100*r.OverloadShare, 100*r.SevereShare, 100*r.UnservedShare, r.DroppedParticipants, r.Launches, time.Since(began).Round(time.Millisecond))
		}
	}
}
