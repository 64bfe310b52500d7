package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/awscloud"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/pace"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/scenario"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

// settleLimit bounds how long after its scenario a fleet may take until every recording is settled and the pool is as it
// was. It is the wall's time, and long, for how fast this machine is says nothing of the fleet.
const settleLimit = 3 * wholeTimeout

// catalogueStep is the wall time between two looks into the catalogue while recordings are on that it does not know.
const catalogueStep = 500 * time.Millisecond

// catalogueWatch is since when the catalogue knows of which session.
type catalogueWatch struct {
	mu    sync.Mutex
	since map[string]time.Time
}

func (c *catalogueWatch) knows(session string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.since[session].IsZero()
}

// all is since when the catalogue knows of each session that it knows.
func (c *catalogueWatch) all() map[string]time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.since)
}

// learn takes in that a session was seen in the catalogue.
func (c *catalogueWatch) learn(session string, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.since == nil {
		c.since = map[string]time.Time{}
	}
	if c.since[session].IsZero() {
		c.since[session] = at
	}
}

// unknown are the days of recordings with media that the catalogue did not know of when it was looked into.
func (c *catalogueWatch) unknown(sessions []standin.Session) []string {
	var days []string
	for _, s := range sessions {
		if day := s.Encoded.UTC().Format(time.DateOnly); s.Bytes > 0 && !c.knows(s.ID) && !slices.Contains(days, day) {
			days = append(days, day)
		}
	}
	return days
}

// followCatalogue looks into the catalogue until the context ends. It needs no answer each time.
func (p *performance) followCatalogue(ctx context.Context) {
	cfg, err := p.stage.aws(ctx)
	if err != nil {
		p.stage.journal.note("problem", "the catalogue is not followed: %v", err)
		return
	}
	catalogue := awscloud.Catalogue{Client: dynamodb.NewFromConfig(cfg), Table: p.stage.kept().Catalogue}
	for pace.Wait(ctx, catalogueStep) == nil {
		for _, day := range p.catalogued.unknown(p.stage.world.Sessions()) {
			entries, err := catalogue.Day(ctx, day)
			if err != nil && ctx.Err() == nil {
				p.stage.journal.note("log", "the catalogue is not read: %v", err)
			}
			for _, e := range entries {
				p.catalogued.learn(e.Session, time.Now())
			}
		}
	}
}

// poolWatch is how soon as many recorders are free as wanted after the last thing that took one.
type poolWatch struct {
	pressed time.Time // when a free recorder was last taken, by a session or a fault, or AWS began to answer again
	since   time.Time // when fewer began to be free than wanted; zero when as many are
	dips    int       // how often that began
	longest time.Duration
	whole   time.Duration // the longest dip from its beginning
}

// look takes in how many recorders are free now.
func (w *poolWatch) look(now time.Time, free, wanted int) {
	switch {
	case free < wanted && w.since.IsZero():
		w.since = now
		w.dips++
	case free >= wanted && !w.since.IsZero():
		w.longest, w.whole = max(w.longest, now.Sub(w.pressed)), max(w.whole, now.Sub(w.since))
		w.since = time.Time{}
	}
}

// watchRecorders looks after the recorders, in scenarios with recordings.
func (p *performance) watchRecorders() {
	if len(p.asked) == 0 {
		return
	}
	p.pool.look(time.Now(), p.stage.freeRecorders(), p.stage.wantedFree())
}

// settled reports whether the play can end: its scenario is over, and with recordings nothing is left to come of them, or
// has not come for too long, which the verdict tells.
func (p *performance) settled(offset time.Duration) bool {
	late := p.stage.clock.Scale(offset - p.plan.Length())
	switch {
	case late < 0:
		return false
	case len(p.asked) == 0:
		return true
	}
	p.unsettled, p.settledAfter = p.outstanding(), late
	return p.unsettled == "" || late >= settleLimit
}

// outstanding says what is still to come of recordings; nothing when all is done.
func (p *performance) outstanding() string {
	s, sessions := p.stage, p.stage.world.Sessions()
	on, made := 0, 0
	for _, one := range sessions {
		switch {
		case one.Ended.IsZero():
			on++
		case one.Bytes > 0:
			made++
		}
	}
	if on > 0 {
		return fmt.Sprintf("%d sessions are on", on)
	}
	if n := len(s.spooled()); n > 0 {
		return fmt.Sprintf("%d files are on disks", n)
	}
	if told := len(distinctEnds(s.journal.ends())); told < made {
		return fmt.Sprintf("%d of %d recordings are not announced", made-told, made)
	}
	if name := silent(p.pending, p.firedInPlay()); name != "" {
		return "the alarm " + name + " has not fired"
	}
	return p.outstandingPool()
}

func (p *performance) outstandingPool() string {
	s := p.stage
	all, serving, free, wanted := len(s.recorders()), len(s.inService()), s.freeRecorders(), s.wantedFree()
	if all != wanted || serving != wanted || free != wanted {
		return fmt.Sprintf("there are %d recorders, of which %d are in service and %d free, and %d should be free", all, serving, free, wanted)
	}
	for _, f := range p.pending {
		if f.Kind == scenario.BreakRecorder && s.serving(f.victim) {
			return fmt.Sprintf("%s is not replaced", f.victim)
		}
	}
	if now, least := s.look(), leastBridges(s.settings); now.Running != least || now.Booting+now.Draining > 0 {
		return fmt.Sprintf("%d bridges run, and the minimum is %d", now.Running, least)
	}
	return ""
}

// distinctEnds are the sessions whose ends were announced.
func distinctEnds(ends []ended) []string {
	var sessions []string
	for _, e := range ends {
		sessions = append(sessions, e.Recording.Session)
	}
	slices.Sort(sessions)
	return slices.Compact(sessions)
}
