package simulate

import (
	"cmp"
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
)

// in is how many recorders are in a state.
func (v JibriView) in(state capacity.JibriState) int {
	n := 0
	for _, j := range v.Jibris {
		if j.State == state {
			n++
		}
	}
	return n
}

// idlest are free recorders without a recording in the spool, the longest idle first.
func (v JibriView) idlest(n int) []int {
	able := slices.DeleteFunc(slices.Clone(v.Jibris), func(j SeenJibri) bool { return j.State != capacity.JibriFree || j.Spooling })
	slices.SortStableFunc(able, func(a, b SeenJibri) int { return cmp.Compare(b.IdleFor, a.IdleFor) })
	ids := make([]int, 0, len(able))
	for _, j := range able[:max(0, min(n, len(able)))] {
		ids = append(ids, j.ID)
	}
	return ids
}

// nFree keeps a number of recorders free and is judged each minute: what is missing is launched, what is too much and has
// nothing to upload is retired. What boots is free to be.
type nFree struct{ n int }

// Period is the judging's.
func (nFree) Period() time.Duration { return time.Minute }

// Decide compares what is free with what shall be.
func (p nFree) Decide(v JibriView) JibriDeeds {
	free, soon := v.in(capacity.JibriFree), v.in(capacity.JibriBooting)
	return JibriDeeds{Launch: max(0, p.n-free-soon), Retire: v.idlest(free - p.n)}
}

// cloudFormation is 8x8's old group of Jibris on EC2 Auto Scaling (infra-provisioning, create_jibri_template.py): three
// more while fewer than 8 are free for two minutes, one less while more are for ten, each at the earliest 600 s after the
// last, at least 8. Both alarms stay up until the number is right, so each is tried again every minute.
//
// Two of the public defaults are not played: "in above 5 free", which contradicts "out below 8", and the maximum of 20,
// too small for most workloads. What is ended is chosen without a look at its load, and finishes its recording first, as
// 8x8's scripts see to.
type cloudFormation struct {
	short, ample int // minutes in a row
	rest         time.Time
}

const (
	cloudFormationFree     = 8
	cloudFormationStep     = 3
	cloudFormationShort    = 2
	cloudFormationAmple    = 10
	cloudFormationCooldown = 600 * time.Second
)

// Period is that of the alarms.
func (*cloudFormation) Period() time.Duration { return time.Minute }

// Decide is one minute of both alarms.
func (p *cloudFormation) Decide(v JibriView) JibriDeeds {
	free, counted := v.in(capacity.JibriFree), len(v.Jibris)-v.in(capacity.JibriRetiring)
	p.short, p.ample = row(p.short, free < cloudFormationFree), row(p.ample, free > cloudFormationFree)
	switch {
	case counted < cloudFormationFree:
		return JibriDeeds{Launch: cloudFormationFree - counted}
	case v.Now.Before(p.rest):
		return JibriDeeds{}
	case p.short >= cloudFormationShort:
		p.rest = v.Now.Add(cloudFormationCooldown)
		return JibriDeeds{Launch: cloudFormationStep}
	case p.ample >= cloudFormationAmple && counted > cloudFormationFree:
		p.rest = v.Now.Add(cloudFormationCooldown)
		return JibriDeeds{Retire: nearestHour(v)}
	}
	return JibriDeeds{}
}

// nearestHour is the recorder that is closest to the end of its billing hour, busy or not.
func nearestHour(v JibriView) []int {
	best, into := -1, time.Duration(-1)
	for _, j := range v.Jibris {
		if j.State != capacity.JibriFree && j.State != capacity.JibriBusy {
			continue
		}
		if at := v.Now.Sub(j.Launched) % time.Hour; at > into {
			best, into = j.ID, at
		}
	}
	if best < 0 {
		return nil
	}
	return []int{best}
}

// staticJibris is a pool that never changes.
type staticJibris struct{ size int }

// Period is that of the look for missing ones.
func (staticJibris) Period() time.Duration { return time.Minute }

// Decide replaces what is missing.
func (s staticJibris) Decide(v JibriView) JibriDeeds {
	return JibriDeeds{Launch: max(0, s.size-len(v.Jibris))}
}

// knowingJibris knows every recording before it begins. It has as many recorders as will be busy at most until one that it
// launched later would be free, and lets the others go as soon as their files are safe.
type knowingJibris struct {
	start  time.Time
	future *future
	ahead  time.Duration
}

// Period is our own schedule's.
func (*knowingJibris) Period() time.Duration { return time.Minute }

// Decide compares what there is with what will be busy.
func (k *knowingJibris) Decide(v JibriView) JibriDeeds {
	wanted := k.future.most(v.Now.Sub(k.start).Seconds(), k.ahead.Seconds())
	there := v.in(capacity.JibriFree) + v.in(capacity.JibriBusy) + v.in(capacity.JibriBooting)
	return JibriDeeds{Launch: max(0, wanted-there), Retire: v.idlest(there - wanted)}
}
