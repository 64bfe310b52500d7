package capacity

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// hundredths draws a fraction with two digits, such as stress is told with.
func hundredths(from, to int) *rapid.Generator[float64] {
	return rapid.Map(rapid.IntRange(from, to), func(n int) float64 { return float64(n) / 100 })
}

// policies draws policies that package settings would accept.
func policies() *rapid.Generator[Policy] {
	return rapid.Custom(func(t *rapid.T) Policy {
		p := Policy{
			Target:      hundredths(10, 79).Draw(t, "target"),
			Spare:       hundredths(0, 400).Draw(t, "spare"),
			Slack:       hundredths(10, 300).Draw(t, "slack"),
			BootTime:    time.Duration(rapid.IntRange(30, 1800).Draw(t, "boot seconds")) * time.Second,
			ShrinkAfter: time.Duration(rapid.IntRange(3, 120).Draw(t, "shrink minutes")) * time.Minute,
			Min:         rapid.IntRange(1, 10).Draw(t, "min"),
		}
		p.Max = p.Min + rapid.IntRange(0, 30).Draw(t, "room to max")
		return p
	})
}

// groups draws observations of a group with bridges in the given states.
func groups(states ...State) *rapid.Generator[Input] {
	return rapid.Custom(func(t *rapid.T) Input {
		in := Input{Now: noon}
		for i := range rapid.IntRange(0, 14).Draw(t, "bridges") {
			in.Bridges = append(in.Bridges, Bridge{
				ID:       fleet.InstanceID(fmt.Sprintf("i-%02d", i)),
				State:    rapid.SampledFrom(states).Draw(t, "state"),
				Stress:   hundredths(0, 150).Draw(t, "stress"),
				Outdated: rapid.IntRange(0, 4).Draw(t, "outdated") == 0,
			})
		}
		in.Counted = len(in.Bridges)
		in.Desired = in.Counted + rapid.IntRange(-2, 3).Draw(t, "not visible yet")
		in.Lost = max(0, hundredths(-200, 200).Draw(t, "a lost shard's share"))
		demand := hundredths(0, 600)
		if rapid.Bool().Draw(t, "flat history") {
			d := demand.Draw(t, "flat")
			demand = rapid.Just(d)
		}
		for ago := rapid.IntRange(0, 130).Draw(t, "minutes of history"); ago >= 1; ago-- {
			in.History = append(in.History, Sample{noon.Add(-time.Duration(ago) * time.Minute), demand.Draw(t, "sample")})
		}
		return in
	})
}

func anyGroup() *rapid.Generator[Input] {
	return groups(Serving, Serving, Serving, Serving, Booting, Draining, Retiring, Silent, Broken)
}

// obeyed is the group once a decision was carried out and nothing else has changed.
func obeyed(in Input, d Decision) Input {
	in.Bridges = slices.Clone(in.Bridges)
	for i, b := range in.Bridges {
		switch {
		case slices.Contains(d.Undrain, b.ID):
			in.Bridges[i].State = Serving
		case slices.Contains(d.Drain, b.ID):
			in.Bridges[i].State = Draining
		}
	}
	if d.Launch > 0 {
		in.Desired = max(in.Desired, in.Counted) + d.Launch
	}
	return in
}

func count(in Input, s State) int {
	n := 0
	for _, b := range in.Bridges {
		if b.State == s {
			n++
		}
	}
	return n
}

func TestDecisionsStayWithinBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, in := policies().Draw(t, "policy"), anyGroup().Draw(t, "group")
		d := DecideBridges(in, p)
		bought := max(in.Desired, in.Counted)
		if d.Launch < 0 || d.Short < 0 {
			t.Fatalf("launch %d, short %d", d.Launch, d.Short)
		}
		if d.Launch > 0 && bought+d.Launch > p.Max {
			t.Fatalf("%d are bought and %d launched beyond the maximum of %d", bought, d.Launch, p.Max)
		}
		if kept := count(in, Serving) + count(in, Silent); len(d.Drain) > 0 && kept-len(d.Drain) < p.Min {
			t.Fatalf("%d of %d are drained below the minimum of %d", len(d.Drain), kept, p.Min)
		}
		if d.Wanted < p.Min && bought+d.Launch < p.Max {
			t.Fatalf("%d are wanted below the minimum of %d with %d bought of %d", d.Wanted, p.Min, bought, p.Max)
		}
		if len(d.Reasons) == 0 {
			t.Fatal("no reason")
		}
	})
}

