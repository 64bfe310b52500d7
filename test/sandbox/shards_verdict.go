package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/metrics"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/scenario"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/visit"
)

const (
	// settling is how long after a change HAProxy nodes may disagree: the agent reads the parameter, and HAProxy asks
	// the agent each 2 s (agent-inter in pkg/routing). The rest is for a busy machine. It is the wall's time, for
	// HAProxy is no faster because a day is.
	settling = 3 * time.Second
	// mending bounds how long a room may be on two shards, and how long the rooms of a dead shard may be nowhere.
	mending = 60 * time.Second
)

// evidence is what the verdict on the shards is drawn from.
type evidence struct {
	faults  []fault
	users   visit.Tally
	splits  splits
	emptied []announcement
	// measuredEmpty reports whether the metric said that a shard was empty between two times.
	measuredEmpty func(shard string, from, to time.Time) bool
	end           time.Time
}

func (p *performance) evidence() evidence {
	store, name := p.stage.cloud.Metrics(), p.stage.settings.Fleet
	return evidence{
		faults: p.pending, users: p.crowd.Tally(), splits: p.splits, emptied: p.stage.journal.announcements(), end: time.Now(),
		measuredEmpty: func(shard string, from, to time.Time) bool {
			values := store.Between(metrics.Series{Namespace: telemetry.Namespace, Name: telemetry.ShardEmpty.Name,
				Dimensions: map[string]string{telemetry.DimensionFleet: name, telemetry.DimensionShard: shard}}, from, to)
			return slices.Contains(values, 1)
		},
	}
}

// shardsReport is what a run tells of its shards. Times are seconds on the wall.
type shardsReport struct {
	SplitWhileStable []string      `json:"splitWhileStable"` // rooms that were on two shards at once without a cause
	SplitAtChanges   []string      `json:"splitAtChanges"`   // those around a change of a shard's state
	LongestSplit     float64       `json:"longestSplitSeconds"`
	Drains           []drainReport `json:"drains,omitempty"`
	Deaths           []deathReport `json:"deaths,omitempty"`
}

type drainReport struct {
	Shard     string  `json:"shard"`
	Rooms     int     `json:"rooms"` // that it had
	People    int     `json:"people"`
	LastNew   float64 `json:"lastNewRoomSeconds"` // after the drain; 0 when none came
	Elsewhere int     `json:"newRoomsElsewhere"`  // while it drained
	Empty     float64 `json:"emptySeconds"`       // until it was announced; 0 when it was not
}

type deathReport struct {
	Shard     string  `json:"shard"`
	Node      string  `json:"node"`
	Rooms     int     `json:"rooms"`
	People    int     `json:"people"`
	Rejoined  int     `json:"rejoined"`  // of them
	LeftFirst int     `json:"leftFirst"` // visits that ended before
	Median    float64 `json:"servedAgainMedianSeconds"`
	Longest   float64 `json:"servedAgainLongestSeconds"`
	Replaced  float64 `json:"replacedSeconds"`
	Taken     float64 `json:"takenByEveryHAProxySeconds"`
	FirstNew  float64 `json:"firstNewRoomSeconds"` // on the new node, after the loss
}

// changing reports whether the shards' states were not stable at a time.
func changing(faults []fault, at time.Time) bool {
	return slices.ContainsFunc(faults, func(f fault) bool {
		if !f.Kind.OfShard() || !f.begun {
			return false
		}
		return f.during(at) || !at.Before(f.at) && at.Before(f.at.Add(settling))
	})
}

// during reports whether a shard was dead at a time, or had come back only just now: a shard is back when every HAProxy
// uses it, and until then one may send a new room there that another takes elsewhere.
func (f fault) during(at time.Time) bool {
	if f.Kind != scenario.KillShard || !f.begun || at.Before(f.at) {
		return false
	}
	return f.taken.IsZero() || at.Before(f.taken.Add(settling))
}

// dead reports whether a shard was dead at a time.
func dead(faults []fault, shard string, at time.Time) bool {
	return slices.ContainsFunc(faults, func(f fault) bool { return f.Shard == shard && f.during(at) })
}

