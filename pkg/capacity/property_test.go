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
			Reaction:    2 * time.Minute,
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
				ID:          fleet.InstanceID(fmt.Sprintf("i-%02d", i)),
				State:       rapid.SampledFrom(states).Draw(t, "state"),
				Stress:      hundredths(0, 150).Draw(t, "stress"),
				Conferences: rapid.Int64Range(0, 3).Draw(t, "conferences"),
				Outdated:    rapid.IntRange(0, 4).Draw(t, "outdated") == 0,
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
			in.History = append(in.History, Sample{At: noon.Add(-time.Duration(ago) * time.Minute), Demand: demand.Draw(t, "sample")})
		}
		return in
	})
}

func anyGroup() *rapid.Generator[Input] {
	return groups(Serving, Serving, Serving, Serving, Booting, Draining, Retiring, Silent, Broken)
}

// obeyed is the group once a decision was carried out, all that was released has been ended, and nothing else has changed.
func obeyed(in Input, d Decision) Input {
	in.Bridges = slices.Clone(in.Bridges)
	for i, b := range in.Bridges {
		switch {
		case slices.Contains(d.Undrain, b.ID):
			in.Bridges[i].State = Serving
		case slices.Contains(d.Drain, b.ID):
			in.Bridges[i].State = Draining
		case slices.Contains(d.Release, b.ID):
			in.Bridges[i].State = Retiring
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
		if rapid.Bool().Draw(t, "at rest") {
			in = atRest(t, p, groups(Serving, Draining).Draw(t, "group at rest"))
		}
		d := DecideBridges(in, p)
		bought := max(in.Desired, in.Counted)
		if d.Launch < 0 || d.Short < 0 {
			t.Fatalf("launch %d, short %d", d.Launch, d.Short)
		}
		if d.Launch > 0 && bought+d.Launch > p.Max {
			t.Fatalf("%d are bought and %d launched beyond the maximum of %d", bought, d.Launch, p.Max)
		}
		if serve := count(in, Serving); len(d.Drain) > 0 && serve-len(d.Drain) < max(1, p.Min) {
			t.Fatalf("%d of %d are drained below the minimum of %d", len(d.Drain), serve, p.Min)
		}
		if d.Wanted < p.Min && bought+d.Launch < p.Max {
			t.Fatalf("%d are wanted below the minimum of %d with %d bought of %d", d.Wanted, p.Min, bought, p.Max)
		}
		if len(d.Reasons) == 0 {
			t.Fatal("no reason")
		}
	})
}

func TestWantedAreThoseThatServeStandInReserveOrBootAfterwards(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, in := policies().Draw(t, "policy"), anyGroup().Draw(t, "group")
		if rapid.Bool().Draw(t, "at rest") {
			in = atRest(t, p, in)
		}
		d := DecideBridges(in, p)
		after := obeyed(in, d)
		booting := count(after, Booting) + max(0, after.Desired-after.Counted)
		if n := count(after, Serving) + count(after, Silent) + count(after, Draining) + booting; n != d.Wanted {
			t.Fatalf("%d serve, stand in reserve or boot, and %d are wanted", n, d.Wanted)
		}
	})
}

func TestNothingIsDrainedAndTakenBackOrLaunchedAndReleasedAtOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, in := policies().Draw(t, "policy"), groups(Serving, Serving, Booting, Draining, Draining, Retiring).Draw(t, "group")
		if rapid.Bool().Draw(t, "at rest") {
			in = atRest(t, p, in)
		}
		d := DecideBridges(in, p)
		if len(d.Undrain) > 0 && len(d.Drain) > 0 || d.Launch > 0 && len(d.Release) > 0 {
			t.Fatalf("launch %d, release %v, undrain %v, drain %v", d.Launch, d.Release, d.Undrain, d.Drain)
		}
	})
}

// The roll of outdated bridges is another need than demand's.
func TestNothingIsLaunchedForDemandWhileTheReserveSuffices(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, in := policies().Draw(t, "policy"), current(anyGroup().Draw(t, "group"))
		d := DecideBridges(in, p)
		kept, room := max(0, in.Desired-in.Counted), 0.0
		room += float64(kept) * p.Target
		for _, b := range in.Bridges {
			switch b.State {
			case Serving, Draining:
				kept, room = kept+1, room+max(0, p.Target-b.Stress)
			case Booting:
				kept, room = kept+1, room+p.Target
			case Silent:
				kept++
			}
		}
		if d.Launch > 0 && kept >= p.Min && room > d.Needed+1e-6 {
			t.Fatalf("%d are launched, and all together have %.2f of room for the needed %.2f", d.Launch, room, d.Needed)
		}
	})
}

func TestTheMinimumServesAsFarAsThereAreBridges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, in := policies().Draw(t, "policy"), anyGroup().Draw(t, "group")
		after := obeyed(in, DecideBridges(in, p))
		serve, can := count(after, Serving)+count(after, Silent), count(in, Serving)+count(in, Silent)+count(in, Draining)
		if serve < min(p.Min, can) {
			t.Fatalf("%d serve of %d, and the minimum is %d", serve, can, p.Min)
		}
	})
}

func TestThoseThatServeHaveRoomForTheReactionAsFarAsThereAreBridges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := policies().Draw(t, "policy")
		in := groups(Serving, Serving, Draining, Booting, Retiring, Broken).Draw(t, "group")
		in.Soon = hundredths(0, 200).Draw(t, "soon")
		d := DecideBridges(in, p)
		after, room, more := obeyed(in, d), 0.0, 0.0
		for _, b := range after.Bridges {
			switch b.State {
			case Serving:
				room += max(0, p.Target-b.Stress)
			case Draining:
				more += max(0, p.Target-b.Stress)
			}
		}
		if room+1e-6 < d.Soon+standing*p.Target+in.Lost && more > 0 {
			t.Fatalf("%.2f of room serves and %.2f drains: %+v", room, more, d)
		}
	})
}

