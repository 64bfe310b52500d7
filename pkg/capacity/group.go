package capacity

import (
	"cmp"
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// group is a tally of the observed bridges; those that serve and those that drain are in the order in which they would leave.
type group struct {
	serving, draining, retiring, silent, broken []Bridge
	booting                                     int // seen to boot, and bought without being visible yet
	bought                                      int // what Auto Scaling counts toward its maximum
	demand                                      float64
}

func tally(in Input) group {
	g := group{bought: max(in.Desired, in.Counted), demand: Demand(in.Bridges)}
	g.booting = max(0, in.Desired-in.Counted)
	for _, b := range in.Bridges {
		switch b.State {
		case Serving:
			g.serving = append(g.serving, b)
		case Draining:
			g.draining = append(g.draining, b)
		case Retiring:
			g.retiring = append(g.retiring, b)
		case Booting:
			g.booting++
		case Broken:
			g.broken = append(g.broken, b)
		case Silent:
			g.silent = append(g.silent, b)
		}
	}
	slices.SortFunc(g.serving, inOrder)
	slices.SortFunc(g.draining, inOrder)
	return g
}

// complete reports whether every bridge in service answered; only then are sums over them the truth.
func (g group) complete() bool { return len(g.silent) == 0 && len(g.broken) == 0 }

// blind reports whether there are bridges in service and none of them answered.
func (g group) blind() bool {
	return len(g.silent) > 0 && len(g.serving)+len(g.draining)+len(g.broken) == 0
}

// kept is how many bridges serve, stand in reserve, boot or are presumed to serve. Broken ones are no capacity.
func (g group) kept() int { return len(g.serving) + len(g.silent) + len(g.draining) + g.booting }

// reserve is the stress that bridges could take that do not serve now: draining ones at once, booting ones later.
func (g group) reserve(p Policy) float64 {
	reserve := float64(g.booting) * p.Target
	for _, b := range g.draining {
		reserve += roomOf(b, p)
	}
	return reserve
}

// load is the stress that bridges carry.
func load(bridges []Bridge) float64 {
	sum := 0.0
	for _, b := range bridges {
		sum += b.load()
	}
	return sum
}

// leaves is what comes to other bridges when conferences end: all that is on retiring ones, and what hot ones carry above
// the target. It is no reason to launch, since one large room may stay where it is, but none of the room for it is given up.
func (g group) leaves(p Policy) float64 {
	sum := load(g.retiring)
	for _, bridges := range [][]Bridge{g.serving, g.draining} {
		for _, b := range bridges {
			sum += max(0, b.load()-p.Target)
		}
	}
	return sum
}

// room is the stress that serving bridges can still take. A few silent bridges are presumed full;
// when many are silent the observer is presumed wrong, and they are taken to be like those that answer.
func (g group) room(p Policy) float64 {
	room := 0.0
	for _, b := range g.serving {
		room += roomOf(b, p)
	}
	inService := len(g.serving) + len(g.silent)
	if len(g.silent) > fleet.Tolerated(inService) && len(g.serving) > 0 {
		room += room / float64(len(g.serving)) * float64(len(g.silent))
	}
	return room
}

// inOrder puts bridges into the order in which they would leave: outdated ones first, then those with the fewest conferences,
// whose last one is likely to end the soonest, then the least loaded.
func inOrder(a, b Bridge) int {
	return cmp.Or(
		older(a, b), cmp.Compare(a.Conferences, b.Conferences), cmp.Compare(a.Stress, b.Stress),
		cmp.Compare(a.Endpoints, b.Endpoints), cmp.Compare(a.ID, b.ID),
	)
}

// endingNow are the empty ones of those that are released.
func (g group) endingNow(released []fleet.InstanceID) []Bridge {
	ends := map[fleet.InstanceID]bool{}
	for _, id := range released {
		ends[id] = true
	}
	return slices.DeleteFunc(slices.Clone(g.draining), func(b Bridge) bool { return b.Endpoints > 0 || !ends[b.ID] })
}

func isOutdated(b Bridge) bool { return b.Outdated }

// older orders outdated bridges before current ones.
func older(a, b Bridge) int {
	switch {
	case a.Outdated == b.Outdated:
		return 0
	case a.Outdated:
		return -1
	default:
		return 1
	}
}

// unproven says what proof is missing that the group is known and at rest; empty when none is.
func (g group) unproven(in Input, p Policy) string {
	switch {
	case len(g.silent) > 0:
		return "not every bridge answered with fresh figures"
	case len(g.broken) > 0:
		return "a bridge is broken"
	case !covered(in.Now, in.History, p.ShrinkAfter):
		return "the demand of the last " + p.ShrinkAfter.String() + " is not known without gaps"
	default:
		return ""
	}
}

// covered reports whether the samples reach back over the whole window without a gap of half of it.
func covered(now time.Time, history []Sample, window time.Duration) bool {
	reached := now
	for _, s := range slices.Backward(history) {
		if reached.Sub(s.At) > window/2 {
			return false
		}
		if reached = s.At; now.Sub(s.At) >= window {
			return true
		}
	}
	return false
}
