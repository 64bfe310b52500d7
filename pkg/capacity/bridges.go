package capacity

import (
	"fmt"
	"math"
	"slices"
	"strings"
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
	ID          fleet.InstanceID
	State       State
	Stress      float64 // JVB's stress_level: load divided by its threshold
	Conferences int64   // that have endpoints here
	Endpoints   int64   // local endpoints
	Outdated    bool    // launched from an older launch template version
}

// Policy is what the operator decided; package settings documents each value.
type Policy struct {
	Target   float64
	Spare    float64 // bridges
	Slack    float64 // bridges
	BootTime time.Duration
	// Reaction is how far ahead the bridges that serve must be enough: until the next run.
	Reaction    time.Duration
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
	// Soon is the growth that it expects within Policy.Reaction; 0 without one.
	Soon float64
}

// Decision is what to do and why. Drain is empty whenever anything is undrained, and Release whenever anything is launched.
type Decision struct {
	Wanted  int                `json:"wanted"` // bridges that shall serve, stand in reserve or boot after this decision
	Launch  int                `json:"launch"`
	Undrain []fleet.InstanceID `json:"undrain,omitempty"`
	Drain   []fleet.InstanceID `json:"drain,omitempty"`
	// Release are the draining bridges that shall be ended once nobody is on them; the others are the reserve.
	Release []fleet.InstanceID `json:"release,omitempty"`
	Short   int                `json:"short,omitempty"` // bridges missing beyond the maximum
	Demand  float64            `json:"demand"`          // stress, of serving and draining bridges
	Growth  float64            `json:"growth"`          // stress expected within one boot time
	Soon    float64            `json:"soon"`            // stress expected within Reaction
	Room    float64            `json:"room"`            // stress that serving bridges can take
	Reserve float64            `json:"reserve"`         // stress that draining and booting ones could
	Needed  float64            `json:"needed"`          // stress, of room and reserve together
	Now     float64            `json:"now"`             // stress, of room alone
	// Complete is true when every bridge in service answered with fresh figures; only then is Demand a sample.
	Complete bool     `json:"complete"`
	Reasons  []string `json:"reasons"`
}

// Demand is the stress of all bridges that answered, draining ones included, as far as it is believed.
func Demand(bridges []Bridge) float64 {
	sum := 0.0
	for _, b := range bridges {
		if b.State == Serving || b.State == Draining || b.State == Retiring {
			sum += b.load()
		}
	}
	return sum
}

// epsilon absorbs the rounding of sums of fractions, so that 0.6 of room satisfies a need of 0.6.
const epsilon = 1e-9

// saturated is the stress above which more stress by itself does not mean more demand: twice JVB's own load threshold. More
// people do, each with endpointStress: JVB's average-participant-stress.
const (
	saturated      = 2.0
	endpointStress = 0.01
)

// load is a bridge's stress, as far as it is believed.
func (b Bridge) load() float64 {
	return min(b.Stress, max(saturated, endpointStress*float64(b.Endpoints)))
}

// SoonLevel is how likely what a forecast foresees within Policy.Reaction shall suffice: where it does not, bridges that fill wake the
// control plane, and the reserve is there within seconds.
const SoonLevel = 0.9

// standing is the room, in bridges, that those that serve keep beyond what is expected within Reaction: what comes in
// the seconds until a wake-up or the next run has been obeyed.
const standing = 0.25

