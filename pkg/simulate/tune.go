package simulate

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// ServiceLevel is what a fleet must keep to on each workload. Nobody is dropped and nobody is on a bridge above stress 1.0.
type ServiceLevel struct {
	Overload float64 // share of user time on bridges above stress 0.8, or without one: 0 to 1
	Failed   float64 // share of recordings that fail to start within 60 s: 0 to 1
}

// Trial is what some settings did on all workloads.
type Trial struct {
	Settings Settings
	Hours    float64 // of instances
	Excess   float64 // over the service level, summed over workloads; 0 when it is kept to
	Run      []Run   // by workload
}

// better compares two trials: the one nearer to the service level, then the cheaper one.
func better(a, b Trial) int {
	return cmp.Or(cmp.Compare(a.Excess, b.Excess), cmp.Compare(a.Hours, b.Hours))
}

// Load is a workload and its world.
type Load struct {
	Workload Workload
	World    Options
}

// dial is one setting and the values that are tried.
type dial struct {
	name string
	set  []func(*Settings)
}

func values[V any](name string, set func(*Settings, V), all ...V) dial {
	d := dial{name: name}
	for _, v := range all {
		d.set = append(d.set, func(s *Settings) { set(s, v) })
	}
	return d
}

// coarse dials are tried in all combinations first, since the best value of one depends on the others; then each dial is
// turned by itself, finely. All are values that package settings accepts. A target below 0.6 or a spare above two bridges was never cheapest.
var (
	coarseBridgeDials = []dial{
		values("target", func(s *Settings, v float64) { s.Bridges.Target = v }, 0.65, 0.72, 0.78),
		values("service level", func(s *Settings, v float64) { s.ServiceLevel = v }, 0.9, 0.99, 0.999, 0.9999),
		values("spare", func(s *Settings, v float64) { s.Bridges.Spare = v }, 0.1, 0.5, 1),
	}
	bridgeDials = []dial{
		values("target", func(s *Settings, v float64) { s.Bridges.Target = v }, 0.6, 0.65, 0.7, 0.72, 0.74, 0.75, 0.76, 0.78, 0.79),
		values("service level", func(s *Settings, v float64) { s.ServiceLevel = v }, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999),
		values("spare", func(s *Settings, v float64) { s.Bridges.Spare = v }, 0, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2),
		values("slack", func(s *Settings, v float64) { s.Bridges.Slack = v }, 0.05, 0.1, 0.2, 0.4),
		values("shrinkAfter", func(s *Settings, v time.Duration) { s.Bridges.ShrinkAfter = v }, 3*time.Minute, 5*time.Minute, 10*time.Minute, 20*time.Minute),
	}
	coarseJibriDials = []dial{
		values("free", func(s *Settings, v int) { s.Jibris.Free, s.Jibris.Min = v, v }, 1, 2, 3, 4, 6, 10),
		values("service level", func(s *Settings, v float64) { s.JibriServiceLevel = v }, 0.9, 0.99, 0.999, 0.9999),
	}
	jibriDials = []dial{
		values("service level", func(s *Settings, v float64) { s.JibriServiceLevel = v }, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9995, 0.9999),
		values("free", func(s *Settings, v int) { s.Jibris.Free, s.Jibris.Min = v, v }, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40),
		values("retireAfter", func(s *Settings, v time.Duration) { s.Jibris.RetireAfter = v }, 3*time.Minute, 5*time.Minute, 10*time.Minute, 20*time.Minute, 40*time.Minute),
	}
)

// TuneBridges finds settings of the bridges, by a coarse grid and then by turning one dial after the other to its best value
// until a whole round betters nothing, and tells of each better trial. That finds a good place, which need not be the best.
func TuneBridges(ctx context.Context, loads []Load, from Settings, level ServiceLevel, atOnce int, said func(dial string, t Trial)) (Trial, error) {
	return turn(ctx, coarseBridgeDials, bridgeDials, from, atOnce, said, func(s Settings) Trial {
		return try(loads, s, func(l Load, e Entry) (Run, float64, float64) {
			f, _ := PlayBridges(l.Workload, e.Bridges, e.FirstBridges, l.World)
			excess := max(0, f.OverloadShare+f.UnservedShare-level.Overload) + f.SevereShare + float64(f.DroppedParticipants)
			return Run{Bridges: &f}, f.InstanceHours, excess
		})
	})
}

// TuneJibris is TuneBridges' counterpart.
func TuneJibris(ctx context.Context, loads []Load, from Settings, level ServiceLevel, atOnce int, said func(dial string, t Trial)) (Trial, error) {
	return turn(ctx, coarseJibriDials, jibriDials, from, atOnce, said, func(s Settings) Trial {
		return try(loads, s, func(l Load, e Entry) (Run, float64, float64) {
			f, _ := PlayJibris(l.Workload, e.Jibris, e.FirstJibris, l.World)
			return Run{Jibris: &f}, f.InstanceHours, max(0, f.FailedShare-level.Failed) + float64(f.KilledRecordings)
		})
	})
}

func try(loads []Load, s Settings, play func(Load, Entry) (Run, float64, float64)) Trial {
	t := Trial{Settings: s}
	for _, l := range loads {
		run, hours, excess := play(l, With(s, l.World))
		t.Run, t.Hours, t.Excess = append(t.Run, run), t.Hours+hours, t.Excess+excess
	}
	return t
}

func turn(ctx context.Context, coarse, fine []dial, from Settings, atOnce int, said func(string, Trial), try func(Settings) Trial) (Trial, error) {
	best := try(from)
	step := func(name string, sets []func(*Settings)) bool {
		trials := all(ctx, sets, best.Settings, atOnce, try)
		if ctx.Err() != nil {
			return false
		}
		t := slices.MinFunc(trials, better)
		if better(t, best) >= 0 {
			return false
		}
		best = t
		said(name, t)
		return true
	}
	step("grid", combined(coarse))
	for bettered := true; bettered; {
		bettered = false
		for _, d := range fine {
			bettered = step(d.name, d.set) || bettered
		}
	}
	return best, ctx.Err()
}

// combined are all combinations of dials.
func combined(dials []dial) []func(*Settings) {
	sets := []func(*Settings){func(*Settings) {}}
	for _, d := range dials {
		var more []func(*Settings)
		for _, before := range sets {
			for _, set := range d.set {
				more = append(more, func(s *Settings) { before(s); set(s) })
			}
		}
		sets = more
	}
	return sets
}

// all tries some settings, some at once.
func all(ctx context.Context, sets []func(*Settings), from Settings, atOnce int, try func(Settings) Trial) []Trial {
	trials := make([]Trial, len(sets))
	slots := make(chan struct{}, max(1, atOnce))
	var group sync.WaitGroup
	for i, set := range sets {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if ctx.Err() != nil {
				return
			}
			s := from
			set(&s)
			trials[i] = try(s)
		})
	}
	group.Wait()
	return trials
}
