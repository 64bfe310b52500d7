package capacity

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// modelled is a group on a virtual clock that a decision each minute is carried out on. Participants spread
// evenly over serving bridges; a draining bridge hands its load back to them in equal steps.
type modelled struct {
	policy  Policy
	boot    time.Duration // from launch to serving, as it is and not as the policy believes
	drain   int           // minutes until a draining bridge is empty
	now     time.Time
	bridges []*node
	history []Sample
	born    int
	desired int

	launches, undrains, drains int
}

type node struct {
	Bridge
	since    time.Time // of its state
	load     float64   // when its drain began
	pinned   bool      // its stress is fixed, whatever others carry
	launched time.Time
}

func newModel(p Policy, n int) *modelled {
	m := &modelled{policy: p, boot: p.BootTime, drain: 10, now: noon, desired: n}
	for range n {
		m.add(Serving)
	}
	return m
}

func (m *modelled) add(s State) *node {
	m.born++
	b := &node{Bridge: Bridge{ID: fleet.InstanceID(fmt.Sprintf("i-%04d", m.born)), State: s}, since: m.now, launched: m.now}
	m.bridges = append(m.bridges, b)
	return b
}

func (m *modelled) in(states ...State) []*node {
	var found []*node
	for _, b := range m.bridges {
		if slices.Contains(states, b.State) {
			found = append(found, b)
		}
	}
	return found
}

// minute lets one minute pass in which the participants' stress is demand, and carries out what is decided.
func (m *modelled) minute(demand float64) Decision {
	m.now = m.now.Add(time.Minute)
	for _, b := range m.in(Booting) {
		if m.now.Sub(b.since) >= m.boot {
			b.State, b.since = Serving, m.now
		}
	}
	m.place(demand)
	d := DecideBridges(m.observe(), m.policy)
	if d.Complete {
		keep := m.now.Add(-2 * max(m.policy.ShrinkAfter, m.policy.BootTime))
		m.history = append(slices.DeleteFunc(m.history, func(s Sample) bool { return s.At.Before(keep) }), Sample{m.now, d.Demand})
	}
	m.obey(d)
	return d
}

func (m *modelled) place(demand float64) {
	for _, b := range m.in(Draining) {
		left := 1 - m.now.Sub(b.since).Minutes()/float64(m.drain)
		if left <= 0 {
			m.bridges = slices.DeleteFunc(m.bridges, func(o *node) bool { return o == b })
			m.desired--
			continue
		}
		b.Stress = b.load * left
		demand -= b.Stress
	}
	takers := slices.DeleteFunc(m.in(Serving), func(b *node) bool { return b.pinned })
	for _, b := range takers {
		b.Stress = max(0, demand) / float64(len(takers))
	}
}

// observe sees what was launched a minute ago; what is launched now is only in the desired capacity.
func (m *modelled) observe() Input {
	in := Input{Now: m.now, Desired: m.desired, History: m.history}
	for _, b := range m.bridges {
		if b.State == Booting && b.launched.Equal(m.now) {
			continue
		}
		in.Bridges = append(in.Bridges, b.Bridge)
	}
	in.Counted = len(in.Bridges)
	return in
}

func (m *modelled) obey(d Decision) {
	for range d.Launch {
		m.add(Booting)
	}
	m.desired += d.Launch
	for _, b := range m.bridges {
		switch {
		case slices.Contains(d.Drain, b.ID):
			b.State, b.since, b.load = Draining, m.now, b.Stress
		case slices.Contains(d.Undrain, b.ID):
			b.State, b.since = Serving, m.now
		}
	}
	m.launches, m.undrains, m.drains = m.launches+d.Launch, m.undrains+len(d.Undrain), m.drains+len(d.Drain)
}

// modest draws policies with at most one spare bridge, a maximum that is not in the way, and times that let three
// hours show everything.
func modest() *rapid.Generator[Policy] {
	return rapid.Map(policies(), func(p Policy) Policy {
		p.Spare, p.Slack, p.Max = p.Spare/4, p.Slack/3, 400
		p.BootTime, p.ShrinkAfter = min(p.BootTime, 20*time.Minute), min(p.ShrinkAfter, 40*time.Minute)
		return p
	})
}

func TestOnePermanentlyHotBridgeCausesAtMostOneLaunch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := modest().Draw(t, "policy")
		n := rapid.IntRange(max(2, p.Min), p.Min+6).Draw(t, "bridges")
		m := newModel(p, n)
		m.boot = time.Duration(rapid.IntRange(1, 25).Draw(t, "boot minutes")) * time.Minute
		hot := m.bridges[0]
		hot.pinned = true
		demand := hundredths(0, 100).Draw(t, "fill") * p.Target * float64(n-1)
		for range 3 * 60 {
			hot.Stress = hundredths(100, 300).Draw(t, "hot")
			hot.State = Serving // Jicofo keeps a room that never ends where it is
			m.minute(demand)
			if hot.State != Serving {
				m.drains--
			}
		}
		if m.launches > 1 {
			t.Fatalf("%d launches for one hot bridge and a flat demand of %.2f on %d others", m.launches, demand, n-1)
		}
	})
}