func TestNothingIsLaunchedOrTakenBackAndDrainedAtOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := DecideBridges(anyGroup().Draw(t, "group"), policies().Draw(t, "policy"))
		if (d.Launch > 0 || len(d.Undrain) > 0) && len(d.Drain) > 0 {
			t.Fatalf("launch %d, undrain %v, drain %v", d.Launch, d.Undrain, d.Drain)
		}
	})
}

func TestOnlyServingBridgesAreDrainedAndOnlyDrainingOnesTakenBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anyGroup().Draw(t, "group")
		d := DecideBridges(in, policies().Draw(t, "policy"))
		states := map[fleet.InstanceID]State{}
		for _, b := range in.Bridges {
			states[b.ID] = b.State
		}
		chosen := map[fleet.InstanceID]bool{}
		for _, list := range []struct {
			ids  []fleet.InstanceID
			from State
		}{{d.Drain, Serving}, {d.Undrain, Draining}} {
			for _, id := range list.ids {
				if chosen[id] || states[id] != list.from {
					t.Fatalf("%s is %s, not %s, or is chosen twice", id, states[id], list.from)
				}
				chosen[id] = true
			}
		}
	})
}

func TestSilenceAndIllnessNeverDrain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, in := policies().Draw(t, "policy"), anyGroup().Draw(t, "group")
		if len(in.Bridges) == 0 {
			t.Skip("nobody to be silent")
		}
		who := rapid.IntRange(0, len(in.Bridges)-1).Draw(t, "who")
		in.Bridges[who].State = rapid.SampledFrom([]State{Silent, Broken, Booting}).Draw(t, "state")
		if d := DecideBridges(in, p); len(d.Drain) > 0 {
			t.Fatalf("%v is drained beside a bridge that is %s", d.Drain, in.Bridges[who].State)
		}
	})
}

func TestADecisionThatWasCarriedOutIsNotMadeAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, in := policies().Draw(t, "policy"), anyGroup().Draw(t, "group")
		first := DecideBridges(in, p)
		in = obeyed(in, first)
		second := DecideBridges(in, p)
		if rolled := second.Launch == 1 && len(first.Undrain) > 0; rolled {
			// An outdated bridge that was taken back begins a roll, which is another need, and once.
			in = obeyed(in, second)
			second = DecideBridges(in, p)
		}
		if second.Launch > 0 || len(second.Undrain) > 0 || len(second.Drain) > 0 {
			t.Fatalf("after %+v comes %+v", first, second)
		}
	})
}

func TestMoreDemandNeverWantsFewer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := policies().Draw(t, "policy")
		in := groups(Serving, Serving, Serving, Booting, Draining, Retiring, Silent).Draw(t, "group")
		less := DecideBridges(in, p)
		more := in
		more.Bridges = slices.Clone(in.Bridges)
		for i, b := range in.Bridges {
			// Up to the target: what a bridge carries beyond it is no room lost to the others.
			if b.State == Serving && b.Stress < p.Target {
				more.Bridges[i].Stress = b.Stress + rapid.Float64Range(0, 1).Draw(t, "share")*(p.Target-b.Stress)
			}
		}
		if d := DecideBridges(more, p); d.Wanted < less.Wanted {
			t.Fatalf("%+v wants fewer than %+v", d, less)
		}
	})
}

