package simulate

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
)

// Faults are what goes wrong in a run. The zero value is a world in which nothing does. All is drawn from the seed.
type Faults struct {
	// Gaps is the share of reports that do not arrive: 0 to 1.
	Gaps float64
	// Wrong is the share of reports that say that nobody is there: 0 to 1.
	Wrong float64
	// Stale is the share of bridges' reports that tell the figures of the look before as if they were new: 0 to 1.
	Stale float64
	// BootFailures is the share of launches that never come up, in addition to the Options': 0 to 1.
	BootFailures float64
	// SlowBoots is by how much boots take longer: 0.5 is half as long again.
	SlowBoots float64
	// NoCapacity is the share of launches that an availability zone has no machines for: 0 to 1. They are refused at once.
	NoCapacity float64
	// LostWakes and DoubledRuns are the shares of wake-ups that are lost and of decisions that are made twice at once.
	LostWakes, DoubledRuns float64
	// Throttled is the share of decisions whose launches AWS refuses: 0 to 1.
	Throttled float64
	// Ended is the share of looks before each of which a person ends an instance in service through Auto Scaling: 0 to 1. Only
	// the whole control plane goes by Auto Scaling's hooks, so only it plays this.
	Ended float64
	// Down is for how long the control plane does not run, each day from DownAt on.
	Down   time.Duration
	DownAt time.Duration // time of the day
}

// faultKinds are the faults that can be named.
var faultKinds = []struct {
	name, what string
	set        func(*Faults)
}{
	{"gaps", "one report of a hundred does not arrive", func(f *Faults) { f.Gaps = 0.01 }},
	{"wrong", "one report of a hundred says that nobody is there", func(f *Faults) { f.Wrong = 0.01 }},
	{"stale", "a fifth of all bridges' reports tell the figures of the look before", func(f *Faults) { f.Stale = 0.2 }},
	{"boot-failures", "a tenth of all launches never come up", func(f *Faults) { f.BootFailures = 0.1 }},
	{"slow-boots", "boots take half as long again", func(f *Faults) { f.SlowBoots = 0.5 }},
	{"no-capacity", "a zone refuses a third of all launches", func(f *Faults) { f.NoCapacity = 1.0 / 3 }},
	{"lost-events", "half of all wake-ups are lost", func(f *Faults) { f.LostWakes = 0.5 }},
	{"doubled-events", "half of all decisions are made twice at once", func(f *Faults) { f.DoubledRuns = 0.5 }},
	{"throttling", "a fifth of all launches are refused with a throttle", func(f *Faults) { f.Throttled = 0.2 }},
	{"ended", "about once an hour somebody ends an instance in service in the console (jitsi-fleet-whole)", func(f *Faults) { f.Ended = 1.0 / 60 }},
	{"outage", "the control plane does not run from 10:30 to 11:30 each day", func(f *Faults) { f.Down, f.DownAt = time.Hour, 10*time.Hour+30*time.Minute }},
}

// FaultKinds are the names of the faults, each with what goes wrong, one to a line.
func FaultKinds() string {
	var b strings.Builder
	for _, k := range faultKinds {
		fmt.Fprintf(&b, "  %-16s %s\n", k.name, k.what)
	}
	return b.String()
}

// ParseFaults reads names with commas between them.
func ParseFaults(text string) (Faults, error) {
	var f Faults
	for _, name := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
		known := false
		for _, k := range faultKinds {
			if k.name == name {
				k.set(&f)
				known = true
			}
		}
		if !known {
			return f, fmt.Errorf("fault %q is none: write some of these with commas between them:\n%s", name, FaultKinds())
		}
	}
	return f, nil
}

// gremlin carries out the faults of one run.
type gremlin struct {
	o    Options
	luck *rand.Rand
	last map[int]SeenBridge // as each bridge looked before
}

func newGremlin(o Options) *gremlin {
	return &gremlin{o: o, last: map[int]SeenBridge{}, luck: rand.New(rand.NewPCG(o.Seed, 0xfa17))} //nolint:gosec // the same luck for the same seed is the purpose
}

func (g *gremlin) hits(share float64) bool { return share > 0 && g.luck.Float64() < share }

// boots gives each launch its boot time and its failure: the same luck for the n-th launch under every policy.
func (g *gremlin) boots(mean time.Duration) func(id int) (seconds float64, fails bool) {
	return func(id int) (float64, bool) {
		luck := rand.New(rand.NewPCG(g.o.Seed, uint64(id))) //nolint:gosec // the same luck for the same seed is the purpose
		seconds := mean.Seconds() * (1 + g.o.Faults.SlowBoots) * (1 + g.o.Spread*(2*luck.Float64()-1))
		if luck.Float64() < g.o.BootFailures+g.o.Faults.BootFailures {
			return failedLaunch, true
		}
		return seconds, false
	}
}

// down reports whether the control plane does not run at a moment.
func (g *gremlin) down(now float64) bool {
	if g.o.Faults.Down <= 0 {
		return false
	}
	const day = 24 * time.Hour
	into := (second(now) + day - g.o.Faults.DownAt) % day
	return into < g.o.Faults.Down
}

// times is how often a decision is made at once.
func (g *gremlin) times() int {
	if g.hits(g.o.Faults.DoubledRuns) {
		return 2
	}
	return 1
}

func (g *gremlin) losesWake() bool { return g.hits(g.o.Faults.LostWakes) }

// granted is how many of some launches AWS carries out.
func (g *gremlin) granted(launches int) int {
	if launches == 0 || g.hits(g.o.Faults.Throttled) {
		return 0
	}
	granted := 0
	for range launches {
		if !g.hits(g.o.Faults.NoCapacity) {
			granted++
		}
	}
	return granted
}

// bridge is how a bridge looks to the control plane.
func (g *gremlin) bridge(b SeenBridge) SeenBridge {
	if b.State != capacity.Serving && b.State != capacity.Draining {
		return b
	}
	if g.o.Faults.Stale > 0 {
		before, known := g.last[b.ID]
		g.last[b.ID] = b
		if known && g.hits(g.o.Faults.Stale) {
			b.Stress, b.People, b.Conferences = before.Stress, before.People, before.Conferences
		}
	}
	if g.hits(g.o.Faults.Gaps) {
		b.State, b.Stress, b.People, b.Conferences = capacity.Silent, 0, 0, 0
	} else if g.hits(g.o.Faults.Wrong) {
		b.Stress, b.People, b.Conferences = 0, 0, 0
	}
	return b
}

// jibri is how a recorder looks to the control plane.
func (g *gremlin) jibri(j SeenJibri) SeenJibri {
	if j.State != capacity.JibriFree && j.State != capacity.JibriBusy {
		return j
	}
	if g.hits(g.o.Faults.Gaps) {
		j.State = capacity.JibriSilent
	} else if g.hits(g.o.Faults.Wrong) {
		j.State, j.Busy, j.Spooling = capacity.JibriFree, false, false
	}
	return j
}