func TestOnlyServingBridgesAreDrainedAndOnlyDrainingOnesTakenBackOrReleased(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, in := policies().Draw(t, "policy"), groups(Serving, Serving, Booting, Draining, Draining, Retiring).Draw(t, "group")
		if rapid.Bool().Draw(t, "at rest") {
			in = atRest(t, p, in)
		}
		d := DecideBridges(in, p)
		states := map[fleet.InstanceID]State{}
		for _, b := range in.Bridges {
			states[b.ID] = b.State
		}
		chosen := map[fleet.InstanceID]bool{}
		for _, list := range []struct {
			ids  []fleet.InstanceID
			from State
		}{{d.Drain, Serving}, {d.Undrain, Draining}, {d.Release, Draining}} {
			for _, id := range list.ids {
				if chosen[id] || states[id] != list.from {
					t.Fatalf("%s is %s, not %s, or is chosen twice", id, states[id], list.from)
				}
				chosen[id] = true
			}
		}
	})
}

// fewSilent is a group in which the silent are presumed full: where they are many, what they carry is a guess that
// changes with those that serve.
func fewSilent(t *rapid.T) Input {
	in := anyGroup().Draw(t, "group")
	if silent := count(in, Silent); silent > fleet.Tolerated(silent+count(in, Serving)) {
		t.Skip("many are silent")
	}
	return in
}

// current is a group without outdated bridges.
func current(in Input) Input {
	in.Bridges = slices.Clone(in.Bridges)
	for i := range in.Bridges {
		in.Bridges[i].Outdated = false
	}
	return in
}

// atRest gives a group a history without gaps and without growth.
func atRest(t *rapid.T, p Policy, in Input) Input {
	past := Demand(in.Bridges) + rapid.SampledFrom([]float64{0, 0, 1}).Draw(t, "higher")
	in.History = minutes(int(2*max(p.ShrinkAfter, p.BootTime)/time.Minute)+3, func(int) float64 { return past })
	return in
}

func TestADecisionThatWasCarriedOutIsNotMadeAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, in := policies().Draw(t, "policy"), current(fewSilent(t))
		if rapid.Bool().Draw(t, "at rest") {
			in = atRest(t, p, in)
		}
		first := DecideBridges(in, p)
		second := DecideBridges(obeyed(in, first), p)
		if second.Launch > 0 || len(second.Undrain) > 0 || len(second.Drain) > 0 {
			t.Fatalf("after %+v comes %+v", first, second)
		}
	})
}

func TestARollComesToAnEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, in := policies().Draw(t, "policy"), fewSilent(t)
		if rapid.Bool().Draw(t, "at rest") {
			in = atRest(t, p, in)
		}
		launches := 0
		// Each bridge drains, is taken back and is released at most once.
		for range 3*len(in.Bridges) + 2 {
			d := DecideBridges(in, p)
			launches += d.Launch
			if d.Launch+len(d.Undrain)+len(d.Drain)+len(d.Release) == 0 {
				return
			}
			if launches > d.Launch && d.Launch > 0 {
				t.Fatalf("%d are launched while others boot", d.Launch)
			}
			in = obeyed(in, d)
		}
		t.Fatalf("it goes on with %+v", DecideBridges(in, p))
	})
}

func TestMoreDemandNeverWantsFewer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := policies().Draw(t, "policy")
		in := groups(Serving, Serving, Serving, Booting, Draining, Draining, Retiring, Silent).Draw(t, "group")
		if rapid.Bool().Draw(t, "at rest") {
			in = atRest(t, p, in)
		}
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
		if rapid.Bool().Draw(t, "at rest") {
			in = atRest(t, p, in)
		}
		without := DecideBridges(in, p)
		in.Expected = hundredths(0, 500).Draw(t, "expected")
		in.Soon = hundredths(0, 200).Draw(t, "soon")
		with := DecideBridges(in, p)
		onlyAdded(t, without, with)
		in.Expected += hundredths(0, 500).Draw(t, "more expected")
		in.Soon += hundredths(0, 200).Draw(t, "more soon")
		onlyAdded(t, with, DecideBridges(in, p))
	})
}

func onlyAdded(t *rapid.T, less, more Decision) {
	if more.Wanted+more.Short < less.Wanted+less.Short || len(more.Drain) > len(less.Drain) ||
		len(more.Undrain) < len(less.Undrain) || len(more.Release) > len(less.Release) {
		t.Fatalf("%+v expects more than %+v", more, less)
	}
}

func TestTheOrderOfBridgesDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, in := policies().Draw(t, "policy"), anyGroup().Draw(t, "group")
		if rapid.Bool().Draw(t, "at rest") {
			in = atRest(t, p, groups(Serving, Draining).Draw(t, "group at rest"))
		}
		one := DecideBridges(in, p)
		in.Bridges = rapid.Permutation(in.Bridges).Draw(t, "shuffled")
		other := DecideBridges(in, p)
		if one.Wanted != other.Wanted || one.Launch != other.Launch || one.Short != other.Short ||
			!slices.Equal(one.Drain, other.Drain) || !slices.Equal(one.Undrain, other.Undrain) || !slices.Equal(one.Release, other.Release) {
			t.Fatalf("%+v and %+v", one, other)
		}
	})
}