func TestAForecastOnlyAdds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, in := policies().Draw(t, "policy"), anyGroup().Draw(t, "group")
		without := DecideBridges(in, p)
		in.Expected = hundredths(0, 500).Draw(t, "expected")
		with := DecideBridges(in, p)
		if with.Wanted+with.Short < without.Wanted+without.Short || len(with.Drain) > len(without.Drain) || len(with.Undrain) < len(without.Undrain) {
			t.Fatalf("%+v with a forecast of %.2f, and %+v without one", with, in.Expected, without)
		}
		more := in
		more.Expected += hundredths(0, 500).Draw(t, "more")
		if d := DecideBridges(more, p); d.Wanted < with.Wanted || len(d.Drain) > len(with.Drain) {
			t.Fatalf("%+v at a higher forecast than %+v", d, with)
		}
	})
}

func TestMoreHistoricPeakNeverDrainsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, in := policies().Draw(t, "policy"), groups(Serving, Draining).Draw(t, "group")
		less := DecideBridges(in, p)
		if len(in.History) == 0 || less.Growth > 0 {
			t.Skip("a higher past lowers the growth that is expected")
		}
		higher := in
		higher.History = slices.Clone(in.History)
		at := rapid.IntRange(0, len(in.History)-1).Draw(t, "when")
		higher.History[at].Demand += hundredths(0, 300).Draw(t, "by")
		if d := DecideBridges(higher, p); len(d.Drain) > len(less.Drain) {
			t.Fatalf("%v is drained, and %v with a lower past", d.Drain, less.Drain)
		}
	})
}

func TestTheOrderOfBridgesDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, in := policies().Draw(t, "policy"), anyGroup().Draw(t, "group")
		one := DecideBridges(in, p)
		in.Bridges = rapid.Permutation(in.Bridges).Draw(t, "shuffled")
		other := DecideBridges(in, p)
		if one.Wanted != other.Wanted || one.Launch != other.Launch || one.Short != other.Short ||
			!slices.Equal(one.Drain, other.Drain) || !slices.Equal(one.Undrain, other.Undrain) {
			t.Fatalf("%+v and %+v", one, other)
		}
	})
}

func TestWhatStaysAfterADrainHoldsTheRecentPeak(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := policies().Draw(t, "policy")
		in := groups(Serving, Serving, Serving, Serving, Draining, Retiring).Draw(t, "group")
		p.Min, p.Spare, p.Slack = min(p.Min, 3), p.Spare/4, p.Slack/4
		peaks := hundredths(0, 200).Draw(t, "highest sample")
		in.History = minutes(130, func(int) float64 { return peaks * hundredths(0, 100).Draw(t, "sample") })
		for i := range in.Bridges {
			in.Bridges[i].Stress = min(in.Bridges[i].Stress/4, p.Target/2)
		}
		d := DecideBridges(in, p)
		if len(d.Drain) == 0 {
			return
		}
		peak, stays := d.Demand, 0
		for _, s := range in.History {
			if in.Now.Sub(s.At) <= p.ShrinkAfter {
				peak = max(peak, s.Demand)
			}
		}
		for _, b := range in.Bridges {
			if b.State == Serving && !slices.Contains(d.Drain, b.ID) {
				stays++
			}
		}
		// Nobody is above the target here, so stays*Target is all that they can carry, what leaves included.
		if carry := float64(stays) * p.Target; carry+1e-6 < peak+(p.Spare+p.Slack)*p.Target {
			t.Fatalf("%d bridges carry %.2f, the peak was %.2f, spare %.2f and slack %.2f", stays, carry, peak, p.Spare, p.Slack)
		}
	})
}

func TestAHistoryWithAGapProvesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := policies().Draw(t, "policy")
		in := groups(Serving).Draw(t, "group")
		window := int(p.ShrinkAfter / time.Minute)
		in.History = minutes(2*window, func(int) float64 { return 0 })
		from := rapid.IntRange(1, window/2).Draw(t, "gap begins, minutes ago")
		until := from + window/2 + 1
		in.History = slices.DeleteFunc(in.History, func(s Sample) bool {
			ago := int(in.Now.Sub(s.At) / time.Minute)
			return from <= ago && ago <= until
		})
		if d := DecideBridges(in, p); len(d.Drain) > 0 {
			t.Fatalf("%v is drained after a gap from %d to %d minutes ago of %d", d.Drain, until, from, window)
		}
	})
}
