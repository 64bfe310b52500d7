package capacity

import (
	"fmt"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// JibriState is what a recorder is to the decision.
type JibriState string

// The states of a recorder.
const (
	JibriFree     JibriState = "free"     // a recording can start on it now, in its own and in every Jicofo's view
	JibriBusy     JibriState = "busy"     // carries a recording or a stream, in its own or in any Jicofo's view
	JibriBooting  JibriState = "booting"  // bought or being restarted: free to be
	JibriRetiring JibriState = "retiring" // told to shut down; never capacity again
	JibriUnfit    JibriState = "unfit"    // in service, answers, and is neither free nor busy
	JibriSilent   JibriState = "silent"   // in service, and its agent did not answer or its figures are stale
)

// Jibri is one recorder of the pool.
type Jibri struct {
	ID       fleet.InstanceID
	State    JibriState
	IdleFor  time.Duration // how long it has been free
	Outdated bool          // launched from an older launch template version
}

// JibriPolicy is what the operator decided; package settings documents each value.
type JibriPolicy struct {
	Free        int
	Min, Max    int // instances of the pool
	BootTime    time.Duration
	RetireAfter time.Duration
}

// Starts is how many recordings and streams began at about one moment.
type Starts struct {
	At    time.Time `json:"at"`
	Count int       `json:"count"`
}

// JibriInput is one observation of the pool.
type JibriInput struct {
	Now    time.Time
	Jibris []Jibri
	// Counted is how many instances Auto Scaling counts toward the desired capacity.
	Counted int
	// Desired is the group's desired capacity. What it exceeds Counted by is bought and not visible yet.
	Desired int
	Starts  []Starts // of the last boot time and longer
	History []Sample // what was needed, in recorders, oldest first
	// Expected is how many starts a forecast foresees within one boot time beside those that Free is for; 0 without one.
	Expected int
}

// JibriDecision is what to do and why. Retire is empty whenever anything is launched.
type JibriDecision struct {
	Wanted   int                `json:"wanted"` // recorders that shall be busy, free or booting: what is needed, within the bounds
	Launch   int                `json:"launch"`
	Retire   []fleet.InstanceID `json:"retire,omitempty"`
	Short    int                `json:"short,omitempty"` // recorders missing beyond the maximum
	Busy     int                `json:"busy"`            // silent ones, which are presumed busy, included
	Free     int                `json:"free"`
	Booting  int                `json:"booting"`
	Expected int                `json:"expected"` // starts within one boot time that Free is not for
	// Needed is the busy, Free and Expected, at most the maximum: what History keeps.
	Needed int `json:"needed"`
	// Complete is true when every recorder in service answered and is fit; only then is Needed a sample.
	Complete bool `json:"complete"`
	// Doubted is true when so many are silent or unfit that the observer is presumed wrong.
	Doubted bool     `json:"doubted,omitempty"`
	Reasons []string `json:"reasons"`
}

// DecideJibris applies the law to the pool.
func DecideJibris(in JibriInput, p JibriPolicy) JibriDecision {
	g := tallyJibris(in)
	d := JibriDecision{
		Busy: g.busy + g.silent, Free: len(g.free), Booting: g.booting,
		Expected: max(in.Expected, recurring(in, g, p)), Complete: g.silent+g.unfit == 0, Doubted: g.doubted(),
	}
	needed := d.Busy + p.Free + d.Expected
	d.Needed = min(needed, p.Max)
	d.Wanted = min(max(needed, p.Min), p.Max)
	if g.blind() {
		needed, d.Wanted = 0, min(max(g.kept(), p.Min), p.Max)
		d.because("%d recorders are silent, so many that the observer is presumed wrong: nothing is launched beyond the minimum", g.silent)
	} else if d.Doubted {
		d.because("%d recorders are unfit or silent, so many that the observer is presumed wrong: the unfit are taken to be free soon", g.unfit+g.silent)
	}
	d.launch(g, needed, p)
	if d.Launch == 0 && d.Short == 0 {
		d.retire(in, g, p)
	}
	if len(d.Reasons) == 0 {
		d.because("%d free and %d booting cover %d free and %d expected", d.Free, d.Booting, p.Free, d.Expected)
	}
	return d
}

func (d *JibriDecision) because(format string, args ...any) {
	d.Reasons = append(d.Reasons, fmt.Sprintf(format, args...))
}

// launch buys what is missing, and what the minimum demands, as far as the maximum allows.
func (d *JibriDecision) launch(g pool, needed int, p JibriPolicy) {
	missing := needed - g.kept()
	if missing > 0 {
		d.because("%d busy, %d free and %d expected are needed: %d more than there are and boot", d.Busy, p.Free, d.Expected, missing)
	}
	if floor := p.Min - g.kept(); floor > max(0, missing) {
		d.because("the minimum is %d", p.Min)
		missing = floor
	}
	missing = max(0, missing)
	d.Launch = max(0, min(missing, p.Max-g.bought))
	if d.Short = missing - d.Launch; d.Short > 0 {
		d.because("the maximum of %d leaves %d of %d recorders missing", p.Max, d.Short, missing)
	}
}

// retire lets go what is proven not to be needed, or else has an outdated free recorder replaced before it goes.
func (d *JibriDecision) retire(in JibriInput, g pool, p JibriPolicy) {
	if reason := g.unproven(in, p); reason != "" {
		d.because("nothing is retired: %s", reason)
		return
	}
	peak := max(int(peakSince(in.Now.Add(-p.RetireAfter), in.History)), d.Needed, p.Min)
	surplus := max(0, min(g.kept()-peak, len(g.free)))
	for _, j := range g.free[:surplus] {
		d.Retire = append(d.Retire, j.ID)
	}
	if surplus > 0 {
		d.because("retiring: %s, because at most %d were needed in the last %s", idle(g.free[:surplus]), peak, p.RetireAfter)
	}
	if surplus == 0 && g.rolls() && g.bought < p.Max {
		d.Launch = 1
		d.because("an outdated recorder is replaced before it is retired")
	}
}

// mostIdleNamed is how many recorders one reason names; Retire has all.
const mostIdleNamed = 3

// idle names the first of some free recorders and counts the others.
func idle(free []Jibri) string {
	var names []string
	for _, j := range free[:min(mostIdleNamed, len(free))] {
		note := ""
		if j.Outdated {
			note = ", outdated launch template"
		}
		names = append(names, fmt.Sprintf("%s (idle for %s%s)", j.ID, j.IdleFor.Round(time.Second), note))
	}
	if more := len(free) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// recurring is how many starts Free would not cover with one still free after them, if as many as in the last boot time
// came again within one. While nobody is free, others came in vain, so all that came is expected but one. A single start
// is no rush.
func recurring(in JibriInput, g pool, p JibriPolicy) int {
	came := 0
	for _, s := range in.Starts {
		if s.At.After(in.Now.Add(-p.BootTime)) {
			came += s.Count
		}
	}
	if came <= 1 {
		return 0
	}
	uncovered := max(0, min(came, came-p.Free+1))
	if len(g.free) == 0 && !g.doubted() {
		return max(uncovered, came-1)
	}
	return uncovered
}
