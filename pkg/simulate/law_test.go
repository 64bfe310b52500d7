package simulate

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
)

// The laws of package capacity, held over whole runs with faults: there they meet groups and histories that happen.

// watched is our policy, of which each decision is checked.
type watched struct {
	*Fleet
	check func(seen BridgeView, f Fleet, decided capacity.Decision, deeds Deeds)
}

// Decide decides as Fleet does. The check gets the fleet as it was before.
func (w *watched) Decide(v BridgeView) Deeds {
	before, decided := *w.Fleet, capacity.Decision{}
	before.history, before.Learn = slices.Clone(before.history), nil
	w.Log = func(d capacity.Decision) { decided = d }
	deeds := w.Fleet.Decide(v)
	w.check(v, before, decided, deeds)
	return deeds
}

// again is what a fleet would have decided on a view.
func again(f Fleet, v BridgeView) capacity.Decision {
	var decided capacity.Decision
	f.Log = func(d capacity.Decision) { decided = d }
	f.Decide(v)
	return decided
}

func watch(w Workload, s Settings, o Options, check func(seen BridgeView, f Fleet, decided capacity.Decision, deeds Deeds)) BridgeFigures {
	return RunBridges(w, &watched{ourBridges(s, o), check}, s.Bridges.Min, o)
}

// pastDay are levels of demand, in stress, of the quarters of an hour of a day's first three hours.
func pastDay() *rapid.Generator[[]float64] { return rapid.SliceOfN(rapid.Float64Range(0, 6), 12, 12) }

// taught is our policy with a past working day that was as it is said.
func taught(day []float64, s Settings, o Options) *Fleet {
	f := ourBridges(s, o)
	for quarter, demand := range day {
		for minute := range 15 {
			f.Learn(Monday.AddDate(0, 0, -3).Add(time.Duration(15*quarter+minute)*time.Minute), demand)
		}
	}
	return f
}

func TestTheFleetStaysWithinItsBoundsWhateverGoesWrong(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, o := wholeSeconds().Draw(t, "workload"), anyWorld().Draw(t, "world")
		s := Ours(o)
		s.Bridges.Min = rapid.IntRange(1, 3).Draw(t, "minimum")
		s.Bridges.Max = s.Bridges.Min + rapid.IntRange(0, 4).Draw(t, "beyond")
		watch(w, s, o, func(seen BridgeView, _ Fleet, decided capacity.Decision, deeds Deeds) {
			alive, serving := 0, map[int]bool{}
			for _, b := range seen.Bridges {
				if !b.Ending {
					alive++
				}
				if b.State == capacity.Serving {
					serving[b.ID] = true
				}
			}
			if deeds.Launch > 0 && alive+deeds.Launch > s.Bridges.Max {
				t.Fatalf("%d are launched beside %d of at most %d", deeds.Launch, alive, s.Bridges.Max)
			}
			if decided.Wanted < s.Bridges.Min && decided.Short == 0 && alive+deeds.Launch < s.Bridges.Max {
				t.Fatalf("%d are wanted of at least %d", decided.Wanted, s.Bridges.Min)
			}
			for _, id := range deeds.Drain {
				if !serving[id] {
					t.Fatalf("%d is drained and does not serve", id)
				}
				delete(serving, id)
			}
			if len(deeds.Drain) > 0 && len(serving) < s.Bridges.Min {
				t.Fatalf("%d serve after a drain, of at least %d", len(serving), s.Bridges.Min)
			}
		})
	})
}

func TestAForecastNeverShrinksAFleet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, o := wholeSeconds().Draw(t, "workload"), anyWorld().Draw(t, "world")
		f := taught(pastDay().Draw(t, "past day"), Ours(o), o)
		RunBridges(w, &watched{f, func(seen BridgeView, f Fleet, with capacity.Decision, _ Deeds) {
			f.Expect = nil
			if without := again(f, seen); with.Wanted+with.Short < without.Wanted+without.Short {
				t.Fatalf("at %s %+v with a forecast, and %+v without one", seen.Now, with, without)
			}
		}}, 1, o)
	})
}

func TestMoreLoadNeverWantsASmallerFleet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, o := wholeSeconds().Draw(t, "workload"), anyWorld().Draw(t, "world")
		share := rapid.Float64Range(0, 1).Draw(t, "share")
		watch(w, Ours(o), o, func(seen BridgeView, f Fleet, _ capacity.Decision, _ Deeds) {
			f.Expect = nil
			less := again(f, seen)
			seen.Bridges = slices.Clone(seen.Bridges)
			for i, b := range seen.Bridges {
				// Up to the target: what a bridge carries beyond it is no room lost to the others.
				if b.State == capacity.Serving && b.Stress < f.Policy.Target {
					seen.Bridges[i].Stress += share * (f.Policy.Target - b.Stress)
				}
			}
			if more := again(f, seen); more.Wanted < less.Wanted {
				t.Fatalf("at %s %+v wants fewer than %+v", seen.Now, more, less)
			}
		})
	})
}

func TestADecisionThatIsMadeTwiceLaunchesOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, o := wholeSeconds().Draw(t, "workload"), anyWorld().Draw(t, "world")
		o.Faults = Faults{SlowBoots: o.Faults.SlowBoots, BootFailures: o.Faults.BootFailures, DoubledRuns: 1}
		var last BridgeView
		launched := 0
		watch(w, Ours(o), o, func(seen BridgeView, _ Fleet, decided capacity.Decision, deeds Deeds) {
			if launched > 0 && deeds.Launch > 0 && seen.Now.Equal(last.Now) && peopleOn(seen) == peopleOn(last) {
				t.Fatalf("at %s %d more are launched after %d: %v", seen.Now, deeds.Launch, launched, decided.Reasons)
			}
			last = BridgeView{Now: seen.Now, Bridges: slices.Clone(seen.Bridges)}
			launched = deeds.Launch
		})
	})
}

func peopleOn(v BridgeView) int {
	people := 0
	for _, b := range v.Bridges {
		people += b.People
	}
	return people
}

// TestAFleetComesToRest holds that nothing flaps: when people stay as they are, nothing is launched, drained or taken back
// once the forecast has forgotten the hours before, though decisions and wake-ups are lost, doubled and throttled.
func TestAFleetComesToRest(t *testing.T) {
	const movement, steady = 3 * time.Hour, 5 * time.Hour
	rapid.Check(t, func(t *rapid.T) {
		w, o := wholeSeconds().Draw(t, "workload"), anyWorld().Draw(t, "world")
		people := rapid.IntRange(0, 300).Draw(t, "people who stay")
		w.Rooms += 6
		for i := range people {
			w.Visits = append(w.Visits, Visit{int32(w.Rooms - 1 - i%6), movement.Seconds(), (movement + steady).Seconds()})
		}
		w.sort()
		o.WarmUp = 0
		o.Faults = Faults{
			LostWakes: o.Faults.LostWakes, DoubledRuns: o.Faults.DoubledRuns, Throttled: o.Faults.Throttled, NoCapacity: o.Faults.NoCapacity, SlowBoots: o.Faults.SlowBoots,
		}
		rest := w.Start.Add(movement + steady - 40*time.Minute)
		watch(w, Ours(o), o, func(seen BridgeView, _ Fleet, decided capacity.Decision, deeds Deeds) {
			if seen.Now.After(rest) && seen.Now.Before(rest.Add(39*time.Minute)) && deeds.Launch+len(deeds.Drain)+len(deeds.Undrain) > 0 {
				t.Fatalf("at %s %+v: %v", seen.Now, deeds, decided.Reasons)
			}
		})
	})
}
