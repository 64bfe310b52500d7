package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"runtime"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/simulate"
)

// fragment is the part of cdk.json that was tuned.
type fragment struct {
	Fleet struct {
		Bridges struct {
			Target      float64           `json:"target"`
			Spare       float64           `json:"spare"`
			Slack       float64           `json:"slack"`
			ShrinkAfter settings.Duration `json:"shrinkAfter"`
			BootTime    settings.Duration `json:"bootTime"`
			// ServiceLevel is how likely the forecast shall suffice.
			ServiceLevel float64 `json:"serviceLevel"`
		} `json:"bridges"`
		Jibris struct {
			Free         int               `json:"free"`
			Min          int               `json:"min"`
			RetireAfter  settings.Duration `json:"retireAfter"`
			BootTime     settings.Duration `json:"bootTime"`
			ServiceLevel float64           `json:"serviceLevel"`
		} `json:"jibris"`
	} `json:"fleet"`
}

// tune finds the cheapest settings that keep to the service level on every workload.
func tune(ctx context.Context, workloads []simulate.Workload, o options, out, progress io.Writer) error {
	loads := make([]simulate.Load, len(workloads))
	for i, w := range workloads {
		loads[i] = simulate.Load{Workload: w, World: o.worldOf(i)}
		loads[i].World.Sample = 0
	}
	level := simulate.ServiceLevel{Overload: o.overload, Failed: o.failed}
	said := func(dial string, t simulate.Trial) {
		say(progress, "  a better %s: %.0f hours, %s\n", dial, t.Hours, kept(t))
	}
	from := simulate.Ours(o.world)
	say(progress, "Bridges\n")
	bridges, err := simulate.TuneBridges(ctx, loads, from, level, runtime.NumCPU(), said)
	if err != nil {
		return err
	}
	say(progress, "Recorders\n")
	jibris, err := simulate.TuneJibris(ctx, loads, from, level, runtime.NumCPU(), said)
	if err != nil {
		return err
	}
	for i, l := range loads {
		b, j := bridges.Run[i].Bridges, jibris.Run[i].Jibris
		say(progress, "%s: bridges %s x the bound, %.4f %% overloaded, %.4f %% severe; recorders %s x busy, %.2f %% failed\n", l.Workload.Name,
			ratio(b.InstanceHours, b.LowerBoundHours), 100*b.OverloadShare, 100*b.SevereShare, ratio(j.InstanceHours, j.BusyHours), 100*j.FailedShare)
	}
	for _, w := range workloads {
		say(progress, "%s\n", sizes(w, bridges.Settings, jibris.Settings))
	}
	say(progress, "Bridges: %s. Recorders: %s. The forecast's service level is %g.\n", kept(bridges), kept(jibris), bridges.Settings.ServiceLevel)
	return printFragment(bridges.Settings, jibris.Settings, out)
}

// sizes says what the maxima must allow: tuning leaves them open, and they are no part of the fragment.
func sizes(w simulate.Workload, bridges, jibris simulate.Settings) string {
	people, recorded := w.Peak()
	d := settings.Defaults()
	return fmt.Sprintf("%s: up to %d participants and %d recordings at once, so bridges.max, %d unless you write it, must be above %d and jibris.max, %d, above %d",
		w.Name, people, recorded, d.Bridges.Max, int(math.Ceil(float64(people)*settings.ParticipantStress/bridges.Bridges.Target)), d.Jibris.Max, recorded+jibris.Jibris.Free)
}

func kept(t simulate.Trial) string {
	if t.Excess == 0 {
		return "the service level is kept to"
	}
	return fmt.Sprintf("the service level is missed, by %.4f %% in sum", 100*t.Excess)
}

func printFragment(bridges, jibris simulate.Settings, out io.Writer) error {
	var f fragment
	b, j := &f.Fleet.Bridges, &f.Fleet.Jibris
	b.Target, b.Spare, b.Slack = bridges.Bridges.Target, bridges.Bridges.Spare, bridges.Bridges.Slack
	b.ServiceLevel = bridges.ServiceLevel
	b.ShrinkAfter, b.BootTime = settings.Duration(bridges.Bridges.ShrinkAfter), settings.Duration(bridges.Bridges.BootTime)
	j.Free, j.Min = jibris.Jibris.Free, jibris.Jibris.Min
	j.ServiceLevel = jibris.JibriServiceLevel
	j.RetireAfter, j.BootTime = settings.Duration(jibris.Jibris.RetireAfter), settings.Duration(jibris.Jibris.BootTime)
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(f)
}
