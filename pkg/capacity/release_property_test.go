package capacity

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestWhatBootsIsNoProofForARelease(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := policies().Draw(t, "policy")
		in := current(atRest(t, p, groups(Serving, Serving, Draining, Draining, Retiring).Draw(t, "group")))
		p.Min = min(p.Min, count(in, Serving))
		without := DecideBridges(in, p)
		in.Desired += rapid.IntRange(1, 5).Draw(t, "boot")
		if with := DecideBridges(in, p); without.Launch == 0 && len(with.Release) > len(without.Release) {
			t.Fatalf("%v is released while bridges boot, and %v else", with.Release, without.Release)
		}
	})
}

func TestSilenceAndIllnessNeverDrainNorRelease(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, in := policies().Draw(t, "policy"), anyGroup().Draw(t, "group")
		if len(in.Bridges) == 0 {
			t.Skip("nobody to be silent")
		}
		who := rapid.IntRange(0, len(in.Bridges)-1).Draw(t, "who")
		in.Bridges[who].State = rapid.SampledFrom([]State{Silent, Broken}).Draw(t, "state")
		if rapid.Bool().Draw(t, "at rest") {
			in = atRest(t, p, in)
		}
		if d := DecideBridges(in, p); len(d.Drain)+len(d.Release) > 0 {
			t.Fatalf("%v is drained and %v released beside a bridge that is %s", d.Drain, d.Release, in.Bridges[who].State)
		}
	})
}

func TestMoreHistoricPeakNeverDrainsNorReleasesMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, in := policies().Draw(t, "policy"), groups(Serving, Draining, Draining).Draw(t, "group")
		if rapid.Bool().Draw(t, "at rest") {
			in = atRest(t, p, in)
		}
		less := DecideBridges(in, p)
		if len(in.History) == 0 || less.Growth > 0 || less.Soon > 0 {
			t.Skip("a higher past lowers the growth that is expected")
		}
		higher := in
		higher.History = slices.Clone(in.History)
		at := rapid.IntRange(0, len(in.History)-1).Draw(t, "when")
		higher.History[at].Demand += hundredths(0, 300).Draw(t, "by")
		if d := DecideBridges(higher, p); len(d.Drain) > len(less.Drain) || len(d.Release) > len(less.Release) {
			t.Fatalf("%v is drained and %v released, and %v and %v with a lower past", d.Drain, d.Release, less.Drain, less.Release)
		}
	})
}

// All that is on the bridges that stay, and what leaves the retiring ones, is within their targets even at the peak.
func TestWhatStaysAfterTheReleasesHoldsTheRecentPeak(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := policies().Draw(t, "policy")
		in := groups(Serving, Serving, Draining, Draining, Retiring).Draw(t, "group")
		p.Min, p.Spare, p.Slack = min(p.Min, 3), p.Spare/4, p.Slack/4
		peaks := hundredths(0, 200).Draw(t, "highest sample")
		in.History = minutes(130, func(int) float64 { return peaks * hundredths(0, 100).Draw(t, "sample") })
		cool := rapid.IntRange(1, 8).Draw(t, "cool")
		for i, b := range in.Bridges {
			in.Bridges[i].Stress = b.Stress / float64(cool)
			if b.State == Draining && rapid.Bool().Draw(t, "empty") {
				in.Bridges[i].Stress = 0
			}
		}
		d := DecideBridges(in, p)
		peak, stays, ends := d.Demand, 0, 0
		for _, s := range in.History {
			if in.Now.Sub(s.At) <= p.ShrinkAfter {
				peak = max(peak, s.Demand)
			}
		}
		for _, b := range in.Bridges {
			switch {
			case b.State == Retiring:
			case b.Stress == 0 && slices.Contains(d.Release, b.ID):
				ends++
			default:
				stays++
			}
		}
		if carry := float64(stays) * p.Target; ends > 0 && carry+1e-6 < peak+(p.Spare+p.Slack)*p.Target {
			t.Fatalf("%d bridges carry %.2f, the peak was %.2f, spare %.2f and slack %.2f", stays, carry, peak, p.Spare, p.Slack)
		}
	})
}

func TestAHistoryWithAGapProvesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := policies().Draw(t, "policy")
		in := groups(Serving, Draining).Draw(t, "group")
		window := int(p.ShrinkAfter / time.Minute)
		in.History = minutes(2*window, func(int) float64 { return 0 })
		from := rapid.IntRange(1, window/2).Draw(t, "gap begins, minutes ago")
		until := from + window/2 + 1
		in.History = slices.DeleteFunc(in.History, func(s Sample) bool {
			ago := int(in.Now.Sub(s.At) / time.Minute)
			return from <= ago && ago <= until
		})
		if d := DecideBridges(in, p); len(d.Release) > 0 {
			t.Fatalf("%v is released after a gap from %d to %d minutes ago of %d", d.Release, until, from, window)
		}
	})
}