// The bound: the law buys for the new demand, for as much growth once more within a boot time, and for the spare;
// two rounds of buying round up once more.
func TestAStepOfDemandIsBoughtOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := modest().Draw(t, "policy")
		n := rapid.IntRange(p.Min, p.Min+6).Draw(t, "bridges")
		m := newModel(p, n)
		m.boot = time.Duration(rapid.IntRange(1, 25).Draw(t, "boot minutes")) * time.Minute
		before := hundredths(0, 100).Draw(t, "fill") * p.Target * float64(n)
		for range 3 * 60 {
			m.minute(before)
		}
		m.launches = 0
		had := len(m.in(Serving, Booting))
		step := hundredths(0, 100).Draw(t, "step") * (float64(had) - before)
		after := before + max(0, step)
		for range 3 * 60 {
			m.minute(after)
		}
		bound := int(math.Ceil((after+step)/p.Target+p.Spare)) + 1
		if m.launches > 0 && had+m.launches > bound {
			t.Fatalf("%d bridges and %d launches for a step from %.2f to %.2f, more than %d", had, m.launches, before, after, bound)
		}
		if room := float64(len(m.in(Serving)))*p.Target - after; room+1e-6 < p.Spare*p.Target {
			t.Fatalf("room of %.2f is left, less than the spare %.2f", room, p.Spare*p.Target)
		}
	})
}

func TestATelemetryGapShrinksNothingWhileItLasts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := modest().Draw(t, "policy")
		n := rapid.IntRange(p.Min, p.Min+8).Draw(t, "bridges")
		m := newModel(p, n)
		begin := rapid.IntRange(0, 180).Draw(t, "gap begins")
		end := begin + rapid.IntRange(1, 240).Draw(t, "gap lasts")
		share := rapid.IntRange(1, 100).Draw(t, "percent silent")
		for minute := range 400 {
			silent := m.in(Serving)
			if minute < begin || minute >= end {
				silent = nil
			}
			silent = silent[:(len(silent)*share+99)/100]
			for _, b := range silent {
				b.State = Silent
			}
			drains, desired := m.drains, m.desired
			m.minute(hundredths(0, 100).Draw(t, "demand"))
			if len(silent) > 0 && m.drains > drains {
				t.Fatalf("%d are drained while %d are silent", m.drains-drains, len(silent))
			}
			if ended := len(m.in(Draining)); len(silent) > 0 && m.desired < desired && ended == 0 && m.drains == 0 {
				t.Fatal("something was ended that was never drained")
			}
			for _, b := range silent {
				b.State = Serving
			}
		}
	})
}

func TestOutdatedBridgesAreRolledOneByOneAndOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := modest().Draw(t, "policy")
		p.BootTime = min(p.BootTime, 10*time.Minute)
		n := rapid.IntRange(p.Min, p.Min+5).Draw(t, "bridges")
		m := newModel(p, n)
		m.drain = rapid.IntRange(1, 60).Draw(t, "drain minutes")
		demand := hundredths(0, 100).Draw(t, "fill") * p.Target * float64(n)
		for range 3 * 60 {
			m.minute(demand)
		}
		settled := len(m.in(Serving, Booting))
		for _, b := range m.bridges {
			b.Outdated = true
		}
		m.launches, m.undrains = 0, 0
		left, leaving := settled, 0
		for range (settled + 1) * 90 {
			m.minute(demand)
			left = 0
			for _, b := range m.in(Serving, Booting) {
				if b.Outdated {
					left++
				}
			}
			leaving = max(leaving, len(m.in(Draining)))
		}
		if left > 0 {
			t.Fatalf("%d of %d are still outdated", left, settled)
		}
		if m.undrains > 0 {
			t.Fatalf("%d were taken back from draining", m.undrains)
		}
		// What the slack needs is bought once beside one replacement for each.
		if spare := int(math.Ceil(1 + p.Slack)); m.launches > settled+spare {
			t.Fatalf("%d launches for %d outdated bridges", m.launches, settled)
		}
		if leaving > 1 {
			t.Fatalf("%d drained at once", leaving)
		}
		m.launches, m.drains = 0, 0
		for range 3 * 60 {
			m.minute(demand)
		}
		if m.launches > 0 || m.drains > 0 {
			t.Fatalf("%d launches and %d drains after the roll", m.launches, m.drains)
		}
	})
}

func TestADipBeforeTheHourThatFillsAgainChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := modest().Draw(t, "policy")
		n := rapid.IntRange(p.Min, p.Min+8).Draw(t, "bridges")
		m := newModel(p, n)
		full := hundredths(0, 100).Draw(t, "fill") * p.Target * float64(n)
		low := full * hundredths(0, 100).Draw(t, "low")
		dip := rapid.IntRange(1, int(p.ShrinkAfter/time.Minute)-1).Draw(t, "dip minutes")
		for minute := range 6 * 60 {
			if minute == 3*60 {
				m.launches, m.drains, m.undrains = 0, 0, 0
			}
			demand := full
			if minute%60 >= 60-dip {
				demand = low
			}
			m.minute(demand)
		}
		if m.launches+m.drains+m.undrains > 0 {
			t.Fatalf("%d launches, %d drains, %d taken back", m.launches, m.drains, m.undrains)
		}
	})
}
