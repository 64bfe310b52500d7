package capacity

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestADipBeforeTheHourThatFillsAgainChangesNothingThatIsPaidFor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := modest().Draw(t, "policy")
		n := rapid.IntRange(p.Min, p.Min+8).Draw(t, "bridges")
		m := newModel(p, n)
		full := hundredths(0, 100).Draw(t, "fill") * p.Target * float64(n)
		low := full * hundredths(0, 100).Draw(t, "low")
		dip := rapid.IntRange(1, int(p.ShrinkAfter/time.Minute)-1).Draw(t, "dip minutes")
		for minute := range 6 * 60 {
			if minute == 3*60 {
				m.forget()
			}
			demand := full
			if minute%60 >= 60-dip {
				demand = low
			}
			m.minute(demand)
		}
		if m.launches+m.ends > 0 {
			t.Fatalf("%d launches, %d ends", m.launches, m.ends)
		}
	})
}

func TestAtAConstantDemandTheSetThatServesSettlesAndStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := modest().Draw(t, "policy")
		m := newModel(p, rapid.IntRange(p.Min, p.Min+8).Draw(t, "bridges"))
		m.drain = rapid.IntRange(1, 60).Draw(t, "drain minutes")
		demand := hundredths(0, 100).Draw(t, "fill") * p.Target * float64(len(m.bridges))
		for range int(2*p.BootTime/time.Minute) + m.drain + 5 {
			m.minute(demand)
		}
		serving := m.serving()
		m.forget()
		for range 3 * 60 {
			m.minute(demand)
		}
		if m.launches+m.drains+m.undrains > 0 || m.serving() != serving {
			t.Fatalf("%q became %q with %d launches, %d drains, %d taken back", serving, m.serving(), m.launches, m.drains, m.undrains)
		}
	})
}

func TestADemandThatWigglesWithinTheReactionMovesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := modest().Draw(t, "policy")
		m := newModel(p, rapid.IntRange(p.Min, p.Min+8).Draw(t, "bridges"))
		demand := hundredths(0, 100).Draw(t, "fill") * p.Target * float64(len(m.bridges))
		by := hundredths(0, 100).Draw(t, "by") * demand
		for minute := range 7 * 60 {
			if minute == 4*60 {
				m.forget()
			}
			wiggle := by
			if highest := minute%2 == 0; !highest {
				wiggle = rapid.Float64Range(0, 1).Draw(t, "share") * by
			}
			m.minute(demand - by + wiggle)
		}
		if m.launches+m.drains+m.undrains+m.ends > 0 {
			t.Fatalf("%d launches, %d drains, %d taken back, %d ends", m.launches, m.drains, m.undrains, m.ends)
		}
	})
}
