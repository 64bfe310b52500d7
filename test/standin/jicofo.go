package standin

import (
	"cmp"
	"slices"
)

// liveJicofo is what a shard's Jicofo does by itself: it notices what has become of bridges, and invites their
// participants to others.
func (w *World) liveJicofo(sh *shard) {
	s := sh.active
	if s == nil {
		return
	}
	for _, b := range slices.Clone(s.brewery) {
		switch {
		case b.dead && !w.now.Before(b.noticeAt):
			s.brewery = slices.DeleteFunc(s.brewery, func(x *bridge) bool { return x == b })
			s.forget(b)
		case b.hung != nil && !w.now.Before(b.hungAt.Add(w.scaled(healthInterval))):
			b.seen.failed = true
		case b.seen.shuttingDown || b.seen.ever && !b.seen.healthy:
			w.moveAway(s, b)
		}
	}
	waiting := s.waiting
	s.waiting = nil
	for _, p := range waiting {
		if w.people[p.ticket] == nil {
			continue // left while waiting
		}
		if !w.invite(s, p) {
			s.waiting = append(s.waiting, p)
		}
	}
}

// moveAway invites everybody on a bridge to another, as far as there is one.
func (w *World) moveAway(s *signal, b *bridge) {
	for _, ticket := range sortedTickets(b.people) {
		if p := b.people[ticket]; w.invite(s, p) {
			w.counts.Moved++
			s.participantsMoved++
		}
	}
}

// invite gives a participant the bridge that Jicofo chooses now; false when there is none but the one it is on.
func (w *World) invite(s *signal, p *participant) bool {
	chosen := w.choose(s, p.room)
	if chosen == nil || chosen == p.bridge {
		return false
	}
	if p.lost && !p.dropped {
		w.counts.Rejoined++
		w.counts.InterruptionSeconds += w.now.Sub(p.lostAt).Seconds() * w.options.Factor
	}
	w.place(p, chosen)
	return true
}

// operational is Jicofo's judgement of a bridge in its brewery.
func (b *bridge) operational() bool { return b.seen.ever && b.seen.healthy && !b.seen.failed }

// corrected is the stress that Jicofo reckons with: as reported, and of those who joined since.
func (w *World) corrected(b *bridge) float64 {
	since := w.now.Add(-w.scaled(rampUp))
	for len(b.joins) > 0 && b.joins[0].Before(since) {
		b.joins = b.joins[1:]
	}
	return b.seen.stress + float64(len(b.joins))*participantStress
}

// choose is Jicofo's bridge selection for a new participant of a conference (BridgeSelector.kt): hard filters, then
// preferences, then the strategy. It is nil when no bridge can be used.
func (w *World) choose(s *signal, r *room) *bridge {
	inRoom := r.bridges()
	usable := filter(s.brewery, func(b *bridge) bool {
		// A bridge in graceful shutdown rejects conferences that it does not hold, and Jicofo tries the next.
		return b.operational() && !b.seen.shuttingDown && !(b.graceful && !b.dead && inRoom[b] == 0)
	})
	if w.options.NoRelays && len(inRoom) > 0 {
		usable = preferred(usable, func(b *bridge) bool { return inRoom[b] > 0 })
		return w.leastLoaded(usable)
	}
	usable = preferred(usable, func(b *bridge) bool { return !b.seen.drain })
	usable = preferred(usable, func(b *bridge) bool { return !b.seen.graceful })
	roomy := filter(usable, func(b *bridge) bool {
		return w.corrected(b) < stressThreshold && inRoom[b] < conferenceMost
	})
	if len(roomy) == 0 {
		return w.leastLoaded(usable)
	}
	return w.leastLoaded(preferred(roomy, func(b *bridge) bool { return inRoom[b] > 0 }))
}

func (w *World) leastLoaded(bridges []*bridge) *bridge {
	if len(bridges) == 0 {
		return nil
	}
	return slices.MinFunc(bridges, func(a, b *bridge) int {
		return cmp.Or(cmp.Compare(w.corrected(a), w.corrected(b)), cmp.Compare(a.id, b.id))
	})
}

func filter(bridges []*bridge, keep func(*bridge) bool) []*bridge {
	var kept []*bridge
	for _, b := range bridges {
		if keep(b) {
			kept = append(kept, b)
		}
	}
	return kept
}

// preferred are those that are better, if there are any, else all.
func preferred(bridges []*bridge, better func(*bridge) bool) []*bridge {
	if best := filter(bridges, better); len(best) > 0 {
		return best
	}
	return bridges
}
