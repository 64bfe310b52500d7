package capacity

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// State is what a bridge is to the decision.
type State string

// The states.
const (
	Serving  State = "serving"  // answered, fresh, takes new work
	Booting  State = "booting"  // bought, does not serve yet
	Draining State = "draining" // keeps its conferences; can be taken back
	Retiring State = "retiring" // told to shut down; never capacity again
	Silent   State = "silent"   // in service, and its agent did not answer or its figures are stale
	Broken   State = "broken"   // in service, and its agent says that the bridge does not work
)

// Bridge is one bridge of the group.
type Bridge struct {
	ID        fleet.InstanceID
	State     State
	Stress    float64 // JVB's stress_level: load divided by its threshold
	Endpoints int64   // local endpoints
	Outdated  bool    // launched from an older launch template version
}

// Policy is what the operator decided; package settings documents each value.
type Policy struct {
	Target      float64
	Spare       float64 // bridges
	Slack       float64 // bridges
	BootTime    time.Duration
	ShrinkAfter time.Duration
	Min, Max    int // instances of the group
}

// Sample is the demand at one moment, taken only when every serving bridge answered.
type Sample struct {
	At     time.Time `json:"at"`
	Demand float64   `json:"demand"` // stress
}

// Input is one observation of a group.
type Input struct {
	Now     time.Time
	Bridges []Bridge
	// Counted is how many instances Auto Scaling counts toward the desired capacity.
	Counted int
	// Desired is the group's desired capacity. What it exceeds Counted by is bought and not visible yet.
	Desired int
	History []Sample // oldest first
	// Lost is the stress that would come here if another shard were lost now; 0 when no room is kept for that.
	Lost float64
	// Expected is the growth of demand, in stress, that a forecast expects within one boot time; 0 without one.
	Expected float64
}

// Decision is what to do and why. Drain is empty whenever anything is launched or undrained.
type Decision struct {
	Wanted  int                `json:"wanted"` // bridges that shall serve or boot after this decision
	Launch  int                `json:"launch"`
	Undrain []fleet.InstanceID `json:"undrain,omitempty"`
	Drain   []fleet.InstanceID `json:"drain,omitempty"`
	Short   int                `json:"short,omitempty"` // bridges missing beyond the maximum
	Demand  float64            `json:"demand"`          // stress, of serving and draining bridges
	Growth  float64            `json:"growth"`          // stress expected within one boot time
	Room    float64            `json:"room"`            // stress, of serving and booting bridges
	Needed  float64            `json:"needed"`          // stress
	// Complete is true when every bridge in service answered with fresh figures; only then is Demand a sample.
	Complete bool     `json:"complete"`
	Reasons  []string `json:"reasons"`
}

// Demand is the stress of all bridges that answered, draining ones included; one above JVB's own threshold counts as at it.
func Demand(bridges []Bridge) float64 { return tally(Input{Bridges: bridges}).demand }

// epsilon absorbs the rounding of sums of fractions, so that 0.6 of room satisfies a need of 0.6.
const epsilon = 1e-9

// saturated is the stress above which more stress does not mean more demand: 1 is JVB's own load threshold.
const saturated = 1.0

// DecideBridges applies the law to one group.
func DecideBridges(in Input, p Policy) Decision {
	g := tally(in)
	d := Decision{Demand: g.demand, Complete: g.complete()}
	d.Growth = max(growth(in.Now, g.demand, in.History, p), in.Expected)
	d.Room = g.room(p)
	d.Needed = d.Growth + p.Spare*p.Target + in.Lost
	if g.blind() {
		d.Room, d.Needed = 0, 0
		d.because("no bridge in service answers: nothing is known, so nothing is changed but the minimum")
	}
	if d.Room+epsilon < d.Needed {
		d.because("room %.2f is below the needed %.2f (growth %.2f, spare %.1f bridges, a lost shard's share %.2f)", d.Room, d.Needed, d.Growth, p.Spare, in.Lost)
	}
	d.undrain(g, p)
	d.launch(g, p)
	if d.Launch == 0 && len(d.Undrain) == 0 {
		d.shrink(in, g, p)
	}
	if d.Launch == 0 && len(d.Undrain) == 0 && len(d.Drain) == 0 {
		d.roll(in, g, p)
	}
	d.Wanted = g.kept() + d.Launch + len(d.Undrain) - len(d.Drain)
	if len(d.Reasons) == 0 {
		d.because("room %.2f covers the needed %.2f", d.Room, d.Needed)
	}
	return d
}

// WithoutLaunches is the decision when nothing that is launched now could serve, and why.
func (d Decision) WithoutLaunches(why string) Decision {
	if d.Launch > 0 {
		d.because("%d are not launched: %s", d.Launch, why)
	}
	d.Wanted, d.Launch = d.Wanted-d.Launch, 0
	return d
}

