package capacity

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// jibriPolicies draws policies that package settings would accept.
func jibriPolicies() *rapid.Generator[JibriPolicy] {
	return rapid.Custom(func(t *rapid.T) JibriPolicy {
		p := JibriPolicy{
			Free:        rapid.IntRange(0, 12).Draw(t, "free"),
			BootTime:    time.Duration(rapid.IntRange(30, 1800).Draw(t, "boot seconds")) * time.Second,
			RetireAfter: time.Duration(rapid.IntRange(1, 120).Draw(t, "retire minutes")) * time.Minute,
		}
		p.Min = p.Free + rapid.IntRange(0, 5).Draw(t, "min above free")
		p.Max = max(1, p.Min+rapid.IntRange(0, 30).Draw(t, "room to max"))
		return p
	})
}

var anyJibriState = []JibriState{
	JibriFree, JibriFree, JibriFree, JibriFree, JibriBusy, JibriBusy, JibriBusy, JibriBooting, JibriRetiring, JibriUnfit, JibriSilent,
}

// pools draws observations of a pool with recorders in the given states.
func pools(states ...JibriState) *rapid.Generator[JibriInput] {
	return rapid.Custom(func(t *rapid.T) JibriInput {
		in := JibriInput{Now: noon, Expected: max(0, rapid.IntRange(-20, 10).Draw(t, "expected"))}
		for i := range rapid.IntRange(0, 25).Draw(t, "recorders") {
			in.Jibris = append(in.Jibris, Jibri{
				ID:       fleet.InstanceID(fmt.Sprintf("i-%02d", i)),
				State:    rapid.SampledFrom(states).Draw(t, "state"),
				IdleFor:  time.Duration(rapid.IntRange(0, 3600).Draw(t, "idle seconds")) * time.Second,
				Outdated: rapid.IntRange(0, 4).Draw(t, "outdated") == 0,
			})
		}
		in.Counted = len(in.Jibris)
		in.Desired = in.Counted + rapid.IntRange(-2, 3).Draw(t, "not visible yet")
		for range rapid.IntRange(0, 5).Draw(t, "start samples") {
			ago := time.Duration(rapid.IntRange(0, 3600).Draw(t, "seconds ago")) * time.Second
			in.Starts = append(in.Starts, Starts{noon.Add(-ago), rapid.IntRange(1, 6).Draw(t, "starts")})
		}
		level := rapid.IntRange(0, 20).Draw(t, "level")
		for ago := rapid.IntRange(0, 130).Draw(t, "minutes of history"); ago >= 1; ago-- {
			in.History = append(in.History, Sample{At: noon.Add(-time.Duration(ago) * time.Minute), Demand: float64(level)})
		}
		return in
	})
}

// carriedOut is the pool once a decision was carried out and nothing else has changed.
func carriedOut(in JibriInput, d JibriDecision) JibriInput {
	in.Jibris = slices.Clone(in.Jibris)
	for i, j := range in.Jibris {
		if slices.Contains(d.Retire, j.ID) {
			in.Jibris[i].State = JibriRetiring
		}
	}
	if d.Launch > 0 {
		in.Desired = max(in.Desired, in.Counted) + d.Launch
	}
	return in
}

func numberOf(in JibriInput, states ...JibriState) int {
	n := 0
	for _, j := range in.Jibris {
		if slices.Contains(states, j.State) {
			n++
		}
	}
	return n
}

func TestOnlyFreeRecordersAreEverChosen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := pools(anyJibriState...).Draw(t, "pool")
		d := DecideJibris(in, jibriPolicies().Draw(t, "policy"))
		chosen := map[fleet.InstanceID]bool{}
		for _, id := range d.Retire {
			at := slices.IndexFunc(in.Jibris, func(j Jibri) bool { return j.ID == id })
			if at < 0 || in.Jibris[at].State != JibriFree || chosen[id] {
				t.Fatalf("%s is chosen of %+v", id, in.Jibris)
			}
			chosen[id] = true
		}
	})
}

// Pools at rest are those in which somebody is chosen: any doubt keeps all.
func TestOnlyFreeRecordersAreChosenInAPoolThatIsTooLarge(t *testing.T) {
	somebody := false
	rapid.Check(t, func(t *rapid.T) {
		in := pools(JibriFree, JibriBusy, JibriRetiring).Draw(t, "pool")
		in.Desired, in.Expected, in.Starts, in.History = in.Counted, 0, nil, nil
		for ago := 130; ago >= 1; ago-- {
			in.History = append(in.History, Sample{At: noon.Add(-time.Duration(ago) * time.Minute), Demand: 0})
		}
		p := jibriPolicies().Draw(t, "policy")
		p.Free = min(p.Free, 3)
		p.Min = p.Free
		d := DecideJibris(in, p)
		somebody = somebody || len(d.Retire) > 0
		for _, id := range d.Retire {
			if at := slices.IndexFunc(in.Jibris, func(j Jibri) bool { return j.ID == id }); in.Jibris[at].State != JibriFree {
				t.Fatalf("%s is chosen of %+v", id, in.Jibris)
			}
		}
	})
	if !somebody {
		t.Fatal("nobody was ever chosen, so that nothing is shown")
	}
}

func TestThePoolStaysWithinItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, in := jibriPolicies().Draw(t, "policy"), pools(anyJibriState...).Draw(t, "pool")
		d := DecideJibris(in, p)
		bought := max(in.Desired, in.Counted)
		switch {
		case d.Wanted < p.Min || d.Wanted > p.Max:
			t.Fatalf("%d are wanted outside %d to %d", d.Wanted, p.Min, p.Max)
		case d.Launch < 0 || d.Short < 0 || d.Launch > 0 && bought+d.Launch > p.Max:
			t.Fatalf("%d are launched beside %d, %d short, at a maximum of %d", d.Launch, bought, d.Short, p.Max)
		case d.Launch > 0 && len(d.Retire) > 0:
			t.Fatal("recorders are launched and retired at once")
		case len(d.Reasons) == 0:
			t.Fatal("no reason")
		}
		stays := numberOf(in, JibriFree, JibriBusy) - len(d.Retire)
		if len(d.Retire) > 0 && (stays < p.Min || numberOf(in, JibriFree)-len(d.Retire) < min(p.Free, p.Max-numberOf(in, JibriBusy))) {
			t.Fatalf("%d recorders stay, %d of them free", stays, numberOf(in, JibriFree)-len(d.Retire))
		}
	})
}

func TestAnyDoubtKeepsEveryRecorder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, in := jibriPolicies().Draw(t, "policy"), pools(anyJibriState...).Draw(t, "pool")
		if len(in.Jibris) == 0 {
			t.Skip("nobody to doubt")
		}
		who := rapid.IntRange(0, len(in.Jibris)-1).Draw(t, "who")
		in.Jibris[who].State = rapid.SampledFrom([]JibriState{JibriSilent, JibriUnfit, JibriBooting}).Draw(t, "state")
		if d := DecideJibris(in, p); len(d.Retire) > 0 {
			t.Fatalf("%v is retired beside one that is %s", d.Retire, in.Jibris[who].State)
		}
	})
}

func TestWhenAllAreSilentOrDisagreeNothingIsEndedAndTheMinimumIsTheMost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, in := jibriPolicies().Draw(t, "policy"), pools(JibriSilent).Draw(t, "pool")
		in.Desired, in.Expected = in.Counted, 0
		if in.Counted < 2 {
			t.Skip("one silent recorder is tolerated")
		}
		if d := DecideJibris(in, p); len(d.Retire) > 0 || d.Launch > max(0, p.Min-in.Counted) {
			t.Fatalf("all are silent: %+v", d)
		}
		in.Starts = nil
		for i := range in.Jibris {
			in.Jibris[i].State = JibriUnfit
		}
		if d := DecideJibris(in, p); len(d.Retire) > 0 || d.Launch > max(0, p.Min-in.Counted) {
			t.Fatalf("all are unfit: %+v", d)
		}
	})
}

func TestADecisionOnRecordersThatWasCarriedOutIsNotMadeAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, in := jibriPolicies().Draw(t, "policy"), pools(anyJibriState...).Draw(t, "pool")
		first := DecideJibris(in, p)
		in = carriedOut(in, first)
		if second := DecideJibris(in, p); second.Launch > 0 || len(second.Retire) > 0 {
			t.Fatalf("after %+v comes %+v", first, second)
		}
	})
}

// A roll launches one too, and no longer once the outdated recorder is busy: that launch is for no start, so that nobody is
// outdated here.
func TestAStartAddsOneLaunchAndWhatIsExpectedOfIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, in := jibriPolicies().Draw(t, "policy"), pools(JibriFree, JibriBusy, JibriBooting, JibriRetiring).Draw(t, "pool")
		at := slices.IndexFunc(in.Jibris, func(j Jibri) bool { return j.State == JibriFree })
		p.Max = 1000
		for i := range in.Jibris {
			in.Jibris[i].Outdated = false
		}
		before := DecideJibris(in, p)
		if at < 0 || before.Launch == 0 {
			t.Skip("nobody to start on, or the start falls into a surplus")
		}
		in.Jibris = slices.Clone(in.Jibris)
		in.Jibris[at].State = JibriBusy
		in.Starts = append(slices.Clone(in.Starts), Starts{noon, 1})
		after := DecideJibris(in, p)
		if more := after.Launch - before.Launch; more > 1+after.Expected-before.Expected || more < 0 {
			t.Fatalf("%+v becomes %+v", before, after)
		}
	})
}

func TestTheOrderOfRecordersDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, in := jibriPolicies().Draw(t, "policy"), pools(anyJibriState...).Draw(t, "pool")
		one := DecideJibris(in, p)
		in.Jibris = rapid.Permutation(in.Jibris).Draw(t, "shuffled")
		other := DecideJibris(in, p)
		if one.Wanted != other.Wanted || one.Launch != other.Launch || one.Short != other.Short || !slices.Equal(one.Retire, other.Retire) {
			t.Fatalf("%+v and %+v", one, other)
		}
	})
}

func TestMoreBusyRecordersNeverWantFewer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, in := jibriPolicies().Draw(t, "policy"), pools(anyJibriState...).Draw(t, "pool")
		less := DecideJibris(in, p)
		in.Jibris = slices.Clone(in.Jibris)
		for i, j := range in.Jibris {
			if j.State == JibriFree && rapid.Bool().Draw(t, "begins") {
				in.Jibris[i].State = JibriBusy
			}
		}
		if d := DecideJibris(in, p); d.Wanted < less.Wanted {
			t.Fatalf("%+v wants fewer than %+v", d, less)
		}
	})
}
