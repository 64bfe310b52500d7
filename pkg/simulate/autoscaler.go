package simulate

import (
	"cmp"
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
)

// autoscaler is the rule of jitsi-autoscaler (commit c302ef1; autoscaler.ts, instance_tracker.ts, instance_launcher.ts),
// which decides every 30 s and looks at periods of 60 s.
//
// Each machine reports once a period. A period's value is the mean of stress or the sum of idle recorders; a period
// without reports counts as 0. The wanted number rises by one when all of the last periods ask for it, falls by one when
// all of a longer row do, and then rests for the grace. While the wanted and the counted number differ nothing is decided.
// Machines that boot are counted and report nothing, so pressure stays while they boot.
//
// A launch follows in the round that asks for it, where the real launcher may read the wanted number one round earlier: that
// flatters the rule by 15 s in the mean. Machines that run untracked, which freeze the real group, do not occur.
//
// What is ended finishes first: a bridge drains until it is empty, a recorder ends its recording. 8x8 caps the first at one
// hour and the second at six; upstream's default of 24 h is played, under which nobody is dropped. Its groups' maximum of
// 8 to 20 is not played either, since it would be too small for most workloads.
type autoscaler struct {
	mean                   bool // of stress; else the sum of idle recorders
	up, down               float64
	upPeriods, downPeriods int
	grace                  time.Duration
	least, most            int

	wanted   int
	graceEnd time.Time
	reported map[int]time.Time
	reports  []report // oldest first
	leaving  map[int]bool
	victims  []int // told at the next poll: sidecars poll once a minute
}

// report is the sum of the values that some machines reported at one moment.
type report struct {
	at    time.Time
	sum   float64
	count int
}

// tracked is a machine as the rule sees it.
type tracked struct {
	id      int
	booting bool
	leaving bool
	value   float64 // stress, or 1 for an idle recorder
	order   float64 // those with less are ended first
}

// most bounds the fleet of every policy that has no maximum of its own: far above what a workload needs, and below what a
// rule that runs away would take memory for.
const most = 100_000

// autoscaledBridges is 8x8's group of bridges for one shard: out at a mean stress of 0.3 over two periods, in below 0.1
// over ten, grace 300 s (infra-provisioning, create-shard-custom-jvbs-oracle.sh).
func autoscaledBridges() *autoscaler {
	return &autoscaler{mean: true, up: 0.3, down: 0.1, upPeriods: 2, downPeriods: 10, grace: 300 * time.Second, least: 1, most: most}
}

// autoscaledJibris is 8x8's group of Jibri containers: out below 2 idle over five periods, in above 3 over twenty, grace
// 150 s, at least 2 (infra-provisioning, create-or-rotate-jibri-nomad.sh).
func autoscaledJibris() *autoscaler {
	return &autoscaler{up: 2, down: 3, upPeriods: 5, downPeriods: 20, grace: 150 * time.Second, least: 2, most: most}
}

const autoscalerPeriod = time.Minute

// decide is one round of the autoscale and launch jobs.
func (a *autoscaler) decide(now time.Time, machines []tracked) (launch int, end []int) {
	if a.reported == nil {
		a.reported, a.leaving = map[int]time.Time{}, map[int]bool{}
	}
	end, a.victims = a.victims, nil
	a.collect(now, machines)
	count := 0
	for _, m := range machines {
		if !m.leaving && !a.leaving[m.id] {
			count++
		}
	}
	a.wanted = max(a.wanted, a.least)
	if !now.Before(a.graceEnd) && count > 0 && count == a.wanted {
		a.autoscale(now, count)
	}
	switch {
	case count < a.wanted:
		return a.wanted - count, end
	case count > a.wanted:
		a.choose(machines, count-a.wanted)
	}
	return 0, end
}