// judgeShards draws the verdict on scenarios in which something happens to shards.
func (r *result) judgeShards(e evidence) {
	if r.plan.Shards == 0 {
		return
	}
	r.Shards = &shardsReport{SplitWhileStable: []string{}, SplitAtChanges: []string{}}
	r.judgeSplits(e)
	r.judgeLosses(e)
	for i, f := range e.faults {
		if !f.begun {
			continue
		}
		until := e.end
		for _, next := range e.faults[i+1:] {
			if next.begun && next.Shard == f.Shard && next.at.Before(until) {
				until = next.at
			}
		}
		switch f.Kind {
		case scenario.DrainShard:
			r.judgeDrain(e, f, until)
		case scenario.ReadyShard:
			if !slices.ContainsFunc(e.users.Openings, func(o visit.Sighting) bool { return o.Shard == f.Shard && between(o.At, f.at, until) }) {
				r.fail("no new room went to %s after it was made ready", f.Shard)
			}
		case scenario.KillShard:
			r.judgeDeath(e, f, until)
		case scenario.SilenceAgents, scenario.KillBridge:
		}
	}
}

func between(at, from, to time.Time) bool { return !at.Before(from) && at.Before(to) }

func (r *result) judgeSplits(e evidence) {
	for _, s := range e.splits {
		if !changing(e.faults, s.Since) {
			r.Shards.SplitWhileStable = append(r.Shards.SplitWhileStable, s.Room)
			r.fail("the room %s was on two shards while the shards' states were stable", s.Room)
			continue
		}
		r.Shards.SplitAtChanges = append(r.Shards.SplitAtChanges, s.Room)
		r.Shards.LongestSplit = max(r.Shards.LongestSplit, s.Last.Sub(s.Since).Seconds())
		if lasted := s.Last.Sub(s.Since); lasted > mending || !s.Over {
			r.fail("the room %s was on two shards for %.1f s after a change", s.Room, lasted.Seconds())
		}
	}
}

// judgeLosses holds that nobody lost a session but with a dead shard, or in a room that a change had split.
func (r *result) judgeLosses(e evidence) {
	away, dropped := 0, 0
	var unanswered []visit.Unanswered
	for _, l := range e.users.Losses {
		if l.Back.IsZero() && !l.Ended {
			away++
		}
		if !dead(e.faults, l.From, l.At) && !slices.Contains(r.Shards.SplitAtChanges, l.Room) {
			dropped++
		}
	}
	for _, u := range e.users.Unanswered {
		if !dead(e.faults, u.Shard, u.At) {
			unanswered = append(unanswered, u)
		}
	}
	if away > 0 {
		r.fail("%d participants who lost their sessions were not in again at the end", away)
	}
	if dropped > 0 {
		r.fail("%d participants outside a dead shard lost their sessions", dropped)
	}
	if len(unanswered) > 0 {
		first := unanswered[0]
		r.fail("%d requests of rooms outside a dead shard were not answered, the first of %s on %s: %s", len(unanswered), first.Room, first.Shard, first.Why)
	}
}

func (r *result) judgeDrain(e evidence, f fault, until time.Time) {
	d := drainReport{Shard: f.Shard, Rooms: len(f.rooms), People: f.people}
	late := 0
	for _, o := range e.users.Openings {
		switch {
		case !between(o.At, f.at, until):
		case o.Shard != f.Shard:
			d.Elsewhere++
		default:
			d.LastNew = max(d.LastNew, o.At.Sub(f.at).Seconds())
			if o.At.Sub(f.at) > settling {
				late++
			}
		}
	}
	for _, a := range e.emptied {
		if a.Shard == f.Shard && between(a.At, f.at, until) && d.Empty == 0 {
			d.Empty = a.At.Sub(f.at).Seconds()
		}
	}
	r.Shards.Drains = append(r.Shards.Drains, d)
	if late > 0 {
		r.fail("%d new rooms went to %s more than %s after it began to drain", late, f.Shard, settling)
	}
	if d.Elsewhere == 0 || d.Rooms == 0 {
		r.fail("the drain of %s proves nothing: it had %d rooms, and %d new ones went elsewhere", f.Shard, d.Rooms, d.Elsewhere)
	}
	if d.Empty == 0 || !e.measuredEmpty(f.Shard, f.at, until) {
		r.fail("%s was not announced as empty, by event and metric, before anything else happened to it", f.Shard)
	}
}