func (d *Decision) because(format string, args ...any) {
	d.Reasons = append(d.Reasons, fmt.Sprintf(format, args...))
}

// undrain takes back draining bridges until their room covers what is missing and the minimum is met: the fullest first,
// since they would have stayed the longest anyway, while the emptiest are about to end.
func (d *Decision) undrain(g group, p Policy) {
	back := slices.Clone(g.draining)
	slices.SortFunc(back, func(a, b Bridge) int { return cmp.Or(cmp.Compare(b.Stress, a.Stress), cmp.Compare(a.ID, b.ID)) })
	for _, b := range back {
		tooLittleRoom := d.Room+epsilon < d.Needed
		tooFew := g.kept()+len(d.Undrain) < p.Min
		if !tooLittleRoom && !tooFew {
			return
		}
		if !tooFew && roomOf(b, p) == 0 {
			continue
		}
		d.Undrain = append(d.Undrain, b.ID)
		d.Room += roomOf(b, p)
		d.because("%s is taken back from draining before anything is launched", b.ID)
	}
}

// launch buys what is still missing, and what the minimum demands, as far as the maximum allows.
func (d *Decision) launch(g group, p Policy) {
	missing := max(0, int(math.Ceil((d.Needed-d.Room)/p.Target-epsilon)))
	if floor := p.Min - g.kept() - len(d.Undrain); floor > missing {
		d.because("the minimum is %d", p.Min)
		missing = floor
	}
	d.Launch = max(0, min(missing, p.Max-g.bought))
	if d.Short = missing - d.Launch; d.Short > 0 {
		d.because("the maximum of %d leaves %d of %d bridges missing", p.Max, d.Short, missing)
	}
	d.Room += float64(d.Launch) * p.Target
}

// shrink drains what is proven not to be needed: outdated bridges first, then the least loaded.
func (d *Decision) shrink(in Input, g group, p Policy) {
	if reason := g.cannotShrink(in, p); reason != "" {
		d.because("nothing is drained: %s", reason)
		return
	}
	back := max(0, peakSince(in.Now.Add(-p.ShrinkAfter), in.History)-g.demand)
	needed := max(d.Growth, back) + (p.Spare+p.Slack)*p.Target + in.Lost + g.leavingLoad()
	room, left := g.room(p), len(g.serving)
	for _, victim := range g.victims() {
		roomAfter, neededAfter := room-roomOf(victim, p), needed+min(victim.Stress, p.Target)
		if left == p.Min || roomAfter+epsilon < neededAfter {
			continue
		}
		room, needed, left = roomAfter, neededAfter, left-1
		d.Drain = append(d.Drain, victim.ID)
		d.because("%s (stress %.2f%s) is not needed: without it the room of %.2f covers %.2f", victim.ID, victim.Stress, outdatedNote(victim), room, needed)
	}
}

// roll buys the replacement of an outdated bridge before the old one is drained, where shrink has no room to drain
// one or the group is at its minimum. One is rolled at a time: nothing may boot, drain or be unheard of.
func (d *Decision) roll(in Input, g group, p Policy) {
	if !g.rolls() || g.unproven(in, p) != "" || g.bought >= p.Max {
		return
	}
	enough := d.Growth + (p.Spare+p.Slack+1)*p.Target + in.Lost
	if len(g.serving) > p.Min && g.room(p)+epsilon >= enough {
		return
	}
	d.Launch = 1
	d.Room += p.Target
	d.because("an outdated bridge is replaced before it is drained")
}

func outdatedNote(b Bridge) string {
	if b.Outdated {
		return ", outdated launch template"
	}
	return ""
}

// growth is the demand expected to come within one boot time: as much as came in the last one above the
// peak of the ShrinkAfter before it. A dip that fills again within ShrinkAfter is no growth, neither in the minute
// in which it does nor for the boot time that follows: its capacity is still there.
func growth(now time.Time, demand float64, history []Sample, p Policy) float64 {
	from := now.Add(-p.BootTime - max(p.ShrinkAfter, p.BootTime))
	before := slices.DeleteFunc(slices.Clone(history), func(s Sample) bool {
		return s.At.Before(from) || s.At.After(now.Add(-p.BootTime))
	})
	if len(before) == 0 {
		return 0
	}
	return max(0, demand-peakSince(from, before))
}

// Peak is the highest demand known since a moment; 0 when none is.
func Peak(from time.Time, history []Sample) float64 { return peakSince(from, history) }

func peakSince(from time.Time, history []Sample) float64 {
	peak := 0.0
	for _, s := range history {
		if !s.At.Before(from) {
			peak = max(peak, s.Demand)
		}
	}
	return peak
}

func roomOf(b Bridge, p Policy) float64 { return max(0, p.Target-b.Stress) }
