package reconcile

import (
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// jibriMemory is what the loop that keeps recorders free leaves to its next run.
type jibriMemory struct {
	// Needed is how many recorders were needed in the last minutes, oldest first.
	Needed []capacity.Sample `json:"needed,omitempty"`
	// Starts is when recordings and streams began; Counters is each recorder's own count of them, as last heard.
	Starts   []capacity.Starts          `json:"starts,omitempty"`
	Counters map[fleet.InstanceID]int64 `json:"counters,omitempty"`
	// Leaving is when recorders in service were told to shut down.
	Leaving map[fleet.InstanceID]time.Time `json:"leaving,omitempty"`
	// Unfit is since when recorders have been neither free nor busy, and Shunned since when no Jicofo would choose those
	// that say that they are free.
	Unfit   map[fleet.InstanceID]time.Time `json:"unfit,omitempty"`
	Shunned map[fleet.InstanceID]time.Time `json:"shunned,omitempty"`
	// Unfolded is what began in each minute since the profile was written, and Folded when that was.
	Unfolded []capacity.Starts `json:"unfolded,omitempty"`
	Folded   time.Time         `json:"folded,omitzero"`
	// Awaited is the forecast that is judged next.
	Awaited *awaitedStarts `json:"awaited,omitempty"`
	// Quarantined is when broken recorders were replaced.
	Quarantined []time.Time `json:"quarantined,omitempty"`
}

// leave remembers the first of several orders.
func (m *jibriMemory) leave(id fleet.InstanceID, since time.Time) { noteFirst(&m.Leaving, id, since) }

func noteFirst(m *map[fleet.InstanceID]time.Time, id fleet.InstanceID, at time.Time) {
	if _, known := (*m)[id]; !known {
		note(m, id, at)
	}
}

// forget drops instances that are not in service, the leave of those that take recordings all the same, such as one
// that got a recording before the order came, and the count of those that are not in the group.
func (m *jibriMemory) forget(o fleet.Observation) {
	inService, known := map[fleet.InstanceID]bool{}, map[fleet.InstanceID]bool{}
	for _, i := range o.Group.Instances {
		inService[i.ID], known[i.ID] = i.Lifecycle == fleet.StateInService, true
	}
	for _, times := range []map[fleet.InstanceID]time.Time{m.Leaving, m.Unfit, m.Shunned} {
		for id := range times {
			if !inService[id] {
				delete(times, id)
			}
		}
	}
	for id := range m.Leaving {
		if r := o.Nodes[id]; r.Err == nil && (r.Status.Phase == fleet.PhaseServing || r.Status.Phase == fleet.PhaseStandby) {
			delete(m.Leaving, id)
		}
	}
	for id := range m.Counters {
		if !known[id] {
			delete(m.Counters, id)
		}
	}
}

// follow notes since when each recorder has looked as it does. A silent one keeps what it was.
func (m *jibriMemory) follow(now time.Time, sights []sight) []sight {
	for _, s := range sights {
		id := s.instance.ID
		switch s.kind {
		case looksSilent:
			continue
		case looksDisputed, looksIdle, looksBroken:
			noteFirst(&m.Unfit, id, now)
		default:
			delete(m.Unfit, id)
		}
		if s.kind == looksDisputed && s.opinion.Unanimous() {
			noteFirst(&m.Shunned, id, now)
		} else {
			delete(m.Shunned, id)
		}
	}
	return sights
}

// count adds what has begun since each recorder was last heard, and says how much that is. A recorder that is heard
// for the first time is a new one, but for the loop's own first time, when nothing is known of when what it counts was.
func (m *jibriMemory) count(o fleet.Observation, bootTime time.Duration) int {
	started, first := 0, len(m.Counters) == 0
	for id, r := range o.Nodes {
		if r.Err != nil || r.Status.Jibri == nil {
			continue
		}
		if !first {
			started += int(max(0, r.Status.Jibri.Starts-m.Counters[id]))
		}
		if m.Counters == nil {
			m.Counters = map[fleet.InstanceID]int64{}
		}
		m.Counters[id] = r.Status.Jibri.Starts
	}
	m.Starts = slices.DeleteFunc(m.Starts, func(s capacity.Starts) bool { return o.At.Sub(s.At) > bootTime })
	if started == 0 {
		return 0
	}
	if last := len(m.Starts) - 1; last >= 0 && o.At.Sub(m.Starts[last].At) < bootTime/samplesKept {
		m.Starts[last].Count += started
		return started
	}
	m.Starts = append(m.Starts, capacity.Starts{At: o.At, Count: started})
	return started
}

// remember keeps how many recorders are needed for a while; runs that are closer together share one sample, the
// highest, so that wake-ups do not fill the memory.
func (m *jibriMemory) remember(at time.Time, needed int, keep time.Duration) {
	if last := len(m.Needed) - 1; last >= 0 && at.Sub(m.Needed[last].At) < keep/samplesKept {
		m.Needed[last].Demand = max(m.Needed[last].Demand, float64(needed))
		return
	}
	m.Needed = append(m.Needed, capacity.Sample{At: at, Demand: float64(needed)})
	m.Needed = slices.DeleteFunc(m.Needed, func(s capacity.Sample) bool { return at.Sub(s.At) > keep })
}

// quarantined counts the replacements since a moment and forgets older ones.
func (m *jibriMemory) quarantined(since time.Time) int {
	m.Quarantined = slices.DeleteFunc(m.Quarantined, func(t time.Time) bool { return t.Before(since) })
	return len(m.Quarantined)
}