func (r *result) judgeDeath(e evidence, f fault, until time.Time) {
	d := deathReport{Shard: f.Shard, Node: string(f.victim), Rooms: len(f.rooms), People: f.people}
	served := map[string]time.Duration{} // each room's first participant who is in again
	for _, l := range e.users.Losses {
		if l.From != f.Shard || !f.during(l.At) || !slices.Contains(f.rooms, l.Room) {
			continue
		}
		if l.Back.IsZero() {
			d.LeftFirst++
			continue
		}
		d.Rejoined++
		if after := l.Back.Sub(f.at); served[l.Room] == 0 || after < served[l.Room] {
			served[l.Room] = after
		}
	}
	d.Median, d.Longest = medianAndLongest(served)
	if !f.back.IsZero() {
		d.Replaced = f.back.Sub(f.at).Seconds()
		if !f.taken.IsZero() {
			d.Taken = f.taken.Sub(f.at).Seconds()
		}
		for _, o := range e.users.Openings {
			if o.Shard == f.Shard && between(o.At, f.back, until) && d.FirstNew == 0 {
				d.FirstNew = o.At.Sub(f.at).Seconds()
			}
		}
	}
	r.Shards.Deaths = append(r.Shards.Deaths, d)
	switch {
	case d.Rejoined == 0:
		r.fail("nobody of the %d participants on the lost %s joined again elsewhere", d.People, f.Shard)
	case d.Longest > mending.Seconds():
		r.fail("a room of the lost %s was served again only after %.1f s", f.Shard, d.Longest)
	}
	switch {
	case d.Replaced == 0:
		r.fail("the lost signal node %s of %s was not replaced", f.victim, f.Shard)
	case d.Taken == 0:
		r.fail("the new signal node of %s was not used by every HAProxy", f.Shard)
	case d.FirstNew == 0:
		r.fail("the new signal node of %s took no new rooms", f.Shard)
	}
}

// medianAndLongest are in seconds; both are 0 for no room.
func medianAndLongest(by map[string]time.Duration) (median, longest float64) {
	var all []time.Duration
	for _, d := range by {
		all = append(all, d)
	}
	if len(all) == 0 {
		return 0, 0
	}
	slices.Sort(all)
	return all[(len(all)-1)/2].Seconds(), all[len(all)-1].Seconds()
}

// judgeMoves holds that rooms stay where they are, but for those of a dead shard and those around a change.
func (r *result) judgeMoves(faults []fault) {
	var moved []string
	for _, m := range r.Users.Moves {
		if !dead(faults, m.From, m.At) && !changing(faults, m.At) && !slices.Contains(moved, m.Room) {
			moved = append(moved, m.Room)
		}
	}
	if len(moved) > 0 {
		r.fail("rooms were seen on two shards: %s", strings.Join(moved, ", "))
	}
}

func secondsText(s float64) string { return fmt.Sprintf("%.1f s", s) }

// tell prints what came of it.
func (s *shardsReport) tell(out *progress) {
	if s == nil {
		return
	}
	out.line("rooms on two shards at once: %d while the shards' states were stable, %d around a change, for %.1f s at most",
		len(s.SplitWhileStable), len(s.SplitAtChanges), s.LongestSplit)
	for _, d := range s.Drains {
		last := "none after it"
		if d.LastNew > 0 {
			last = secondsText(d.LastNew) + " after it at the latest"
		}
		out.line("drain of %s with %d participants in %d rooms: its new rooms: %s; %d went elsewhere; announced as empty after %s",
			d.Shard, d.People, d.Rooms, last, d.Elsewhere, secondsText(d.Empty))
	}
	for _, d := range s.Deaths {
		out.line("loss of %s with %d participants in %d rooms: %d joined again elsewhere, %d left before; rooms served again after %s (median) to %s",
			d.Shard, d.People, d.Rooms, d.Rejoined, d.LeftFirst, secondsText(d.Median), secondsText(d.Longest))
		out.line("its new signal node was in service after %s, used by every HAProxy after %s, and took its first new room after %s",
			secondsText(d.Replaced), secondsText(d.Taken), secondsText(d.FirstNew))
	}
}
