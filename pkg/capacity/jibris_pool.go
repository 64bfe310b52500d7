package capacity

import (
	"cmp"
	"slices"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// pool is a tally of the observed recorders.
type pool struct {
	free                          []Jibri // in the order in which they would be retired
	busy, retiring, silent, unfit int
	booting                       int // seen to boot, and bought without being visible yet
	bought                        int // what Auto Scaling counts toward its maximum
}

func tallyJibris(in JibriInput) pool {
	g := pool{bought: max(in.Desired, in.Counted), booting: max(0, in.Desired-in.Counted)}
	for _, j := range in.Jibris {
		switch j.State {
		case JibriFree:
			g.free = append(g.free, j)
		case JibriBusy:
			g.busy++
		case JibriBooting:
			g.booting++
		case JibriRetiring:
			g.retiring++
		case JibriUnfit:
			g.unfit++
		case JibriSilent:
			g.silent++
		}
	}
	slices.SortFunc(g.free, func(a, b Jibri) int {
		if a.Outdated != b.Outdated {
			if a.Outdated {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(b.IdleFor, a.IdleFor), cmp.Compare(a.ID, b.ID))
	})
	return g
}

// inService is how many recorders neither boot nor leave.
func (g pool) inService() int { return len(g.free) + g.busy + g.silent + g.unfit }

// doubted reports whether so many are silent or unfit that the observer is presumed wrong.
func (g pool) doubted() bool { return g.silent+g.unfit > fleet.Tolerated(g.inService()) }

// blind reports whether so many are silent that how many are busy is not known.
func (g pool) blind() bool { return g.silent > fleet.Tolerated(g.inService()) }

// kept is how many recorders are busy, free or will be. Unfit ones are none of that, unless the observer is doubted.
func (g pool) kept() int {
	kept := len(g.free) + g.busy + g.silent + g.booting
	if g.doubted() {
		kept += g.unfit
	}
	return kept
}

// rolls reports whether an outdated recorder is free and none is on its way out.
func (g pool) rolls() bool {
	return g.retiring == 0 && slices.ContainsFunc(g.free, func(j Jibri) bool { return j.Outdated })
}

// unproven says what proof is missing that the pool is known and at rest; empty when none is.
func (g pool) unproven(in JibriInput, p JibriPolicy) string {
	switch {
	case g.silent > 0:
		return "not every recorder answered with fresh figures"
	case g.unfit > 0:
		return "a recorder is unfit"
	case g.booting > 0:
		return "recorders are booting"
	case !covered(in.Now, in.History, p.RetireAfter):
		return "what was needed in the last " + p.RetireAfter.String() + " is not known without gaps"
	default:
		return ""
	}
}