// DecideBridges applies the law to one group.
func DecideBridges(in Input, p Policy) Decision {
	g := tally(in)
	d := Decision{Demand: g.demand, Complete: g.complete()}
	d.Growth = max(growth(in.Now, g.demand, in.History, p.BootTime, p), in.Expected)
	d.Soon = max(growth(in.Now, g.demand, in.History, p.Reaction, p), in.Soon)
	d.Room, d.Reserve = g.room(p), g.reserve(p)
	d.Needed = d.Growth + p.Spare*p.Target + in.Lost
	d.Now = d.Soon + standing*p.Target + in.Lost
	if g.blind() {
		d.Room, d.Reserve, d.Needed, d.Now = 0, 0, 0, 0
		d.because("no bridge in service answers: nothing is known, so nothing is changed but the minimum")
	}
	d.launch(in, g, p)
	// To take a bridge back costs nothing, so it is not left undone on the word of bridges that say none.
	d.Room = g.proven(p)
	d.undrain(g, p)
	if len(d.Undrain) == 0 {
		d.drain(in, g, p)
	}
	room, needed := d.release(in, g, p)
	d.roll(in, g, p)
	d.becauseOf(g.endingNow(d.Release), "empty and ending", "the others have %.2f of room for the needed %.2f", room, needed)
	d.Wanted = g.kept() + d.Launch - len(d.Release)
	if len(d.Reasons) == 0 {
		d.because("room %.2f covers the needed %.2f, and with the reserve of %.2f the %.2f of a boot time", d.Room, d.Now, d.Reserve, d.Needed)
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

// mostNamed is how many bridges one reason names.
const mostNamed = 3

// becauseOf gives the one reason for what is done to some bridges; none without any.
func (d *Decision) becauseOf(bridges []Bridge, deed, format string, args ...any) {
	if len(bridges) == 0 {
		return
	}
	var names []string
	for _, b := range bridges[:min(mostNamed, len(bridges))] {
		outdated := ""
		if b.Outdated {
			outdated = ", outdated launch template"
		}
		names = append(names, fmt.Sprintf("%s (stress %.2f%s)", b.ID, b.Stress, outdated))
	}
	if more := len(bridges) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	d.because("%s: %s, because %s", deed, strings.Join(names, ", "), fmt.Sprintf(format, args...))
}

// launch buys what room and reserve lack together, and what the minimum demands, as far as the maximum allows.
func (d *Decision) launch(in Input, g group, p Policy) {
	missing := max(0, int(math.Ceil((d.Needed-d.Room-d.Reserve)/p.Target-epsilon)))
	if missing > 0 {
		d.because("room %.2f and reserve %.2f are below the needed %.2f (growth %.2f, spare %.1f bridges, a lost shard's share %.2f)", d.Room, d.Reserve, d.Needed, d.Growth, p.Spare, in.Lost)
	}
	if floor := p.Min - g.kept(); floor > missing {
		d.because("the minimum is %d", p.Min)
		missing = floor
	}
	d.Launch = max(0, min(missing, p.Max-g.bought))
	if d.Short = missing - d.Launch; d.Short > 0 {
		d.because("the maximum of %d leaves %d of %d bridges missing", p.Max, d.Short, missing)
	}
	d.Reserve += float64(d.Launch) * p.Target
}

// undrain takes back draining bridges until the room of those that serve covers what comes soon, and the minimum serves:
// current ones before outdated ones and those with the most conferences first, so that the others can end.
func (d *Decision) undrain(g group, p Policy) {
	var forRoom, forMinimum []Bridge
	for _, b := range slices.Backward(g.draining) {
		tooLittleRoom := d.Room+epsilon < d.Now
		tooFew := len(g.serving)+len(g.silent)+len(d.Undrain) < p.Min
		if !tooLittleRoom && !tooFew {
			break
		}
		if !tooFew && roomOf(b, p) == 0 && !g.relieves(b) {
			continue
		}
		d.takeBack(b, p)
		if tooLittleRoom {
			forRoom = append(forRoom, b)
		} else {
			forMinimum = append(forMinimum, b)
		}
	}
	d.becauseOf(forRoom, "taken back from draining", "room for %.2f is needed within %s", d.Now, p.Reaction)
	d.becauseOf(forMinimum, "taken back from draining", "the minimum is %d", p.Min)
}

func (d *Decision) takeBack(b Bridge, p Policy) {
	d.Undrain = append(d.Undrain, b.ID)
	d.Room += roomOf(b, p)
	d.Reserve -= roomOf(b, p)
}

// drain takes bridges that the others can do without out of the way of new conferences: where the others have room for what
// comes soon, for the highest demand of the last Reaction, so that a demand that wiggles moves nothing, and for all that
// draining ones carry, since it comes back as new conferences. They are the reserve until they are released or taken back.
// Outdated ones go first, then those with the fewest conferences.
func (d *Decision) drain(in Input, g group, p Policy) {
	if !g.complete() {
		return
	}
	back := max(0, peakSince(in.Now.Add(-p.Reaction), in.History)-g.demand)
	left, carried := len(g.serving), load(g.draining)+load(g.retiring)
	for _, victim := range g.serving {
		room, comes := roomOf(victim, p), min(victim.Stress, p.Target)
		if left <= max(1, p.Min) || d.Room-room+epsilon < d.Now+back+carried+comes {
			break
		}
		d.Drain = append(d.Drain, victim.ID)
		d.Room, d.Reserve, carried, left = d.Room-room, d.Reserve+room, carried+comes, left-1
	}
	d.becauseOf(g.serving[:len(d.Drain)], "draining", "the room of %.2f on the others covers %.2f and the %.2f that is on draining ones", d.Room, d.Now+back, carried)
}

// release lets draining bridges end that are proven not to be needed within a boot time either: without them the others
// hold the peak of the last ShrinkAfter, and what leaves retiring and hot ones. What boots is no proof. It returns the room
// of the others, and what is needed of it.
func (d *Decision) release(in Input, g group, p Policy) (room, needed float64) {
	if len(g.draining) == 0 || d.Launch > 0 {
		return 0, 0
	}
	if reason := g.unproven(in, p); reason != "" {
		d.because("nothing is released: %s", reason)
		return 0, 0
	}
	back := max(0, peakSince(in.Now.Add(-p.ShrinkAfter), in.History)-g.demand)
	needed = max(d.Growth, back) + (p.Spare+p.Slack)*p.Target + in.Lost + g.leaves(p)
	room, kept := d.Room+d.Reserve-float64(g.booting)*p.Target, g.kept()
	for _, b := range g.draining {
		// What would leave before a bridge that is taken back leaves; what would leave after it does not.
		if slices.Contains(d.Undrain, b.ID) || kept <= p.Min || room-roomOf(b, p)+epsilon < needed {
			break
		}
		room, kept = room-roomOf(b, p), kept-1
		d.Release = append(d.Release, b.ID)
	}
	return room, needed
}

// roll renews outdated bridges one at a time: a current one of the reserve takes the place of one that serves, which then
// drains; where the reserve has none, one is launched. It waits for what boots, and for an outdated one that leaves.
func (d *Decision) roll(in Input, g group, p Policy) {
	if g.unproven(in, p) != "" || g.booting > 0 || len(d.Drain) > 0 || slices.ContainsFunc(g.draining, func(b Bridge) bool {
		return b.Outdated && slices.Contains(d.Release, b.ID)
	}) {
		return
	}
	serves, waits := slices.ContainsFunc(g.serving, isOutdated), slices.ContainsFunc(g.draining, isOutdated)
	for _, b := range slices.Backward(g.draining) {
		if !serves || b.Outdated || roomOf(b, p) == 0 {
			continue
		}
		if len(d.Undrain) == 0 {
			d.takeBack(b, p)
			d.Release = slices.DeleteFunc(d.Release, func(id fleet.InstanceID) bool { return id == b.ID })
			d.because("%s is taken back in the place of an outdated bridge", b.ID)
		}
		return
	}
	if (serves || waits) && d.Launch == 0 && g.bought < p.Max && d.cannotSpare(in, g, p, serves) {
		d.Launch, d.Release = 1, nil
		d.Reserve += p.Target
		d.because("an outdated bridge is replaced before it is ended")
	}
}

// cannotSpare reports whether there is none more than the minimum, or than is needed for one to be released, and, when
// it serves, for it to be drained.
func (d *Decision) cannotSpare(in Input, g group, p Policy, serves bool) bool {
	enough := d.Growth + (p.Spare+p.Slack)*p.Target + in.Lost + g.leaves(p)
	if serves {
		enough = max(enough, d.Now+load(g.draining)+load(g.retiring))
	}
	full := 0
	for _, b := range g.draining {
		if roomOf(b, p) == 0 {
			full++
		}
	}
	return g.kept()-full <= p.Min || d.Room+d.Reserve+epsilon < enough+p.Target
}

// growth is the demand expected to come within a lead: as much as came in the last one above the peak of the
// ShrinkAfter before it, but no more than came of it just now. A dip that fills again within ShrinkAfter is no growth,
// neither in the minute in which it does nor for the lead that follows: its capacity is still there.
func growth(now time.Time, demand float64, history []Sample, lead time.Duration, p Policy) float64 {
	until, justNow := now.Add(-lead), now.Add(-p.Reaction)
	from := until.Add(-max(p.ShrinkAfter, lead))
	before, known, lowest := 0.0, false, demand
	for _, s := range history {
		if !s.At.Before(from) && !s.At.After(until) {
			before, known = max(before, s.Demand), true
		}
		if !s.At.Before(justNow) {
			lowest = min(lowest, s.Demand)
		}
	}
	if !known {
		return 0
	}
	return max(0, min(demand-before, demand-lowest))
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