// collect takes the reports of those that have not reported for a period.
func (a *autoscaler) collect(now time.Time, machines []tracked) {
	r := report{at: now}
	for _, m := range machines {
		last, known := a.reported[m.id]
		if m.booting || m.leaving || a.leaving[m.id] || known && now.Sub(last) < autoscalerPeriod {
			continue
		}
		a.reported[m.id] = now
		r.sum, r.count = r.sum+m.value, r.count+1
	}
	keep := now.Add(-time.Duration(max(a.upPeriods, a.downPeriods)) * autoscalerPeriod)
	a.reports = append(slices.DeleteFunc(a.reports, func(r report) bool { return !r.at.After(keep) }), r)
}

// value is a period's, counted back from now.
func (a *autoscaler) value(now time.Time, period int) float64 {
	sum, count := 0.0, 0
	for _, r := range a.reports {
		if int(now.Sub(r.at)/autoscalerPeriod) == period {
			sum, count = sum+r.sum, count+r.count
		}
	}
	if a.mean && count > 0 {
		return sum / float64(count)
	}
	return sum
}

func (a *autoscaler) autoscale(now time.Time, count int) {
	out := func(v float64) bool { return count < a.most && (a.mean && v >= a.up || !a.mean && v < a.up) }
	in := func(v float64) bool { return count > a.least && (a.mean && v < a.down || !a.mean && v > a.down) }
	switch {
	case a.all(now, a.upPeriods, out):
		a.wanted++
	case a.all(now, a.downPeriods, in):
		a.wanted--
	default:
		return
	}
	a.graceEnd = now.Add(a.grace)
}

func (a *autoscaler) all(now time.Time, periods int, asks func(float64) bool) bool {
	for p := range periods {
		if !asks(a.value(now, p)) {
			return false
		}
	}
	return true
}

// choose marks those that are ended: what boots first, then by order.
func (a *autoscaler) choose(machines []tracked, n int) {
	able := slices.DeleteFunc(slices.Clone(machines), func(m tracked) bool { return m.leaving || a.leaving[m.id] })
	slices.SortFunc(able, func(x, y tracked) int {
		if x.booting != y.booting {
			if x.booting {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(x.order, y.order), cmp.Compare(x.id, y.id))
	})
	for _, m := range able[:min(n, len(able))] {
		a.leaving[m.id] = true
		a.victims = append(a.victims, m.id)
	}
}

// Period is the jobs' (GROUP_JOBS_CREATION_INTERVAL_SEC).
func (*autoscaler) Period() time.Duration { return 30 * time.Second }

// bridgeAutoscaler plays the rule on bridges. The victims are those with the fewest participants.
type bridgeAutoscaler struct{ *autoscaler }

func (a bridgeAutoscaler) Decide(v BridgeView) Deeds {
	machines := make([]tracked, 0, len(v.Bridges))
	booting := map[int]bool{}
	for _, b := range v.Bridges {
		m := tracked{id: b.ID, booting: b.State == capacity.Booting, value: b.Stress, order: float64(b.People)}
		m.leaving = b.State == capacity.Draining || b.State == capacity.Retiring
		booting[b.ID] = m.booting
		machines = append(machines, m)
	}
	launch, end := a.decide(v.Now, machines)
	d := Deeds{Launch: launch}
	for _, id := range end {
		if booting[id] {
			d.Kill = append(d.Kill, id)
		} else {
			d.Drain = append(d.Drain, id)
		}
	}
	return d
}

// jibriAutoscaler plays the rule on recorders. The victims are idle ones, then busy ones.
type jibriAutoscaler struct{ *autoscaler }

func (a jibriAutoscaler) Decide(v JibriView) JibriDeeds {
	machines := make([]tracked, 0, len(v.Jibris))
	for _, j := range v.Jibris {
		m := tracked{id: j.ID, booting: j.State == capacity.JibriBooting, leaving: j.State == capacity.JibriRetiring}
		if j.State == capacity.JibriFree {
			m.value = 1
		} else {
			m.order = 1
		}
		machines = append(machines, m)
	}
	launch, end := a.decide(v.Now, machines)
	return JibriDeeds{Launch: launch, Retire: end}
}
