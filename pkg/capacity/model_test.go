package capacity

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// modelled is a group on a virtual clock that a decision each minute is carried out on. Participants spread
// evenly over serving bridges; a draining bridge hands its load back to them in equal steps. What has booted joins the
// reserve, and an empty draining bridge ends when it is released.
type modelled struct {
	policy  Policy
	boot    time.Duration // from launch to serving, as it is and not as the policy believes
	drain   int           // minutes until a draining bridge is empty
	now     time.Time
	bridges []*node
	history []Sample
	born    int
	desired int

	launches, undrains, drains, ends int
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
			b.State, b.since = Draining, m.now
		}
	}
	m.place(demand)
	d := DecideBridges(m.observe(), m.policy)
	if d.Complete {
		keep := m.now.Add(-2 * max(m.policy.ShrinkAfter, m.policy.BootTime))
		m.history = append(slices.DeleteFunc(m.history, func(s Sample) bool { return s.At.Before(keep) }), Sample{At: m.now, Demand: d.Demand})
	}
	m.obey(d)
	return d
}

func (m *modelled) place(demand float64) {
	for _, b := range m.in(Draining) {
		if b.pinned {
			continue
		}
		b.Stress = b.load * max(0, 1-m.now.Sub(b.since).Minutes()/float64(m.drain))
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
			b.State, b.since, b.load = Serving, m.now, 0
		case slices.Contains(d.Release, b.ID) && b.Stress == 0:
			m.ends++
			m.desired--
			b.State = "ended"
		}
	}
	m.bridges = slices.DeleteFunc(m.bridges, func(b *node) bool { return b.State == "ended" })
	m.launches, m.undrains, m.drains = m.launches+d.Launch, m.undrains+len(d.Undrain), m.drains+len(d.Drain)
}

// serving are the ids of those that serve.
func (m *modelled) serving() string {
	ids := []string{}
	for _, b := range m.in(Serving) {
		ids = append(ids, string(b.ID))
	}
	return strings.Join(ids, " ")
}

// forget begins the counts anew.
func (m *modelled) forget() { m.launches, m.undrains, m.drains, m.ends = 0, 0, 0, 0 }

// modest draws policies with at most one spare bridge, a maximum that is not in the way, and times that let three
// hours show everything.
func modest() *rapid.Generator[Policy] {
	return rapid.Map(policies(), func(p Policy) Policy {
		p.Spare, p.Slack, p.Max = p.Spare/4, p.Slack/3, 400
		p.BootTime, p.ShrinkAfter = min(p.BootTime, 20*time.Minute), min(p.ShrinkAfter, 40*time.Minute)
		return p
	})
}

// A hot bridge is neither room nor, beyond twice JVB's own threshold, more demand.
func TestOnePermanentlyHotBridgeCausesAtMostOneLaunch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, hot, demand := besideAHotOne(t)
		for range 3 * 60 {
			hot.Stress = hundredths(200, 400).Draw(t, "hot")
			m.minute(demand)
		}
		if m.launches > 1 {
			t.Fatalf("%d launches for one hot bridge and a flat demand of %.2f", m.launches, demand)
		}
	})
}

// Below that, what a hot bridge gains may be people who will need room elsewhere, and no more than what it gained.
func TestAHotBridgeThatSwaysIsNoMoreDemandThanItGains(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, hot, demand := besideAHotOne(t)
		low := rapid.IntRange(100, 200).Draw(t, "lowest")
		n := len(m.bridges)
		bound := n + 1 + int(math.Ceil((saturated-float64(low)/100)/m.policy.Target))
		for range 3 * 60 {
			hot.Stress = hundredths(low, 300).Draw(t, "hot")
			m.minute(demand)
			if len(m.bridges) > bound {
				t.Fatalf("%d bridges grew to %d for one hot bridge and a flat demand of %.2f", n, len(m.bridges), demand)
			}
		}
	})
}

// besideAHotOne is a group in which the first bridge has a room that never ends, and the demand of the others, which
// they can hold.
func besideAHotOne(t *rapid.T) (*modelled, *node, float64) {
	p := modest().Draw(t, "policy")
	n := rapid.IntRange(max(2, p.Min), p.Min+6).Draw(t, "bridges")
	m := newModel(p, n)
	m.boot = time.Duration(rapid.IntRange(1, 25).Draw(t, "boot minutes")) * time.Minute
	m.bridges[0].pinned = true
	return m, m.bridges[0], hundredths(0, 100).Draw(t, "fill") * p.Target * float64(n-1)
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
		m.forget()
		had := len(m.bridges)
		step := hundredths(0, 100).Draw(t, "step") * max(0, float64(had)-before)
		after := before + step
		most := had
		for range 3 * 60 {
			m.minute(after)
			most = max(most, len(m.bridges))
		}
		bound := int(math.Ceil((after+step)/p.Target+p.Spare)) + 1
		if most > had && most > bound {
			t.Fatalf("%d bridges became %d for a step from %.2f to %.2f, more than %d", had, most, before, after, bound)
		}
		if m.launches > max(0, bound-had) {
			t.Fatalf("%d launches beside %d bridges for a step from %.2f to %.2f, more than %d together", m.launches, had, before, after, bound)
		}
		if room := float64(len(m.in(Serving, Draining)))*p.Target - after; room+1e-6 < p.Spare*p.Target {
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
			drains, ends := m.drains, m.ends
			m.minute(hundredths(0, 100).Draw(t, "demand"))
			if len(silent) > 0 && m.drains+m.ends > drains+ends {
				t.Fatalf("%d are drained and %d ended while %d are silent", m.drains-drains, m.ends-ends, len(silent))
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
		for range 4 * 60 {
			m.minute(demand)
		}
		settled := len(m.bridges)
		for _, b := range m.bridges {
			b.Outdated = true
		}
		m.forget()
		// What the slack needs, and what those that serve need to let one go, is bought once beside one replacement for each.
		more := int(math.Ceil(1 + max(p.Slack, standing)))
		for range (settled + more + 1) * 90 {
			before := m.launches
			m.minute(demand)
			if m.launches > before+1 || len(m.in(Booting)) > 1 {
				t.Fatalf("%d are launched, %d boot at once", m.launches-before, len(m.in(Booting)))
			}
			for _, b := range m.in(Serving) {
				if b.Outdated && b.since.Equal(m.now) {
					t.Fatalf("%s is outdated and was taken back", b.ID)
				}
			}
			if len(m.bridges) > settled+more {
				t.Fatalf("%d bridges for a roll of %d", len(m.bridges), settled)
			}
		}
		for _, b := range m.bridges {
			if b.Outdated {
				t.Fatalf("%s of %d is still outdated: %+v", b.ID, settled, *b)
			}
		}
		if m.launches > settled+more {
			t.Fatalf("%d launches for %d outdated bridges", m.launches, settled)
		}
		m.forget()
		serving := m.serving()
		for range 3 * 60 {
			m.minute(demand)
		}
		if m.launches > 0 || m.ends > 0 || m.serving() != serving {
			t.Fatalf("%d launches and %d ends after the roll", m.launches, m.ends)
		}
	})
}
